"""Closed-set splits: the speakers of the test are those of the training, the utterances others."""

from __future__ import annotations

import random
from collections.abc import Iterable

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError


def split_each_speaker(
    utterances: Iterable[Utterance], share: float, *, seed: int
) -> tuple[list[Utterance], list[Utterance]]:
    """Hold out some utterances of each speaker, drawn by seed.

    Arguments
    ---------
    utterances : iterable of Utterance
        Their order does not change the draw. Speakers with a single one are left out.
    share : float
        Of each speaker's utterances, to be held out; at least one is, and one is left.
    seed : int
        Of the draw.

    Returns
    -------
    tuple of two lists of Utterance
        Training and test utterances.

    Raises
    ------
    UserError
        If fewer than two speakers have two utterances.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, "/a.wav", s) for s in "ab" for i in range(20)]
    >>> train, test = split_each_speaker(rows, share=0.2, seed=1)
    >>> len(train), len(test), sum(u.speaker == "a" for u in test)
    (32, 8, 4)
    """
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in sorted(utterances, key=lambda u: u.id):
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    groups = {speaker: rows for speaker, rows in by_speaker.items() if len(rows) > 1}
    if len(groups) < 2:
        raise UserError("data_folder: fewer than two speakers have two utterances; add speech.")
    train, test = [], []
    for speaker, rows in sorted(groups.items()):
        random.Random(f"{seed} {speaker}").shuffle(rows)
        count = min(max(1, round(share * len(rows))), len(rows) - 1)
        test += rows[:count]
        train += rows[count:]
    return train, test
