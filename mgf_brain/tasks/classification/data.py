"""The folds that are held out, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.data.folds import official_split, speaker_folds
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.run import corpus_parts, read_own
from mgf_brain.errors import UserError
from mgf_brain.tasks.classification.training import FoldParts

logger = logging.getLogger(__name__)


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

    Example
    -------
    >>> rows = [Utterance("a", 1.0, "/a.wav", "s", label=label) for label in ("calm", None)]
    >>> [len(part) for part in labelled(("1", rows, rows[1:]))[1:]]
    [1, 0]
    """
    name, train, test = fold
    train, test = ([u for u in rows if u.label] for rows in (train, test))
    return name, train, test


def own_folds(hparams: Mapping[str, Any]) -> list[FoldParts]:
    """The folds of the labelled rows of the user's manifest, see ``speaker_folds``.

    What is wrong with labels and folds is said before any audio is read.

    Raises
    ------
    UserError
        If no row has a label, or as ``speaker_folds`` and ``require_classes``.
    """

    def folds(rows: Sequence[Utterance]) -> list[FoldParts]:
        """Of those that have a label."""
        rows = [u for u in rows if u.label]
        if not rows:
            raise UserError(
                f"{hparams['manifest']}: no row has a label. Fill the column label with what this "
                "task is to name."
            )
        return require_classes(speaker_folds(rows, hparams["held_out_share"]))

    rows = read_own(hparams, ("spk_id", "label"), check=folds)
    if unlabelled := sum(not u.label for u in rows):
        logger.warning("%d of %d rows have no label and are left out", unlabelled, len(rows))
    return folds(rows)


def refuse_twins(labels: Iterable[str]) -> None:
    """Raise a UserError if labels differ in case alone, or one is a missing value as pandas has it.

    Example
    -------
    >>> refuse_twins(["happy", "Happy"])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: the labels Happy and happy differ in case alone. Spell them alike.
    """
    seen: dict[str, str] = {}
    for label in sorted(labels):
        if label.casefold() == "nan":
            raise UserError(f"a label is {label}, a missing value. Fill it in, or leave it empty.")
        if (other := seen.setdefault(label.casefold(), label)) != label:
            twins = f"{other} and {label}"
            raise UserError(f"the labels {twins} differ in case alone. Spell them alike.")


def require_classes(folds: Iterable[FoldParts]) -> list[FoldParts]:
    """The folds, if there are two classes to tell apart: in each training part, and in the test.

    Raises
    ------
    UserError
        If there are not: naming the only class would score 100 %. Or a part is empty.

    Example
    -------
    >>> rows = [Utterance(str(i), 1.0, "/a.wav", "s", label="calm") for i in range(2)]
    >>> require_classes([("1", rows[:1], rows[1:])])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: fold 1: all that trains has the label calm. Label two classes.
    """
    folds = list(folds)
    refuse_twins({u.label or "" for _, train, test in folds for u in [*train, *test]})
    for name, train, test in folds:
        if not train or not test:
            raise UserError(f"fold {name} has no labelled utterances to train on or to score.")
        if len({u.label for u in train}) < 2:
            raise UserError(
                f"fold {name}: all that trains has the label {train[0].label}. Label two classes."
            )
    if len(tested := {u.label for _, _, test in folds for u in test}) < 2:
        raise UserError(
            f"all that is scored has the label {', '.join(map(str, tested))}: no score would mean "
            "anything. Label two classes."
        )
    return folds


def warn_of_unheard(folds: Iterable[FoldParts]) -> None:
    """Say which classes a fold tests that nothing of it trains: all are errors.

    Arguments
    ---------
    folds : iterable of FoldParts
    """
    for name, train, test in folds:
        if unheard := sorted({u.label or "" for u in test} - {u.label for u in train}):
            logger.warning("fold %s: nothing trains %s, which it tests", name, ", ".join(unheard))
