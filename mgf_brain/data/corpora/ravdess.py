"""Preparing RAVDESS (Livingstone & Russo, PLoS ONE 2018): acted English speech of 24 actors.

Layout: `Actor_<AA>/03-01-<emotion>-<intensity>-<statement>-<repetition>-<AA>.wav`, two digits
each; 03 is audio without video, 01 speech. Songs (02) beside it are left out.
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
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
STEM = re.compile(
    r"03-(?P<channel>0[12])-(?P<emotion>0[1-8])(-\d\d){3}-(?P<actor>\d\d)", flags=re.ASCII
)
SPEECH = "01"
ACTORS_PER_FOLD = 4  # six folds of two women and two men: actors alternate


def prepare_ravdess(
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    workers: int | None = None,
    max_bad_share: float = 0.01,
) -> dict[str, Path]:
    """Check RAVDESS's speech and write `<save_folder>/all.csv`, with emotion and fold.

    The folds are 1 (actors 1 to 4), 2 (5 to 8), …, 6 (21 to 24). The findings go to
    `<save_folder>/prepare_summary.json`; nothing is done if nothing changed.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The folder that holds `Actor_01/`, …; audio may be re-encoded.
    save_folder : str or os.PathLike
        Where the manifest goes.
    workers : int, optional
        Threads that check audio; by default one per core.
    max_bad_share : float
        Share of unusable files up to which they are listed and skipped.

    Returns
    -------
    dict of str to Path
        The manifest of the part `all`: 1,440 utterances of 8 emotions in the full corpus.

    Raises
    ------
    UserError
        If the folder is missing or another corpus, a file's name does not follow the scheme, or
        too many files are unusable.

    Example
    -------
    >>> prepare_ravdess("/nowhere", "/tmp/manifests")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /nowhere. Pass --data_folder <folder>.
    """
    root = corpus_root(data_folder, "Actor_*/03-01-*")
    parts = {"all": list(_read(root))}
    return prepare_corpus(parts, root, save_folder, workers=workers, max_bad_share=max_bad_share)


def _read(root: Path) -> Iterator[Utterance]:
    for folder in sorted(root.glob("Actor_*")):
        for id, path in audio_by_stem(folder).items():
            name = match_stem(path, STEM, "03-01-EE-II-SS-RR-AA")
            if name["channel"] == SPEECH:
                yield Utterance(
                    id,
                    0.0,
                    str(path),
                    f"ravdess-{name['actor']}",
                    label=EMOTIONS[name["emotion"]],
                    fold=str((int(name["actor"]) - 1) // ACTORS_PER_FOLD + 1),
                )
