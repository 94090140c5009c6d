"""The run of recipes that name the speaker of every utterance: closed-set and one-shot."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.pretrained import pretrained_name
from mgf_brain.downstream.probes import EmbeddingData, classify, probe_steps
from mgf_brain.downstream.run import corpus_folder, finish_run, open_run
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.probe import Probe
from mgf_brain.reports.plots import embedding_map
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import Experiment, load_experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.speakers.oneshot import Mixup, OneShot, mixups, name_speakers

# Training and test utterances of the closed set, and the one-shot test, which may be empty.
Data = tuple[list[Utterance], list[Utterance], OneShot]
PROTOCOLS = {"accuracy": "closed set of", "accuracy_oneshot": "one-shot test of"}


@dataclass(frozen=True)
class Named:
    """Utterances, and the speakers that they were taken for.

    Arguments
    ---------
    utterances : sequence of Utterance
    names : sequence of str
        (utterances,).

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, "/a.wav", s) for s in "ab" for i in range(2)]
    >>> named = Named(rows, list("aaab"))
    >>> named.accuracy(), named.interval()
    (75.0, (50.0, 100.0))
    """

    utterances: Sequence[Utterance]
    names: Sequence[str]

    @property
    def speakers(self) -> list[str]:
        """Who really speaks, (utterances,)."""
        return [u.speaker for u in self.utterances]

    @property
    def right(self) -> np.ndarray:
        """Whether the name is right, (utterances,) bool."""
        return np.array(self.names) == np.array(self.speakers)

    def accuracy(self) -> float:
        """Share of the utterances that is named rightly, in percent."""
        return 100.0 * float(self.right.mean())

    def interval(self) -> tuple[float, float]:
        """Of the accuracy, over speakers."""
        right = self.right
        return speaker_bootstrap(lambda i: 100.0 * right[i].mean(), self.speakers)


def classify_speakers(
    recipe: str, corpus: str | None, dataio_prepare: Callable[[dict[str, Any]], Data]
) -> None:
    """Read the yaml, prepare the data, train a probe, score both tests once, write all of it.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str or None
        Whose yaml in ``hparams/data`` is merged; none where the recipe takes several corpora.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    """
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    extractor = open_run(experiment)
    train, test, oneshot = dataio_prepare(experiment.hparams)
    probe = train_closed_set(experiment, extractor, train)
    named = {"accuracy": closed_set(probe, extractor, train, test)}
    vectors = [extractor.embeddings(rows) for rows in (oneshot.enrol, oneshot.test) if rows]
    if vectors:
        named["accuracy_oneshot"] = one_shot(oneshot, *vectors)
    metrics = {name: test.accuracy() for name, test in named.items()}
    finish_run(
        experiment,
        train,
        probe,
        metrics,
        recipe=recipe,
        started=started,
        throughput=extractor.throughput,
    )
    write_speakers_page(experiment.hparams, named, oneshot, vectors)


def train_closed_set(
    experiment: Experiment, extractor: FeatureExtractor, train: Sequence[Utterance]
) -> Probe:
    """The trained probe."""
    hparams = experiment.hparams
    numbers = {name: number for number, name in enumerate(_speakers(train))}
    embeddings = extractor.embeddings(train)
    if hparams["pretrained"] == "random":
        embeddings = extractor.standardise(embeddings)  # also for one-shot
    probe = hparams["probe"](1, embeddings.shape[1], len(numbers))
    probe = probe.to(experiment.run_opts["device"])
    data = EmbeddingData(embeddings, torch.tensor([numbers[u.speaker] for u in train]))
    log, limit = TrainingLog(hparams["output_folder"]), probe_steps(hparams)
    hparams["train_probe"](probe, data, log=log.probe_epoch, step_limit=limit)
    return probe


def closed_set(
    probe: Probe,
    extractor: FeatureExtractor,
    train: Sequence[Utterance],
    test: Sequence[Utterance],
) -> Named:
    """Other utterances of the training speakers, named by the probe."""
    speakers, classes = _speakers(train), classify(probe, extractor.embeddings(test)[:, None])
    return Named(test, [speakers[i] for i in classes.flatten().tolist()])


def one_shot(oneshot: OneShot, enrolled: torch.Tensor, embeddings: torch.Tensor) -> Named:
    """Utterances of new speakers, (N, E), named by the nearest enrolment, (S, E)."""
    nearest = name_speakers(enrolled, embeddings).tolist()
    return Named(oneshot.test, [oneshot.enrol[i].speaker for i in nearest])


def _speakers(train: Sequence[Utterance]) -> list[str]:
    """Those of the closed set, in the order of the probe's classes."""
    return sorted({u.speaker for u in train})


def write_speakers_page(
    hparams: Mapping[str, Any],
    named: Mapping[str, Named],
    oneshot: OneShot,
    vectors: Sequence[torch.Tensor],
) -> None:
    """Write the page: scores with intervals over speakers, a map and the errors of one-shot."""
    tests = [
        f"{PROTOCOLS[name]} {len(test.names):,} utterances of {len(set(test.speakers))} speakers"
        for name, test in named.items()
    ]
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Speaker classification on {corpus_folder(hparams).name}",
            lead=f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}: "
            f"{', '.join(tests)}.",
            scores=[Score(name, t.accuracy(), *t.interval()) for name, t in named.items()],
            pictures=[_map(oneshot, vectors)] if vectors else [],
            mistakes=[_mistake(found) for found in mixups(oneshot, *vectors)] if vectors else [],
            score_name="cosine above the true speaker's",
            note="One-shot: an utterance, and the enrolment that it was nearest to.",
        ),
    )


def _map(oneshot: OneShot, vectors: Sequence[torch.Tensor]) -> Picture:
    speakers = [f"speaker {u.speaker}" for u in (*oneshot.enrol, *oneshot.test)]
    plot = embedding_map(torch.cat(list(vectors)).numpy(), speakers, title="one-shot embeddings")
    return Picture("map", plot)


def _mistake(found: Mixup) -> Mistake:
    """Both files: what was to be named, and the enrolment that it was nearest to."""
    test, enrol = found.test, found.enrol
    audio = test.wav, enrol.wav
    id = " / ".join(Path(wav).stem for wav in audio)  # ids of a list are paths
    return Mistake(id, test.speaker, enrol.speaker, found.excess, audio)
