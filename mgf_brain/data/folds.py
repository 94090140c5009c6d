"""Speaker-independent evaluation: cross-validation over folds, or a corpus's official split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, require_speakers
from mgf_brain.errors import UserError


def speaker_folds(
    utterances: Sequence[Utterance], held_out_share: float | None = None
) -> Iterator[tuple[str, list[Utterance], list[Utterance]]]:
    """Hold out each fold of the fold column once; without the column, each speaker.

    Arguments
    ---------
    utterances : sequence of Utterance
        The whole corpus.
    held_out_share : float, optional
        Without a fold column: the share of the speakers in a fold, 0.1 for ten folds, where one
        speaker a fold would be too many. Speakers are dealt in the order of their labels, so
        that folds are alike where a speaker has one label only.

    Returns
    -------
    iterator of tuples of str, list of Utterance and list of Utterance
        A fold's name, what is outside it (training) and inside it (test), without a common
        speaker. All is checked before the first.

    Raises
    ------
    UserError
        If a speaker is in two folds, an utterance has no fold or no speaker, or there are fewer
        than two folds.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, "/a.wav", s) for s in ("anna", "ben") for i in range(3)]
    >>> [(name, len(train), test[0].id) for name, train, test in speaker_folds(rows)]
    [('anna', 3, 'anna0'), ('ben', 3, 'ben0')]
    """
    names = _fold_names(utterances, held_out_share)
    folds: dict[str, list[Utterance]] = {name: [] for name in sorted(set(names))}
    if len(folds) < 2:
        raise UserError("folds: cross-validation needs two speakers (spk_id) or folds (fold).")
    for utterance, name in zip(utterances, names, strict=True):
        folds[name].append(utterance)
    assert_disjoint_speakers(**{f"fold {name}": rows for name, rows in folds.items()})
    return _hold_out_each(folds)


def official_split(
    parts: Mapping[str, Sequence[Utterance]],
) -> tuple[list[Utterance], list[Utterance], dict[str, list[Utterance]]]:
    """Training, validation and test parts of a corpus, by the beginnings of their names.

    Arguments
    ---------
    parts : mapping of str to sequence of Utterance
        Parts named train…, dev… and test…; others are left out.

    Returns
    -------
    tuple of list of Utterance, list of Utterance and dict of str to list of Utterance
        Training; validation, empty if the corpus has none; test parts by name. The three have no
        common speaker, but test parts may share speakers with each other, as MSP-Podcast's do.

    Raises
    ------
    UserError
        If there is no training or no test part, or two of the three share a speaker.

    Example
    -------
    >>> rows = [Utterance(name, 1.0, "/a.wav", name) for name in ("anna", "ben", "carl")]
    >>> parts = {"train": rows[:1], "test1": rows[1:2], "test2": rows[1:]}
    >>> train, valid, tests = official_split(parts)
    >>> len(train), len(valid), list(tests)
    (1, 0, ['test1', 'test2'])
    """
    train, valid = _parts_named(parts, "train"), _parts_named(parts, "dev")
    tests = {name: list(rows) for name, rows in parts.items() if name.startswith("test")}
    if not train or not tests:
        raise UserError(f"the corpus needs parts named train* and test*, not {', '.join(parts)}.")
    for name, rows in tests.items():
        assert_disjoint_speakers(**{"train": train, "dev": valid, name: rows})
    return train, valid, tests


def _hold_out_each(
    folds: Mapping[str, list[Utterance]],
) -> Iterator[tuple[str, list[Utterance], list[Utterance]]]:
    for name, test in folds.items():
        yield name, [u for other, rows in folds.items() if other != name for u in rows], test


def _fold_names(utterances: Sequence[Utterance], share: float | None) -> list[str]:
    require_speakers(utterances)
    if any(u.fold for u in utterances):
        return [_fold_of(u) for u in utterances]
    if share is None:
        return [u.speaker for u in utterances]
    fold_of = _deal_speakers(utterances, share)
    return [fold_of[u.speaker] for u in utterances]


def _fold_of(utterance: Utterance) -> str:
    if not utterance.fold:
        raise UserError(f"{utterance.id} has no fold, others have. Fill the column fold.")
    return utterance.fold


def _deal_speakers(utterances: Sequence[Utterance], share: float) -> dict[str, str]:
    if not 0 < share <= 0.5:
        raise UserError(f"held_out_share must lie above 0 and not above 0.5, not {share}.")
    count = round(1 / share)
    order = sorted({(u.label or "", u.speaker) for u in utterances})
    speakers = list(dict.fromkeys(speaker for _, speaker in order))  # each by its first label
    return {speaker: str(place % count + 1) for place, speaker in enumerate(speakers)}


def _parts_named(parts: Mapping[str, Sequence[Utterance]], beginning: str) -> list[Utterance]:
    return [u for name, rows in parts.items() if name.startswith(beginning) for u in rows]
