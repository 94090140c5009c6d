"""Preparing EmoDB (Burkhardt et al., Interspeech 2005): acted German speech of ten actors.

Layout: `wav/SSTTTEV.wav` with the speaker (03 to 16), the sentence (a01 to b10), the emotion's
German initial and the version.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import prepare_corpus
from mgf_brain.data.preparation.layout import audio_by_stem, corpus_root, match_stem

EMOTIONS = {
    "W": "anger",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
}
STEM = re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]", flags=re.ASCII)


def prepare_emodb(
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    workers: int | None = None,
    max_bad_share: float = 0.01,
) -> dict[str, Path]:
    """Check EmoDB and write `<save_folder>/all.csv`, with emotion and fold.

    A fold is a speaker, for leave-one-speaker-out. The findings go to
    `<save_folder>/prepare_summary.json`; nothing is done if nothing changed.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The folder that holds `wav/`; audio may be re-encoded.
    save_folder : str or os.PathLike
        Where the manifest goes.
    workers : int, optional
        Threads that check audio; by default one per core.
    max_bad_share : float
        Share of unusable files up to which they are listed and skipped.

    Returns
    -------
    dict of str to Path
        The manifest of the part `all`: 535 utterances of 7 emotions in the full corpus.

    Raises
    ------
    UserError
        If the folder is missing or another corpus, a file's name does not follow the scheme, or
        too many files are unusable.

    Example
    -------
    >>> prepare_emodb("/nowhere", "/tmp/manifests")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /nowhere. Pass --data_folder <folder>.
    """
    root = corpus_root(data_folder, "wav/*")
    parts = {"all": list(_read(root))}
    return prepare_corpus(parts, root, save_folder, workers=workers, max_bad_share=max_bad_share)


def _read(root: Path) -> Iterator[Utterance]:
    for id, path in audio_by_stem(root / "wav").items():
        name = match_stem(path, STEM, "SSTTTEV")
        yield Utterance(
            id,
            0.0,
            str(path),
            f"emodb-{name['speaker']}",
            label=EMOTIONS[name["emotion"]],
            fold=name["speaker"],
        )
