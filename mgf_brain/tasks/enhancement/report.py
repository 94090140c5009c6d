"""The report of an enhancement run: scores, spectrograms, and audio before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.augment.noisy_speech import Mixtures
from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.inference import Enhancer
from mgf_brain.metrics.enhancement import mean_scores
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.mask_head import HOP, WINDOW, analyse
from mgf_brain.reports.html import Table
from mgf_brain.reports.plots import layer_weights
from mgf_brain.reports.sound import CLIP_SECONDS, DYNAMIC_RANGE, decibels, embed_waveform
from mgf_brain.reports.style import CONSTANT, TRAINING, finish
from mgf_brain.reports.task_page import (
    Picture,
    Score,
    TaskPage,
    write_task_page,
)
from mgf_brain.run.experiment import Experiment

EXAMPLES = 4  # from the least to the most improved utterance, with three clips each
COLUMNS = ("noisy", "enhanced", "clean")
CAPTIONS = {
    "spectrograms": "The least and the most improved utterance, the first seconds of each.",
    "improvement": "One point an utterance: above the line, enhancement has helped.",
}

Scores = Mapping[str, float]
Waves = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # as COLUMNS, (samples,) each


def write_enhancement_page(
    experiment: Experiment,
    enhancer: Enhancer,
    test: Mixtures,
    scores: Sequence[Scores],
) -> Path:
    """Write the page: scores with intervals over speakers, spectrograms, layers, examples.

    Arguments
    ---------
    experiment : Experiment
    enhancer : Enhancer
    test : Mixtures
    scores : sequence of mapping
        Of each test utterance.

    Returns
    -------
    Path
        The page.
    """
    hparams = experiment.hparams
    rows = test.utterances
    chosen = spread([row["si_sdr_improvement"] for row in scores], EXAMPLES)
    waves = {i: _first_seconds(enhancer, *test.fixed(rows[i])) for i in chosen}
    ends = [waves[i] for i in dict.fromkeys((chosen[0], chosen[-1]))]
    figures = {
        "improvement": partial(improvement, scores),
        "spectrograms": partial(spectrograms, ends),
        "layers": partial(layer_weights, {"": enhancer.head.layer_weights()}),
    }
    speakers = [u.speaker for u in rows]
    lead = f"{adapted_name(hparams)}: {len(rows):,} test "
    examples = [(rows[i].id, scores[i], waves[i]) for i in chosen]
    return write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Speech enhancement on {experiment.recipe.corpus}",
            lead=f"{lead}utterances of {len(set(speakers))} speakers.",
            scores=[
                Score(name, value, *_interval(name, scores, speakers))
                for name, value in mean_scores(scores).items()
            ],
            pictures=[
                Picture(name, draw, CAPTIONS.get(name, "")) for name, draw in figures.items()
            ],
            tables={"Before and after": example_table(examples, hparams["report_audio"])},
        ),
    )


def spread(values: Sequence[float], count: int) -> list[int]:
    """Places of the lowest value, the highest, and others evenly between them in rank.

    Example
    -------
    >>> spread([5.0, 1.0, 3.0, 4.0, 2.0], 3)
    [1, 2, 0]
    """
    order = np.argsort(values)
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return order[places].tolist()


def example_table(examples: Sequence[tuple[str, Scores, Waves]], audio: bool = True) -> Table:
    """Utterances with their SI-SDR, and players of the three versions.

    Arguments
    ---------
    examples : sequence of (id, scores, waveforms)
        Waveforms are (samples,), as in ``COLUMNS``.
    audio : bool
        Whether there are players.

    Returns
    -------
    header, rows

    Example
    -------
    >>> scores, waves = {"si_sdr_noisy": 2.0, "si_sdr": 7.5}, torch.zeros(3, 1600).unbind()
    >>> header, rows = example_table([("a", scores, waves)])
    >>> header[:3], rows[0][:3]
    (('utterance', 'SI-SDR before', 'after'), ['a', '2.00 dB', '7.50 dB'])
    """
    columns = COLUMNS if audio else ()
    rows = [
        [
            id,
            *(f"{scores[name]:.2f} dB" for name in ("si_sdr_noisy", "si_sdr")),
            *(
                embed_waveform(wav, f"{id}, {name}")
                for name, wav in zip(columns, waves, strict=False)
            ),
        ]
        for id, scores, waves in examples
    ]
    return ("utterance", "SI-SDR before", "after", *columns), rows


def spectrograms(examples: Sequence[Waves]) -> Figure:
    """Noisy, enhanced and clean spectrograms side by side, an utterance a line.

    Arguments
    ---------
    examples : sequence of tuples of torch.Tensor
        (samples,) each.

    Returns
    -------
    Figure

    Example
    -------
    >>> figure = spectrograms([tuple(torch.randn(3, 8000))])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['noisy', 'enhanced', 'clean']
    """
    height = 2.2 * len(examples) + 0.4
    figure = Figure(figsize=(10, height), layout="constrained")
    panels = figure.subplots(len(examples), len(COLUMNS), squeeze=False, sharey=True)
    for line, waves in zip(panels, examples, strict=True):
        levels = [_decibels(wav) for wav in waves]
        loudest = max(level.max() for level in levels)
        for axes, level, name in zip(line, levels, COLUMNS, strict=True):
            axes.imshow(
                level.T,
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=loudest - DYNAMIC_RANGE,
                vmax=loudest,
                extent=(0, len(level) * HOP / SAMPLE_RATE, 0, SAMPLE_RATE / 2000),
            )
            finish(axes, name, "time (s)", "frequency (kHz)" if name == COLUMNS[0] else "")
            axes.grid(False)
    return figure


def improvement(scores: Sequence[Scores]) -> Figure:
    """SI-SDR of each utterance before and after.

    Arguments
    ---------
    scores : sequence of mapping
        With ``si_sdr`` and ``si_sdr_noisy`` in dB.

    Returns
    -------
    Figure

    Example
    -------
    >>> axes = improvement([{"si_sdr": 9.0, "si_sdr_noisy": 5.0}]).axes[0]
    >>> axes.collections[0].get_offsets().tolist()
    [[5.0, 9.0]]
    """
    before, after = ([row[name] for row in scores] for name in ("si_sdr_noisy", "si_sdr"))
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(before, after, s=24, alpha=0.6, linewidths=0, color=TRAINING)
    middle = float(np.nanmean(before))
    axes.axline((middle, middle), slope=1, color=CONSTANT, ls="--", lw=1.2)
    finish(axes, "SI-SDR of each utterance", "before (dB)", "after (dB)")
    return figure


def _decibels(wav: torch.Tensor) -> np.ndarray:
    """(S, BINS)."""
    return decibels(analyse(wav[None])[0].abs().square() / WINDOW)


def _first_seconds(enhancer: Enhancer, noisy: torch.Tensor, clean: torch.Tensor) -> Waves:
    """What the page shows of an utterance, enhanced as a whole."""
    shown = slice(CLIP_SECONDS * SAMPLE_RATE)
    return noisy[shown], enhancer.enhance(noisy, SAMPLE_RATE)[shown], clean[shown]


def _interval(name: str, scores: Sequence[Scores], speakers: Sequence[str]) -> tuple[float, float]:
    values = np.array([row[name] for row in scores])
    known = np.isfinite(values)
    values = values[known]
    return speaker_bootstrap(lambda i: values[i].mean(), np.array(speakers)[known])
