"""Phones as stretches of an utterance: what an ABX test compares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from mgf_brain.data.labels.phone_labels import LABEL_HOP
from mgf_brain.data.manifest import Utterance

NOT_SPEECH = {"SIL", "SP", "SPN", "NSN"}  # names of silence and noises, as aligners have them


class PhoneTokens(NamedTuple):
    """Phones of utterances, one a place: (n,) int64 each, times in samples at 16 kHz."""

    utterance: np.ndarray  # place among the utterances
    start: np.ndarray
    stop: np.ndarray
    phone: np.ndarray
    context: np.ndarray  # a number of the phones before and after
    speaker: np.ndarray  # place among the speakers' names, sorted


def not_speech(names: Sequence[str]) -> set[int]:
    """The classes that are silence or noise: those named so, or the first where none is.

    Example
    -------
    >>> not_speech(["sil", "AA", "SPN"]), not_speech(["0", "1"])
    ({0, 2}, {0})
    """
    return {i for i, name in enumerate(names) if name.upper() in NOT_SPEECH} or {0}


def phone_tokens(
    utterances: Sequence[Utterance],
    labels: Mapping[str, torch.Tensor],
    left_out: Collection[int],
    span: str = "triphone",
) -> PhoneTokens:
    """The phones of utterances that stand between two other phones.

    Labels tell no two tokens of a phone apart that follow each other: they count as one.

    Arguments
    ---------
    utterances : sequence of Utterance
    labels : mapping of str to torch.Tensor
        By utterance, see ``read_phone_labels``.
    left_out : collection of int
        Classes that are no phones: neither a token nor beside one.
    span : str
        "triphone": a token lasts from the beginning of the phone before to the end of the one
        after; "phone": its own time alone.

    Returns
    -------
    PhoneTokens

    Example
    -------
    >>> rows, labels = [Utterance("u", 0.06, "/u.wav", "s")], torch.tensor([0, 4, 4, 5, 6, 0])
    >>> tokens = phone_tokens(rows, {"u": labels}, left_out={0})
    >>> tokens.phone.tolist(), tokens.start.tolist(), tokens.stop.tolist()
    ([5], [160], [800])
    """
    speakers = {name: i for i, name in enumerate(sorted({u.speaker for u in utterances}))}
    size = 1 + max((int(labels[u.id].max()) for u in utterances), default=0)
    beside = int(span == "triphone")
    rows = [
        (place, start, stop, phones[1], phones[0] * size + phones[2], speakers[u.speaker])
        for place, u in enumerate(utterances)
        for phones, start, stop in _threes(labels[u.id], beside)
        if not set(left_out).intersection(phones)
    ]
    return PhoneTokens(*np.array(rows, dtype=np.int64).reshape(-1, 6).T)


def _threes(labels: torch.Tensor, beside: int) -> Iterator[tuple[list[int], int, int]]:
    """Each phone with its neighbours, and from where to where it, or all three, last."""
    phones, counts = (x.tolist() for x in labels.unique_consecutive(return_counts=True))
    edges = [0, *np.cumsum(counts).tolist()]
    for i in range(1, len(phones) - 1):
        start, stop = edges[i - beside], edges[i + 1 + beside]
        yield phones[i - 1 : i + 2], start * LABEL_HOP, stop * LABEL_HOP


def frames_within(
    start: np.ndarray, stop: np.ndarray, frames: np.ndarray, hop: int, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """The frames whose middle lies in a stretch, or the nearest one where there is none.

    So every encoder is asked for the same stretches, however long its hop.

    Arguments
    ---------
    start, stop : numpy.ndarray
        (n,), in samples.
    frames : numpy.ndarray
        (n,), that the utterance of each has.
    hop, window : int
        In samples: frame t sees ``[t * hop, t * hop + window)``.

    Returns
    -------
    tuple of numpy.ndarray
        The first frame of each, and how many, at least 1.

    Example
    -------
    >>> starts, stops = np.array([160, 600, 9999]), np.array([800, 640, 10100])
    >>> [x.tolist() for x in frames_within(starts, stops, np.array([3, 3, 3]), 320, 400)]
    [[0, 1, 2], [2, 1, 1]]
    """
    first, end = (np.ceil((x - window / 2) / hop).astype(np.int64) for x in (start, stop))
    first, end = first.clip(0, frames), end.clip(0, frames)
    nearest = np.rint(((start + stop) / 2 - window / 2) / hop).astype(np.int64)
    some = end > first
    return np.where(some, first, nearest.clip(0, frames - 1)), np.where(some, end - first, 1)
