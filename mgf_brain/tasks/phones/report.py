"""The page of a run: what it scored, with intervals, and where it was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.probe import Probe
from mgf_brain.reports.alignment import pair_words
from mgf_brain.reports.plots import confusion, layer_weights
from mgf_brain.reports.sound import CLIP_SECONDS
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.phones.naming import (
    NamedPhones,
    correct_counts,
    phone_by_phone,
    pooled_accuracy,
    silence_class,
)


def write_phones_page(
    experiment: Experiment,
    probe: Probe,
    made: Sequence[NamedPhones],
    names: Sequence[str],
) -> None:
    """Write the page: scores with intervals over speakers, confusions, layers, worst utterances."""
    hparams = experiment.hparams
    speakers = [m.utterance.speaker for m in made]
    counts = correct_counts(made, silence_class(names))
    truth, named = torch.cat([m.labels for m in made]), torch.cat([m.predictions for m in made])
    figures = {
        "confusion": partial(confusion, truth.tolist(), named.tolist(), names),
        "layers": partial(layer_weights, {"": probe.layer_weights()}),
    }
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Phone classification on {experiment.recipe.corpus}",
            lead=f"{adapted_name(hparams)}: {len(truth):,} "
            f"labels, 100 a second, of {len(made):,} test utterances of {len(set(speakers))} "
            "speakers.",
            scores=[
                Score(name, pooled_accuracy(rows), *_interval(rows, speakers))
                for name, rows in counts.items()
            ],
            pictures=[Picture(*pair) for pair in figures.items()],
            mistakes=_worst(made, counts["accuracy"], names),
            score_name="accuracy (%)",
            note=f"Phones of the first {CLIP_SECONDS} s; below each what most of its labels were "
            "taken for.",
            align=pair_words,
        ),
    )


def _interval(counts: np.ndarray, speakers: Sequence[str]) -> tuple[float, float]:
    return speaker_bootstrap(lambda i: pooled_accuracy(counts[i]), speakers)


def _worst(made: Sequence[NamedPhones], counts: np.ndarray, names: Sequence[str]) -> list[Mistake]:
    """The utterances with the lowest accuracies: each phone over what most of it was taken for."""
    accuracy = (100 * counts[:, 0] / counts[:, 1]).tolist()
    return [
        Mistake(
            made[i].utterance.id,
            *phone_by_phone(made[i], names, CLIP_SECONDS),  # those that are to be heard
            accuracy[i],
            (made[i].utterance.wav,),
        )
        for i in sorted(range(len(made)), key=accuracy.__getitem__)
        if accuracy[i] < 100
    ]
