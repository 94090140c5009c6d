"""The run that every recipe for speaker verification shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mgf_brain.config import load_experiment
from mgf_brain.data.corpora import refuse_repeated_ids
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.splits import split_speakers
from mgf_brain.data.trials import Trials, draw_trials, read_trials, refuse_heard
from mgf_brain.downstream import finish_run, open_run
from mgf_brain.downstream_export import export_verifier
from mgf_brain.downstream_plots import det_curve, embedding_map, score_histogram
from mgf_brain.downstream_report import (
    Mistake,
    Picture,
    Report,
    Score,
    write_downstream_report,
)
from mgf_brain.errors import UserError
from mgf_brain.finetuning import ADAPT
from mgf_brain.intervals import rates_eer, rates_min_dcf, trial_bootstrap
from mgf_brain.pretrained import pretrained_name
from mgf_brain.verification import (
    affine_layers,
    calibrate,
    score_trials,
    train_speakers,
    verification_metrics,
)


def verify_speakers(
    recipe: str, corpus: str, dataio_prepare: Callable[[dict[str, Any]], tuple[Trials, list]]
) -> None:
    """Read the yaml and the trials, fine-tune if asked, score all trials, write all of it.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the trials and the training utterances, which may be none.
    """
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    hparams = experiment.hparams
    require_list(hparams, corpus)
    extractor = open_run(experiment, ADAPT)
    trials, train = unheard_trials(hparams, *dataio_prepare(hparams))
    trained, seconds, added = nn.ModuleList(), 0.0, None
    if hparams["adapt"] != "frozen":
        added = affine_layers(extractor.encoder)
        head, seconds = train_speakers(experiment, extractor, train)
        trained = nn.ModuleList([extractor.encoder, head])
    encoding = time.time()
    known = extractor.embeddings(train) if train else torch.empty(0)
    if train and hparams["pretrained"] == "random" and hparams["adapt"] == "frozen":
        known = extractor.standardise(known)  # untrained layers share a large offset
    embeddings = extractor.embeddings(trials.utterances)
    scores = score_trials(embeddings, trials.pairs, train, known, hparams["plda_dim"])
    metrics = back_end_metrics(scores, trials.same)
    results = finish_run(
        experiment,
        train if hparams["adapt"] != "frozen" else trials.utterances,
        trained,
        metrics,
        recipe=recipe,
        started=started,
        encoding_s=seconds or time.time() - encoding,
    )
    calibration = calibrate(train, known, hparams["seed"])
    export_verifier(hparams, extractor, embeddings.shape[1], added, calibration, results)
    report(hparams, corpus, embeddings, trials, scores[""], metrics)


def require_list(hparams: Mapping[str, Any], corpus: str) -> None:
    """Raise a UserError if ``trials`` is no file; VoxCeleb's lists have names, O, E and H."""
    if corpus != "VoxCeleb" and not Path(hparams["trials"]).is_file():
        raise UserError(f"trials: file not found: {hparams['trials']}. Check the path.")


def unheard_trials(
    hparams: Mapping[str, Any], trials: Trials, train: Sequence[Utterance]
) -> tuple[Trials, list[Utterance]]:
    """The trials to score and the utterances to train on, ``add_manifest`` and ``valid_share`` met.

    Raises
    ------
    UserError
        If a file of the trials is one of the training files.
    """
    if hparams["add_manifest"]:
        train = [*train, *read_manifest(hparams["add_manifest"])]
        refuse_repeated_ids(train)
    if hparams["valid_share"]:
        train, held_out = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
        trials = draw_trials(held_out, seed=hparams["seed"])
    refuse_heard(trials, train)
    return trials, list(train)


def back_end_metrics(scores: Mapping[str, torch.Tensor], same: torch.Tensor) -> dict[str, float]:
    """``verification_metrics`` of every back-end, its name behind theirs.

    Example
    -------
    >>> scores, same = {"plda": torch.tensor([2.0, 1.0])}, torch.tensor([True, False])
    >>> back_end_metrics(scores, same)
    {'eer_plda': 0.0, 'min_dcf_plda': 0.0, 'min_dcf_p05_plda': 0.0}
    """
    return {
        f"{key}_{name}" if name else key: value
        for name, values in scores.items()
        for key, value in verification_metrics(values, same).items()
    }


def trials_of(hparams: dict[str, Any], root: str | Path | None) -> Trials:
    """The list that ``trials`` names, its paths from ``list_root``, ``root`` or its own folder."""
    return read_trials(
        hparams["trials"], hparams["list_root"] or root or Path(hparams["trials"]).parent
    )


def report(
    hparams: dict[str, Any],
    corpus: str,
    embeddings: torch.Tensor,
    trials: Trials,
    scores: torch.Tensor,
    metrics: dict[str, float],
    pictures: Sequence[Picture] = (),
) -> None:
    """Write the page: scores with intervals over speakers, curves, and the worst trials."""
    speakers = trials.speakers()
    owners, same, values = speakers[trials.pairs.numpy()], trials.same.numpy(), scores.numpy()
    intervals = {
        "eer": trial_bootstrap(values, same, owners, metric=rates_eer),
        "min_dcf": trial_bootstrap(values, same, owners, metric=rates_min_dcf),
    }
    figures = {
        "det": det_curve(values, same),
        "scores": score_histogram(values, same),
        "map": embedding_map(embeddings.numpy(), [f"speaker {n}" for n in speakers]),
    }
    folder = Path(hparams["output_folder"])
    write_downstream_report(
        folder,
        Report(
            title=f"Speaker verification on {corpus}",
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


def worst_trials(trials: Trials, scores: Sequence[float], count: int = 6) -> list[Mistake]:
    """The pairs that look most alike and aren't, and those that look least alike and are."""
    order = torch.as_tensor(scores).argsort(descending=True)
    same = trials.same[order]
    impostors, targets = order[~same][: count // 2], order[same].flip(0)[: count // 2]
    return [_mistake(trials, int(i), float(scores[i])) for i in [*impostors, *targets]]


def _mistake(trials: Trials, index: int, score: float) -> Mistake:
    first, second = (trials.utterances[i] for i in trials.pairs[index].tolist())
    words = ("same speaker", "different speakers")
    truth, guess = words if trials.same[index] else words[::-1]
    return Mistake(f"{first.id} / {second.id}", truth, guess, score, (first.wav, second.wav))
