"""The threshold of a verifier, from trials among training speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mgf_brain.data.labels.trials import draw_trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer, eer_threshold


@dataclass(frozen=True)
class Calibration:
    """A threshold on the cosine, and the trials that it was read from.

    Arguments
    ---------
    threshold : float
        See ``eer_threshold``.
    eer : float
        Of these trials, in percent.
    trials, speakers : int
        How many.
    """

    threshold: float
    eer: float
    trials: int
    speakers: int


def calibrate(train: Sequence[Utterance], known: torch.Tensor, seed: int) -> Calibration | None:
    """Choose a threshold by random trials among training utterances.

    Arguments
    ---------
    train : sequence of Utterance
        With speakers; may be empty. The encoder must not have been tuned to them: it tells
        them apart better than others, and the threshold would be too high.
    known : torch.Tensor
        (utterances, E), their embeddings.
    seed : int
        Of the trials.

    Returns
    -------
    Calibration or None
        None if the utterances give no trials of a kind.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, f"/{s}{i}.wav", s) for s in "ab" for i in range(2)]
    >>> known = torch.eye(2)[[0, 0, 1, 1]]
    >>> calibrate(rows, known, seed=0)
    Calibration(threshold=0.5, eer=0.0, trials=6, speakers=2)
    """
    try:
        trials = draw_trials(train, seed)
    except UserError:
        return None
    places = {u.id: place for place, u in enumerate(train)}
    scores = cosine_scores(known[[places[u.id] for u in trials.utterances]], trials.pairs)
    split = scores[trials.same].numpy(), scores[~trials.same].numpy()
    speakers = len({u.speaker for u in trials.utterances})
    return Calibration(eer_threshold(*split), eer(*split), len(scores), speakers)
