"""Phones named label by label: what a classifier makes of utterances, and how much is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.probes import FrameData, classify
from mgf_brain.nn.probe import Probe

SILENCE = "SIL"


@dataclass(frozen=True)
class NamedPhones:
    """What a classifier made of an utterance.

    Arguments
    ---------
    utterance : Utterance
    labels, predictions : torch.Tensor
        (labels,) int64 each, 100 a second.
    """

    utterance: Utterance
    labels: torch.Tensor
    predictions: torch.Tensor


def name_phones(probe: Probe, data: FrameData) -> list[NamedPhones]:
    """Name every label of the test data, 100 a second whatever the features' hop.

    Arguments
    ---------
    probe : Probe
    data : FrameData

    Returns
    -------
    list of NamedPhones
        From the shortest utterance to the longest.
    """
    return [
        NamedPhones(u, labels, data.grid.at_label_rate(classify(probe, x), len(labels)))
        for u, labels, x in zip(data.utterances, data.labels, data.features(), strict=True)
    ]


def silence_class(names: Sequence[str]) -> int:
    """The class that is silence: the one named SIL, or the first where none is.

    Arguments
    ---------
    names : sequence of str
        By class.

    Returns
    -------
    int

    Example
    -------
    >>> silence_class(["AA", "SIL", "B"]), silence_class(["0", "1", "2"])
    (1, 0)
    """
    upper = [name.upper() for name in names]
    return upper.index(SILENCE) if SILENCE in upper else 0


def correct_counts(made: Sequence[NamedPhones], silence: int = 0) -> dict[str, np.ndarray]:
    """Right labels and all labels of each utterance.

    Arguments
    ---------
    made : sequence of NamedPhones
    silence : int
        The class that ``accuracy_speech`` leaves out, see ``silence_class``.

    Returns
    -------
    dict of str to numpy.ndarray
        ``accuracy`` and ``accuracy_speech``: (utterances, 2) int64.

    Example
    -------
    >>> row, labels = Utterance("u", 1.0, "/a.wav", "s"), torch.tensor([0, 0, 5, 5])
    >>> counts = correct_counts([NamedPhones(row, labels, torch.tensor([0, 0, 5, 6]))])
    >>> {name: rows.tolist() for name, rows in counts.items()}
    {'accuracy': [[3, 4]], 'accuracy_speech': [[1, 2]]}
    """
    right = [m.labels == m.predictions for m in made]
    speech = [m.labels != silence for m in made]
    pairs = list(zip(right, speech, strict=True))
    return {
        "accuracy": np.array([[int(r.sum()), len(r)] for r in right]),
        "accuracy_speech": np.array([[int((r & s).sum()), int(s.sum())] for r, s in pairs]),
    }


def majority_counts(made: Sequence[NamedPhones]) -> np.ndarray:
    """What naming the test's commonest phone everywhere would get right: (utterances, 2) int64.

    Example
    -------
    >>> row, labels = Utterance("u", 1.0, "/a.wav", "s"), torch.tensor([0, 5, 5, 6])
    >>> majority_counts([NamedPhones(row, labels, labels)]).tolist()
    [[2, 4]]
    """
    commonest = torch.cat([m.labels for m in made]).mode().values
    return np.array([[int((m.labels == commonest).sum()), len(m.labels)] for m in made])


def pooled_accuracy(counts: np.ndarray) -> float:
    """Share of all labels that are right, in percent; not a number where there are none.

    Arguments
    ---------
    counts : numpy.ndarray
        (utterances, 2), right labels and all labels.

    Returns
    -------
    float

    Example
    -------
    >>> pooled_accuracy(np.array([[3, 4], [0, 2]]))
    50.0
    """
    right, total = counts.sum(0).tolist()
    return 100.0 * right / total if total else math.nan


def phone_by_phone(made: NamedPhones, names: Sequence[str], seconds: float) -> tuple[str, str]:
    """The phones of an utterance's beginning, and what most labels of each were taken for.

    Arguments
    ---------
    made : NamedPhones
    names : sequence of str
        Of the classes.
    seconds : float
        Of the beginning.

    Returns
    -------
    tuple of two str
        As many names each, separated by spaces.

    Example
    -------
    >>> row, labels = Utterance("u", 1.0, "/a.wav", "s"), torch.tensor([0, 0, 0, 1, 1])
    >>> made = NamedPhones(row, labels, torch.tensor([0, 2, 2, 1, 1]))
    >>> phone_by_phone(made, ["SIL", "T", "D"], seconds=10)
    ('SIL T', 'D T')
    """
    count = min(len(made.labels), round(100 * seconds))
    phones, lengths = made.labels[:count].unique_consecutive(return_counts=True)
    stretches = made.predictions[:count].split(lengths.tolist())
    taken_for = [int(stretch.mode().values) for stretch in stretches]
    truth = [names[int(i)] for i in phones]
    return " ".join(truth), " ".join(names[i] for i in taken_for)
