"""The folds that are held out, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mgf_brain.data.folds import official_split, speaker_folds
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import UserError
from mgf_brain.tasks.classification.training import FoldParts


def folds_of(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> Iterable[FoldParts]:
    """Prepare a corpus of one part, and hold out each of its folds once."""
    (rows,) = corpus_parts(hparams, prepare).values()
    return speaker_folds(rows, hparams.get("held_out_share"))


def official_parts(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> Iterable[FoldParts]:
    """Prepare a corpus with an official split: one fold for each test part."""
    train, _, tests = official_split(corpus_parts(hparams, prepare))
    return [(name, train, test) for name, test in tests.items()]


def labelled(fold: FoldParts) -> FoldParts:
    """The fold without unlabelled utterances.

    Raises
    ------
    UserError
        If none is left to train on, or to score.
    """
    name, train, test = fold
    train, test = ([u for u in rows if u.label] for rows in (train, test))
    if not train or not test:
        raise UserError(f"fold {name} has no labelled utterances to train on or to score.")
    return name, train, test
