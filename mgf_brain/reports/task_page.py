"""The report of a downstream run: scores, plots, and the worst errors to listen to."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from statistics import mean, stdev

from markupsafe import Markup

from mgf_brain.metrics.names import UNKNOWN, score_text, score_title
from mgf_brain.metrics.resampling import Resampled
from mgf_brain.reports.drawing import Draw
from mgf_brain.reports.facts import read_results, read_settings, run_command, run_facts
from mgf_brain.reports.html import Table
from mgf_brain.reports.pages import write_page
from mgf_brain.reports.plots import training_curves
from mgf_brain.reports.run_scores import chance, resampled
from mgf_brain.reports.sound import embed_audio
from mgf_brain.run.log import read_metrics

CLIPS = 12  # of audio on a page, beside those of a map


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
    draw : callable
        Makes the figure. It is called last, and may fail.
    caption : str, optional
        By default that of ``templates/task.html``.
    """

    name: str
    draw: Draw
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
class TaskPage:
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
    tables : mapping of str to tuple
        By heading, what the task shows beside all this, below the plots: header and rows.
    """

    title: str
    lead: str
    scores: Sequence[Score]
    folds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    mistakes: Sequence[Mistake] = ()
    score_name: str = "score"
    note: str = ""
    align: Callable[[str, str], Markup] | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)


def write_task_page(folder: str | os.PathLike, page: TaskPage) -> Path:
    """Write ``report/``: SVG plots, and ``index.html`` that holds them and the audio.

    Arguments
    ---------
    folder : str or os.PathLike
        A run's output folder, with ``results.json``. Where it has ``metrics.jsonl``, the training
        is drawn beside the page's pictures; where its yaml says ``report_audio: false``, speech
        is left out.
    page : TaskPage

    Returns
    -------
    Path
        The page. It needs no other file and no network.

    Raises
    ------
    UserError
        If ``results.json`` is missing or holds something else.
    """
    folder = Path(folder)
    facts = run_facts(read_results(folder))
    shown = [*page.pictures, *_training(folder)]
    audio = read_settings(folder).get("report_audio", True)
    return write_page(
        folder,
        "task.html",
        {picture.name: picture.draw for picture in shown},
        audio,
        title=page.title,
        lead=page.lead,
        page=page,
        scores=_score_rows(page.scores, resampled(folder)),
        intervals=any(math.isfinite(score.low) for score in page.scores),
        folds=_fold_table(page.folds) if page.folds else None,
        shown=shown,
        mistakes=_mistake_rows(page, audio),
        facts=facts,
        command=run_command(folder),
    )


def _score_rows(scores: Sequence[Score], found: Mapping[str, Resampled]) -> list[list[str]]:
    """With what knowing nothing would score."""
    known = {score.name: chance(score.name, found) for score in scores}
    return [
        [*score.cells(), UNKNOWN if (x := known[score.name]) is None else score_text(score.name, x)]
        for score in scores
    ]


def _fold_table(folds: Mapping[str, Mapping[str, float]]) -> Table:
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
    return ["fold", *map(score_title, names)], rows


def _training(folder: Path) -> list[Picture]:
    """Curves of what was logged: nothing is where nothing was trained, or for too few steps."""
    log = folder / "metrics.jsonl"
    if not log.is_file():
        return []
    return [Picture("training", lambda: training_curves(read_metrics(log)))]


def _mistake_rows(page: TaskPage, audio: bool) -> list[list[str]]:
    """As many of the worst as there are clips for."""
    clips = accumulate(len(mistake.audio) for mistake in page.mistakes)
    within = sum(count <= CLIPS for count in clips)
    return [_mistake_row(m, page.align, audio) for m in page.mistakes[: min(CLIPS, within)]]


def _mistake_row(
    mistake: Mistake, align: Callable[[str, str], Markup] | None, audio: bool
) -> list[str]:
    texts = (mistake.truth, mistake.prediction)
    return [
        mistake.id,
        *([align(*texts)] if align else texts),
        UNKNOWN if mistake.score is None else f"{mistake.score:.4g}",
        *([Markup().join(map(_player, mistake.audio))] if audio else []),
    ]


def _player(path: str | os.PathLike) -> Markup:
    return embed_audio(path, Path(path).stem)
