"""The page of a run: what it scored, with intervals, and where it was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.reports.alignment import align_words
from mgf_brain.reports.plots import layer_weights
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.transcription.training import Transcript, by_part, error_counts


def write_transcription_page(
    experiment: Experiment,
    head: CTCHead,
    made: Sequence[Transcript],
    metrics: Mapping[str, float],
) -> None:
    """Write the page: error rates, an interval over speakers, layers, the worst utterances."""
    hparams = experiment.hparams
    what = "Phone" if "per" in metrics else "Speech"
    kind, decoder = "per" if "per" in metrics else "wer", "_beam" if "wer_beam" in metrics else ""
    intervals = {f"{kind}{part}{decoder}": _interval(rows) for part, rows in by_part(made).items()}
    speakers = {t.utterance.speaker for t in made}
    figures = {"layers": partial(layer_weights, {"": head.layer_weights()})}
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"{what} recognition on {experiment.recipe.corpus}",
            lead=f"{adapted_name(hparams)}: {len(made):,} "
            f"test utterances of {len(speakers)} speakers.",
            scores=[
                Score(name, value, *intervals.get(name, ())) for name, value in metrics.items()
            ],
            pictures=[Picture(*named) for named in figures.items()],
            mistakes=_worst(made),
            score_name="errors",
            align=align_words,
        ),
    )


def _interval(made: Sequence[Transcript]) -> tuple[float, float]:
    """Of the share of wrong words or phones, in percent."""
    errors = error_counts(made)
    return speaker_bootstrap(
        lambda i: 100.0 * errors[i, 0].sum() / max(1, errors[i, 1].sum()),
        [t.utterance.speaker for t in made],
    )


def _worst(made: Sequence[Transcript]) -> list[Mistake]:
    """The utterances with the most errors."""
    errors = error_counts(made)[:, 0].tolist()
    order = sorted(range(len(made)), key=lambda i: -errors[i])
    return [
        Mistake(t.utterance.id, t.reference, t.hypothesis, errors[i], (t.utterance.wav,))
        for i, t in ((i, made[i]) for i in order)
        if errors[i]
    ]
