"""The page of a run: what it scored, with intervals, and where it was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, zip_longest

import numpy as np
import torch

from mgf_brain.data.labels.trials import Trials
from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.metrics.detection import eer_threshold
from mgf_brain.metrics.intervals import TRIAL_RATES, trial_bootstrap
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.reports.trial_plots import det_curve, score_histogram
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.verification.training import metric_name


def write_verification_page(
    experiment: Experiment,
    embeddings: torch.Tensor,
    trials: Trials,
    scores: Mapping[str, torch.Tensor],
    metrics: dict[str, float],
    pictures: Sequence[Picture] = (),
) -> None:
    """Write the page: intervals over speakers, curves, and the worst trials.

    ``scores`` are those of all back-ends; curves and trials are the raw cosine's, "".
    """
    hparams = experiment.hparams
    speakers, same, values = trials.speakers(), trials.same.numpy(), scores[""].numpy()
    intervals = _intervals(trials, speakers, scores)
    threshold = eer_threshold(values[same], values[~same])
    figures = {
        "det": partial(det_curve, values, same),
        "scores": partial(score_histogram, values, same),
        "map": partial(
            embedding_map,
            embeddings.numpy(),
            [f"speaker {n}" for n in speakers],
            utterances=trials.utterances,
        ),
    }
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Speaker verification on {hparams['corpus']}",
            lead=f"{adapted_name(hparams)}: "
            f"{len(same):,} trials of {len(set(speakers))} speakers, cosine of embeddings.",
            scores=[
                Score(name, value, *intervals.get(name, ())) for name, value in metrics.items()
            ],
            pictures=[*pictures, *(Picture(*named) for named in figures.items())],
            mistakes=worst_trials(trials, scores[""], threshold),
            score_name="cosine",
            note=f"Of {len(same):,} trials, at the cosine {threshold:.4f}, where both error rates "
            "are equal.",
        ),
    )


def _intervals(
    trials: Trials, speakers: np.ndarray, scores: Mapping[str, torch.Tensor]
) -> dict[str, tuple[float, float]]:
    """Of the scores of every back-end, by metric."""
    owners, same = speakers[trials.pairs.numpy()], trials.same.numpy()
    return {
        metric_name(name, back_end): trial_bootstrap(values.numpy(), same, owners, metric=rates)
        for back_end, values in scores.items()
        for name, rates in TRIAL_RATES.items()
    }


def worst_trials(trials: Trials, scores: torch.Tensor, threshold: float) -> list[Mistake]:
    """All errors at a threshold, the farthest from it first, one of each kind in turn.

    Example
    -------
    >>> from mgf_brain.data.manifest import Utterance
    >>> rows = [Utterance(id, 1.0, f"{id}.wav", "") for id in "abcd"]
    >>> pairs = torch.tensor([[0, 1], [0, 2], [1, 2], [1, 3]])
    >>> trials = Trials(rows, pairs, same=torch.tensor([True, True, False, False]))
    >>> mistakes = worst_trials(trials, torch.tensor([0.9, 0.1, 0.8, 0.0]), threshold=0.5)
    >>> [(mistake.id, mistake.truth) for mistake in mistakes]
    [('b / c', 'different speakers'), ('a / c', 'same speaker')]
    """
    order = scores.argsort(descending=True)
    same, accepted = trials.same[order], scores[order] >= threshold
    impostors = order[~same & accepted].tolist()
    targets = order[same & ~accepted].flip(0).tolist()
    turns = chain.from_iterable(zip_longest(impostors, targets))
    return [_mistake(trials, i, float(scores[i])) for i in turns if i is not None]


def _mistake(trials: Trials, index: int, score: float) -> Mistake:
    first, second = (trials.utterances[i] for i in trials.pairs[index].tolist())
    words = ("same speaker", "different speakers")
    truth, guess = words if trials.same[index] else words[::-1]
    return Mistake(f"{first.id} / {second.id}", truth, guess, score, (first.wav, second.wav))
