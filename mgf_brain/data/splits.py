"""Splits by speaker: drawing one, and checking that splits are disjoint."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError


def split_speakers(
    utterances: Sequence[Utterance], share: float = 0.05, *, seed: int
) -> tuple[list[Utterance], list[Utterance]]:
    """Hold out whole speakers, drawn by seed.

    Arguments
    ---------
    utterances : sequence of Utterance
        The rows of one or more manifests; their order does not change the draw.
    share : float
        Share of the speakers to hold out; at least one is.
    seed : int
        Seed of the draw.

    Returns
    -------
    tuple of two lists of Utterance
        Training and validation utterances, without a common speaker.

    Raises
    ------
    UserError
        If there are fewer than two speakers.

    Example
    -------
    >>> rows = [Utterance(f"u{i}", 1.0, f"/{i}.wav", f"s{i % 20}") for i in range(40)]
    >>> train, valid = split_speakers(rows, share=0.05, seed=1)
    >>> len(train), len(valid), len({u.speaker for u in valid})
    (38, 2, 1)
    """
    speakers = sorted({u.speaker for u in utterances})
    if len(speakers) < 2:
        raise UserError("cannot hold out a speaker: the manifest has fewer than two (spk_id).")
    count = min(max(1, round(share * len(speakers))), len(speakers) - 1)
    held_out = set(random.Random(seed).sample(speakers, count))
    train = [u for u in utterances if u.speaker not in held_out]
    return train, [u for u in utterances if u.speaker in held_out]


def require_speakers(utterances: Iterable[Utterance]) -> None:
    """Raise a UserError if an utterance has no speaker: all such would count as one.

    Example
    -------
    >>> require_speakers([Utterance("u7", 1.0, "/a.wav", "")])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: u7 has no speaker. Fill the manifest's column spk_id.
    """
    for utterance in utterances:
        if not utterance.speaker:
            raise UserError(f"{utterance.id} has no speaker. Fill the manifest's column spk_id.")


def assert_disjoint_speakers(**splits: Iterable[Utterance]) -> None:
    """Check that no speaker is in two splits.

    Arguments
    ---------
    **splits : iterable of Utterance
        The splits by name.

    Raises
    ------
    UserError
        Naming the splits and the first common speakers.

    Example
    -------
    >>> both = [Utterance("u", 1.0, "/u.wav", "anna")]
    >>> assert_disjoint_speakers(train=both, test=both)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: train and test share 1 speaker: anna. Remove them from one.
    """
    speakers = {name: {u.speaker for u in split} for name, split in splits.items()}
    for (name, ours), (other, theirs) in itertools.combinations(speakers.items(), 2):
        common = sorted(ours & theirs)
        if common:
            plural = "" if len(common) == 1 else "s"
            raise UserError(
                f"{name} and {other} share {len(common)} speaker{plural}: "
                f"{', '.join(common[:5])}. Remove them from one."
            )


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
