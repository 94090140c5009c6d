"""The pitch step: normalised log F0 of all utterances, made once before a training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mgf_brain.data.labels.track_files import load_track, save_track
from mgf_brain.data.labels.track_making import track_fingerprint
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import read_patiently
from mgf_brain.features.cache import FileHashes
from mgf_brain.nn.f0 import EPS, HOP, WINDOW, normalise_f0, track_f0
from mgf_brain.targets.parts import HASHES, TrackParts

FORMAT = 1  # raise it when the same inputs give other values


class PitchTracks:
    """Pitch variation every 10 ms; crops have the mean and deviation of their whole utterance.

    What is in the folder is taken if it was made from the same audio.

    Example
    -------
    >>> import soundfile
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "a.wav", np.random.randn(16000) * 0.1, 16000)
    >>> PitchTracks().make([Utterance("a", 1.0, str(folder / "a.wav"), "s")], [], folder)
    >>> load_track(folder).crop("a", start=1600, samples=8000).shape
    torch.Size([48])
    """

    def make(
        self,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        folder: Path,
        device: str = "cpu",
    ) -> None:
        """Write the pitch variation of all utterances, unless the folder has it.

        Arguments
        ---------
        train, valid : sequence of Utterance
        folder : Path
            Gets the track; its figure is the share of voiced frames in percent.
        device : str
            Not used: F0 is tracked on the processor.

        Raises
        ------
        UserError
            If a file is missing or can't be decoded.
        """
        started = time.time()
        content = FileHashes(folder.parent / HASHES).of_all
        fingerprint = track_fingerprint((FORMAT, HOP, WINDOW, EPS), train, valid, content)
        if load_track(folder, fingerprint, verify=True):
            return
        rows, parts = [*train, *valid], TrackParts(folder, fingerprint)
        voiced = frames = 0
        for _, values in tqdm(parts.of("f0", rows, _variations), "F0", len(rows), unit="utt"):
            voiced, frames = voiced + np.count_nonzero(values), frames + len(values)
        grid = {"hop": HOP, "window": WINDOW, "padding": 0.0, "fingerprint": fingerprint}
        figures = {"voiced": 100.0 * voiced / frames}
        save_track(folder, parts.of("f0", rows, _variations), grid, figures, started)
        parts.remove()


def _variations(rows: Sequence[Utterance]) -> Iterator[np.ndarray]:
    with ThreadPoolExecutor() as pool:  # decoding and DIO release the interpreter's lock
        yield from pool.map(_variation, rows)


def _variation(row: Utterance) -> np.ndarray:
    """(frames,) float16: its 0.001 is little beside the unit deviation."""
    return normalise_f0(track_f0(read_patiently(row.wav))).numpy().astype(np.float16)
