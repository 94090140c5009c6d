"""Preparing CREMA-D (Cao et al., IEEE TAC 2014): acted English speech of 91 actors.

Layout: `AudioWAV/<actor>_<sentence>_<emotion>_<level>.wav` with the actor (1001 to 1091), three
letters each for sentence and emotion, and the level (LO, MD, HI, XX; one file has X).
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
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
STEM = re.compile(
    rf"(?P<actor>1\d{{3}})_[A-Z]{{3}}_(?P<emotion>{'|'.join(EMOTIONS)})_[A-Z]+", flags=re.ASCII
)
FIRST_ACTOR = 1001
FOLDS = 5


def prepare_cremad(
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    workers: int | None = None,
    max_bad_share: float = 0.01,
) -> dict[str, Path]:
    """Check CREMA-D and write `<save_folder>/all.csv`, with emotion and fold.

    The emotion is the one that was acted, not the one that listeners heard. The corpus has no
    official folds: ours are five by actor, every fifth actor one, so that actor 1001 is in fold
    1, 1002 in 2, …, 1006 in 1 again. The findings go to `<save_folder>/prepare_summary.json`;
    nothing is done if nothing changed.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The folder that holds `AudioWAV/`; audio may be re-encoded.
    save_folder : str or os.PathLike
        Where the manifest goes.
    workers : int, optional
        Threads that check audio; by default one per core.
    max_bad_share : float
        Share of unusable files up to which they are listed and skipped.

    Returns
    -------
    dict of str to Path
        The manifest of the part `all`: 7,442 utterances of 6 emotions in the full corpus.

    Raises
    ------
    UserError
        If the folder is missing or another corpus, a file's name does not follow the scheme, or
        too many files are unusable.

    Example
    -------
    >>> prepare_cremad("/nowhere", "/tmp/manifests")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /nowhere. Pass --data_folder <folder>.
    """
    root = corpus_root(data_folder, "AudioWAV/*")
    parts = {"all": list(_read(root))}
    return prepare_corpus(parts, root, save_folder, workers=workers, max_bad_share=max_bad_share)


def _read(root: Path) -> Iterator[Utterance]:
    for id, path in audio_by_stem(root / "AudioWAV").items():
        name = match_stem(path, STEM, "ID_SENT_EMO_LEVEL")
        yield Utterance(
            id,
            0.0,
            str(path),
            f"cremad-{name['actor']}",
            label=EMOTIONS[name["emotion"]],
            fold=str((int(name["actor"]) - FIRST_ACTOR) % FOLDS + 1),
        )
