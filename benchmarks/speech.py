"""Noise in place of speech, as files: every system reads the same ones from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.manifest import Utterance


def make_speech(folder: Path, utterances: int, seconds: float, suffix: str = "wav") -> list[Path]:
    """Files of noise whose level changes as often as syllables do.

    Arguments
    ---------
    folder : Path
    utterances : int
    seconds : float
        Of each.
    suffix : str
        "wav" or "flac".

    Returns
    -------
    list of Path

    Example
    -------
    >>> import tempfile
    >>> [path.name for path in make_speech(Path(tempfile.mkdtemp()), 2, 0.5)]
    ['0.wav', '1.wav']
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng, paths = np.random.default_rng(0), []
    samples = int(seconds * SAMPLE_RATE)
    for number in range(utterances):
        level = np.repeat(rng.uniform(0.01, 0.3, samples // 3200 + 1), 3200)[:samples]
        path = folder / f"{number}.{suffix}"
        soundfile.write(path, level * rng.uniform(-1, 1, samples), SAMPLE_RATE, subtype="PCM_16")
        paths.append(path)
    return paths


def as_utterances(paths: list[Path]) -> list[Utterance]:
    """The files as rows of a manifest, each of its own speaker."""
    return [
        Utterance(path.stem, soundfile.info(path).duration, str(path), path.stem) for path in paths
    ]
