"""What the recipes for verification do with ``hparams/pseudo_labels.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.downstream.finetuning import WHOLE
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.errors import UserError
from mgf_brain.reports.pages import write_folder
from mgf_brain.reports.style import COPY, TRAINING, VALIDATION, add_legend, finish
from mgf_brain.reports.task_page import Picture
from mgf_brain.reports.trial_scores import SCORES_FILE, write_scores
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.verification.data import Data, unheard_trials
from mgf_brain.tasks.verification.pseudo_labels import Rounds
from mgf_brain.tasks.verification.report import write_verification_page
from mgf_brain.throughput import Throughput

CAPTION = "Round 0 is the network that was given."
PANELS = (
    ("equal error rate", {"eer": ("cosine", TRAINING)}),
    ("clusters against speakers", {"purity": ("purity", VALIDATION), "nmi": ("NMI", COPY)}),
)


def refine(experiment: Experiment, dataio_prepare: Callable[..., Data], variant: str) -> None:
    """Do all rounds of clustering and fine-tuning, write results, pretrained folder and report.

    Arguments
    ---------
    experiment : Experiment
    dataio_prepare, variant
        As of ``mgf_brain.tasks.verification.run.verify``.
    """
    hparams = experiment.hparams
    _refuse(hparams)
    open_run(experiment, WHOLE, variant)
    trials, train = unheard_trials(hparams, *dataio_prepare(hparams), columns=())
    truth = {u.id: u.speaker for u in train}
    rounds = Rounds(experiment, trials, [replace(u, speaker="") for u in train], truth)
    rows = [rounds.row(number) for number in range(hparams["rounds"] + 1)]
    last = rounds.extractor(hparams["rounds"])
    finish_run(
        experiment,
        train,
        last.encoder,
        last.encoder,
        scores_of(rows[-1]) | {"rounds": rows},
        sum((throughput_of(row) for row in rows[1:]), Throughput()),
    )
    files = rounds.folder(hparams["rounds"]).iterdir()
    pretrained = Path(hparams["output_folder"]) / "pretrained"
    write_folder(pretrained, {path.name: path.read_bytes() for path in files})
    embeddings = last.embeddings(trials.utterances)
    cosines = cosine_scores(embeddings, trials.pairs)
    write_scores(Path(hparams["output_folder"]) / SCORES_FILE, trials, cosines)
    curves = Picture("rounds", partial(round_curves, rows), CAPTION)
    with last_step(experiment):
        scores, metrics = {"": cosines}, _flat(rows)
        write_verification_page(experiment, embeddings, trials, scores, metrics, [curves])


def _refuse(hparams: Mapping[str, Any]) -> None:
    if not Path(str(hparams["pretrained"])).is_dir():
        raise UserError(
            f"pretrained: {hparams['pretrained']} is no folder. Pass that of a pretraining run."
        )


def scores_of(row: Mapping[str, Any]) -> dict[str, float]:
    """The scores of a round, without its counts and its seconds.

    Example
    -------
    >>> scores_of({"round": 1, "purity": 80.0, "eer": 9.5, "training_s": 60.0})
    {'purity': 80.0, 'eer': 9.5}
    """
    return {k: v for k, v in row.items() if isinstance(v, float) and not k.endswith("_s")}


def throughput_of(row: Mapping[str, Any]) -> Throughput:
    """Of a round's training.

    Example
    -------
    >>> throughput_of({"round": 1, "audio_s": 90.0, "training_s": 3.0}).rate
    30.0
    """
    return Throughput(row["audio_s"], row["training_s"])


def _flat(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Scores of the last round, then the main ones of all."""
    shown = ("eer", "min_dcf", "purity", "nmi")
    each = {f"{k}_round_{r['round']}": r[k] for k in shown for r in rows if k in r}
    return scores_of(rows[-1]) | each


def round_curves(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Error rate by round and, where speakers are known, how far clusters are speakers.

    Arguments
    ---------
    rows : sequence of mapping
        With ``round``, and some of ``eer``, ``purity`` and ``nmi`` in percent.

    Returns
    -------
    Figure
        A panel for each kind of figure that some round has.

    Example
    -------
    >>> figure = round_curves([{"round": 0, "eer": 9.0}, {"round": 1, "eer": 7.5}])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['equal error rate']
    """
    shown = [p for p in PANELS if any(key in row for key in p[1] for row in rows)]
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (title, lines) in zip(panels, shown, strict=True):
        for key, (label, colour) in lines.items():
            points = [(row["round"], row[key]) for row in rows if key in row]
            axes.plot(*zip(*points, strict=True), "o-", color=colour, lw=1.8, ms=6, label=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(axes, title, "round", "%")
    add_legend(*panels)
    return figure
