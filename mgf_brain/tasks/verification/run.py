"""The run that every recipe for speaker verification shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mgf_brain.data.corpora.own import read_added
from mgf_brain.data.labels.trials import Trials, draw_trials, read_trials, refuse_heard
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.selection import refuse_repeated_ids
from mgf_brain.data.splits import require_speakers, split_speakers
from mgf_brain.downstream.finetuning import ADAPT, check_run_options
from mgf_brain.downstream.pretrained import pretrained_name
from mgf_brain.downstream.run import finish_run, open_run
from mgf_brain.metrics.detection import eer_threshold
from mgf_brain.metrics.intervals import rates_eer, rates_min_dcf, trial_bootstrap
from mgf_brain.reports.plots import embedding_map
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.reports.trial_plots import det_curve, score_histogram
from mgf_brain.reports.trial_scores import SCORES_FILE, write_scores
from mgf_brain.run.experiment import Experiment, load_experiment
from mgf_brain.tasks.verification.model_folder import export_verifier
from mgf_brain.tasks.verification.training import (
    back_end_metrics,
    calibrate,
    metric_name,
    score_trials,
    train_speakers,
)

# The trials, training utterances, which may be none, and whom the trials may try, as far as the
# corpus names them.
Data = tuple[Trials, list[Utterance], Collection[str]]


def verify_speakers(
    recipe: str,
    corpus: str,
    dataio_prepare: Callable[[dict[str, Any]], Data],
    named_lists: bool = False,
) -> None:
    """Read the yaml, and do what its ``carry_out`` names: with labels, or with pseudo-labels.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    named_lists : bool
        Whether the corpus' trial lists have names, which the default folder then bears.
    """
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    variant = Path(str(experiment.hparams["trials"])).stem if named_lists else ""
    experiment.hparams["carry_out"](experiment, recipe, dataio_prepare, variant)


def verify(
    experiment: Experiment, recipe: str, dataio_prepare: Callable[..., Data], variant: str
) -> None:
    """Fine-tune if asked, score all trials, write results, model and report.

    Arguments
    ---------
    experiment : Experiment
    recipe, dataio_prepare
        As of ``verify_speakers``.
    variant : str
        Of the default folder, see ``open_run``.
    """
    started, hparams = time.time(), experiment.hparams
    if hparams["adapt"] == "frozen":
        check_run_options(experiment)  # nothing is trained
    extractor = open_run(experiment, ADAPT, variant)
    trials, train = unheard_trials(hparams, *dataio_prepare(hparams))
    require_speakers(train)
    tuned, added, throughput = hparams["adapt"] != "frozen", None, extractor.throughput
    if tuned:
        added, throughput = train_speakers(experiment, extractor, train)
    known = extractor.embeddings(train) if train else torch.empty(0)
    if train and hparams["pretrained"] == "random" and not tuned:
        known = extractor.standardise(known)  # untrained layers share a large offset
    embeddings = extractor.embeddings(trials.utterances)
    scores = score_trials(embeddings, trials.pairs, train, known, hparams["plda_dim"])
    metrics = back_end_metrics(scores, trials.same)
    results = finish_run(
        experiment,
        train if tuned else trials.utterances,
        extractor.encoder if tuned else nn.ModuleList(),
        metrics,
        recipe=recipe,
        started=started,
        throughput=throughput,
    )
    calibration = None if tuned else calibrate(train, known, hparams["seed"])
    export_verifier(hparams, extractor, embeddings.shape[1], added, calibration, results)
    write_verification_page(hparams, embeddings, trials, scores, metrics)


def unheard_trials(
    hparams: Mapping[str, Any],
    trials: Trials,
    train: Sequence[Utterance],
    tried: Collection[str],
    columns: Sequence[str] = ("spk_id",),
) -> tuple[Trials, list[Utterance]]:
    """The trials to score and the utterances to train on, ``valid_share`` and ``add_manifest`` met.

    Arguments
    ---------
    hparams : mapping
    trials : Trials
        Replaced by trials among held-out training speakers if there is a ``valid_share``.
    train : sequence of Utterance
        The corpus' own; speech of ``add_manifest`` only trains, whatever is held out.
    tried : collection of str
        Speakers who must not be trained on; those of the trials join them where they are known.
    columns : sequence of str
        That ``add_manifest`` needs, see ``read_added``.

    Returns
    -------
    Trials
    list of Utterance

    Raises
    ------
    UserError
        If a file or a speaker of the trials is one of the training part.
    """
    if hparams["valid_share"]:
        require_speakers(train)
        train, held_out = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
        trials = draw_trials(held_out, seed=hparams["seed"])
    if hparams["add_manifest"]:
        save, share = Path(hparams["output_folder"]) / "save", hparams["max_bad_share"]
        train = [*train, *read_added(hparams["add_manifest"], save, share, columns)]
        refuse_repeated_ids(train)
    refuse_heard(trials, train, tried)
    return trials, list(train)


def trials_of(hparams: dict[str, Any], root: str | Path | None) -> Trials:
    """The list that ``trials`` names, its paths from ``list_root``, ``root`` or its own folder."""
    path = Path(str(hparams["trials"]))  # a file may be called 5
    return read_trials(path, hparams["list_root"] or root or path.parent)


def write_verification_page(
    hparams: dict[str, Any],
    embeddings: torch.Tensor,
    trials: Trials,
    scores: Mapping[str, torch.Tensor],
    metrics: dict[str, float],
    pictures: Sequence[Picture] = (),
) -> None:
    """Write scores, and the page: intervals over speakers, curves, and the worst trials.

    ``scores`` are those of all back-ends; curves and trials are the raw cosine's, "".
    """
    speakers, same, values = trials.speakers(), trials.same.numpy(), scores[""].numpy()
    intervals = _intervals(trials, speakers, scores)
    figures = {
        "det": det_curve(values, same),
        "scores": score_histogram(values, same),
        "map": embedding_map(embeddings.numpy(), [f"speaker {n}" for n in speakers]),
    }
    folder = Path(hparams["output_folder"])
    write_scores(folder / SCORES_FILE, trials, scores[""])
    write_task_page(
        folder,
        TaskPage(
            title=f"Speaker verification on {hparams['corpus']}",
            lead=f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}: "
            f"{len(same):,} trials of {len(set(speakers))} speakers, cosine of embeddings.",
            scores=[
                Score(name, value, *intervals.get(name, ())) for name, value in metrics.items()
            ],
            pictures=[*pictures, *(Picture(*named) for named in figures.items())],
            mistakes=worst_trials(trials, values),
            score_name="cosine",
        ),
    )


def _intervals(
    trials: Trials, speakers: np.ndarray, scores: Mapping[str, torch.Tensor]
) -> dict[str, tuple[float, float]]:
    """Of EER and cost of every back-end, by metric."""
    owners, same = speakers[trials.pairs.numpy()], trials.same.numpy()
    return {
        metric_name(name, back_end): trial_bootstrap(values.numpy(), same, owners, metric=rates)
        for back_end, values in scores.items()
        for name, rates in (("eer", rates_eer), ("min_dcf", rates_min_dcf))
    }


def worst_trials(trials: Trials, scores: Sequence[float], count: int = 6) -> list[Mistake]:
    """The errors at the threshold of equal error rates that lie farthest from it, of both kinds."""
    scores = torch.as_tensor(scores)
    threshold = eer_threshold(scores[trials.same].numpy(), scores[~trials.same].numpy())
    order = scores.argsort(descending=True)
    same, accepted = trials.same[order], scores[order] >= threshold
    impostors = order[~same & accepted][: count // 2]
    targets = order[same & ~accepted].flip(0)[: count // 2]
    return [_mistake(trials, int(i), float(scores[i])) for i in [*impostors, *targets]]


def _mistake(trials: Trials, index: int, score: float) -> Mistake:
    first, second = (trials.utterances[i] for i in trials.pairs[index].tolist())
    words = ("same speaker", "different speakers")
    truth, guess = words if trials.same[index] else words[::-1]
    return Mistake(f"{first.id} / {second.id}", truth, guess, score, (first.wav, second.wav))
