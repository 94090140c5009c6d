"""The report of a downstream run: scores, plots, and the worst errors to listen to."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate
from pathlib import Path
from statistics import mean, stdev

import soundfile
import torch
from matplotlib.figure import Figure

from mgf_brain.data.audio import SAMPLE_RATE, probe, read_audio
from mgf_brain.metrics.names import UNKNOWN, score_text, score_title
from mgf_brain.reports.facts import read_results, run_facts, write_page
from mgf_brain.reports.html import Html, data_uri, figure, page, png, table
from mgf_brain.reports.plots import training_curves
from mgf_brain.run.log import read_metrics

CLIPS = 12  # of audio on a page, of 10 s each: 50 kB a clip
CLIP_SECONDS = 10
CAPTIONS = {
    "det": "Normal-deviate axes: nearer to the lower left corner is better.",
    "scores": "Trials that lie on the wrong side of the threshold are errors.",
    "confusion": "Each row sums to 100 %: what each class is taken for.",
    "layers": "Softmaxed weights of the sum that the classifier reads.",
    "map": "Neighbours are alike by cosine; distances between far points mean little.",
    "training": "Training: moving mean over a twentieth of the steps. Validation: as logged.",
}


@dataclass(frozen=True)
class Score:
    """A figure of the whole test set.

    Arguments
    ---------
    name : str
        As in ``results.json``.
    value : float
        In percent, but for losses and costs.
    low, high : float, optional
        Its 95 % interval, see ``mgf_brain.metrics.intervals``; may be not a number.

    Example
    -------
    >>> Score("eer", 12.34, 10.0, 15.0).cells(), Score("min_dcf", 0.5).cells()
    (['EER', '12.34 %', '10.00 – 15.00 %'], ['minDCF (p 0.01)', '0.500', '–'])
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan

    def cells(self) -> list[str]:
        """Name, value, interval."""
        known = math.isfinite(self.low) and math.isfinite(self.high)
        low = score_text(self.name, self.low).partition(" ")[0]  # the unit stands once
        interval = f"{low} – {score_text(self.name, self.high)}" if known else UNKNOWN
        return [score_title(self.name), score_text(self.name, self.value), interval]


@dataclass(frozen=True)
class Picture:
    """A plot.

    Arguments
    ---------
    name : str
        Of its file, without extension.
    figure : Figure
    caption : str, optional
        By default that of ``CAPTIONS``.
    """

    name: str
    figure: Figure
    caption: str = ""


@dataclass(frozen=True)
class Mistake:
    """Something that the model got wrong.

    Arguments
    ---------
    id : str
        Of the utterance or the trial.
    truth, prediction : str
        Labels, or texts whose words are separated by spaces.
    score : float, optional
        How wrong or how sure the model was.
    audio : sequence of str or Path
        The file of the utterance, or both of a trial.
    """

    id: str
    truth: str
    prediction: str
    score: float | None = None
    audio: Sequence[str | os.PathLike] = ()


@dataclass(frozen=True)
class Report:
    """All that a recipe says of its run, beside ``results.json``.

    Arguments
    ---------
    title, lead : str
        Heading, and a sentence below it.
    scores : sequence of Score
    folds : mapping of str to mapping of str to float
        By fold: its scores.
    pictures : sequence of Picture
    mistakes : sequence of Mistake
        The worst first. Twelve are shown, six with two files each.
    score_name : str
        What the mistakes' ``score`` is.
    note : str
        What the mistakes show, in a sentence.
    align : callable, optional
        ``align(truth, prediction)`` shows both texts in one: ``align_words`` or ``pair_words``.
    sections : sequence of str
        HTML of what the task shows beside all this, below the plots.
    """

    title: str
    lead: str
    scores: Sequence[Score]
    folds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    mistakes: Sequence[Mistake] = ()
    score_name: str = "score"
    note: str = ""
    align: Callable[[str, str], Html] | None = None
    sections: Sequence[str] = ()


def write_downstream_report(folder: str | os.PathLike, report: Report) -> Path:
    """Write ``report/``: PNG plots, and ``index.html`` that holds them and the audio.

    Arguments
    ---------
    folder : str or os.PathLike
        A run's output folder, with ``results.json``. Where it has ``metrics.jsonl``, the training
        is drawn beside the report's pictures.
    report : Report

    Returns
    -------
    Path
        The page. It needs no other file and no network.

    Raises
    ------
    UserError
        If ``results.json`` is missing or an audio file can't be read.
    """
    folder = Path(folder)
    results = read_results(folder)
    shown = [*report.pictures, *_training(folder)]
    pictures = {picture.name: png(picture.figure) for picture in shown}
    sections = [
        *_score_sections(report),
        *_picture_section(shown, pictures),
        *report.sections,
        *_mistake_section(report),
        "<h2>The run</h2>",
        table((), run_facts(results)),
    ]
    return write_page(folder, page(report.title, report.lead, sections), pictures)


def embed_audio(path: str | os.PathLike) -> Html:
    """A player of the first ten seconds of a file, which it holds as Ogg Opus.

    Arguments
    ---------
    path : str or os.PathLike

    Returns
    -------
    Html

    Raises
    ------
    UserError
        If the file is missing or can't be decoded.
    """
    wav = read_audio(path, frames=CLIP_SECONDS * SAMPLE_RATE)
    cut = f"<small>first {CLIP_SECONDS} s</small>" if probe(path).duration > CLIP_SECONDS else ""
    return Html(f"{embed_waveform(wav)}{cut}")


def embed_waveform(wav: torch.Tensor) -> Html:
    """A player of audio, which it holds as Ogg Opus.

    Arguments
    ---------
    wav : torch.Tensor
        (samples,) at 16 kHz, cut off at 1 and -1.

    Returns
    -------
    Html

    Example
    -------
    >>> embed_waveform(torch.zeros(1600))[:60]
    '<audio controls preload="metadata" src="data:audio/ogg;base6'
    """
    stream = io.BytesIO()
    soundfile.write(stream, wav.clamp(-1, 1).numpy(), SAMPLE_RATE, format="OGG", subtype="OPUS")
    source = data_uri("audio/ogg", stream.getvalue())
    return Html(f'<audio controls preload="metadata" src="{source}"></audio>')


def _score_sections(report: Report) -> list[str]:
    sections = [
        "<h2>Results</h2>",
        table(("metric", "value", "95 % interval"), [score.cells() for score in report.scores]),
    ]
    if any(math.isfinite(score.low) for score in report.scores):
        sections.append("<p>Intervals: bootstrap over speakers.</p>")
    if report.folds:
        sections += ["<h2>Folds</h2>", _fold_table(report.folds)]
    return sections


def _fold_table(folds: Mapping[str, Mapping[str, float]]) -> str:
    names = list(dict.fromkeys(name for scores in folds.values() for name in scores))
    columns = {
        name: [scores[name] for scores in folds.values() if name in scores] for name in names
    }
    rows = [
        [fold, *(score_text(name, scores.get(name, math.nan)) for name in names)]
        for fold, scores in folds.items()
    ]
    rows.append(["mean", *(score_text(name, mean(columns[name])) for name in names)])
    if len(folds) > 1:
        spread = [stdev(x) if len(x) > 1 else math.nan for x in columns.values()]
        rows.append(["standard deviation", *map(score_text, names, spread)])
    return table(("fold", *map(score_title, names)), rows)


def _training(folder: Path) -> list[Picture]:
    """Curves of what was logged: nothing is where nothing was trained, or for too few steps."""
    log = folder / "metrics.jsonl"
    return [Picture("training", training_curves(read_metrics(log)))] if log.is_file() else []


def _picture_section(shown: Sequence[Picture], pictures: Mapping[str, bytes]) -> list[str]:
    if not shown:
        return []
    captions = {p.name: p.caption or CAPTIONS.get(p.name, "") for p in shown}
    figures = [figure(name, pictures[name], caption) for name, caption in captions.items()]
    return ["<h2>Plots</h2>", *figures]


def _mistake_section(report: Report) -> list[str]:
    clips = accumulate(len(mistake.audio) for mistake in report.mistakes)
    within = sum(count <= CLIPS for count in clips)
    shown = report.mistakes[: min(CLIPS, within)]
    if not shown:
        return []
    texts = ("truth over prediction",) if report.align else ("truth", "prediction")
    header = ("utterance", *texts, report.score_name, "listen")
    rows = [_mistake_row(mistake, report.align) for mistake in shown]
    count = f"<p>The worst {len(shown)} of {len(report.mistakes):,}. {escape(report.note)}</p>"
    return ["<h2>Worst errors</h2>", count, table(header, rows, kind="texts")]


def _mistake_row(mistake: Mistake, align: Callable[[str, str], Html] | None) -> list[str]:
    texts = (mistake.truth, mistake.prediction)
    return [
        mistake.id,
        *([align(*texts)] if align else texts),
        UNKNOWN if mistake.score is None else f"{mistake.score:.4g}",
        Html("".join(map(embed_audio, mistake.audio))),
    ]
