"""Naming speakers: a probe for a closed set, the nearest enrolment for new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.probes import EmbeddingData, classify, probe_steps
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.probe import Probe
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.run.outcomes import counted
from mgf_brain.tasks.speakers.oneshot import OneShot, name_speakers


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


def train_closed_set(
    experiment: Experiment, extractor: FeatureExtractor, train: Sequence[Utterance]
) -> Probe:
    """The trained probe."""
    hparams = experiment.hparams
    numbers = {name: number for number, name in enumerate(_speakers(train))}
    embeddings = extractor.embeddings(train)
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
    """Utterances of new speakers, (N, E), named by the nearest enrolment, (S, E).

    Example
    -------
    >>> anna, bela, who = (Utterance(id, 1.0, "/a.wav", id[0]) for id in ("a1", "b1", "b2"))
    >>> one_shot(OneShot([anna, bela], [who]), torch.eye(2), torch.tensor([[1.0, 2.0]])).names
    ['b']
    """
    nearest = name_speakers(enrolled, embeddings).tolist()
    return Named(oneshot.test, [oneshot.enrol[i].speaker for i in nearest])


def right_counts(tests: Mapping[str, Named]) -> tuple[list[Utterance], dict[str, np.ndarray]]:
    """The utterances of all tests, and the columns of each test's score.

    Example
    -------
    >>> tests = {"accuracy": Named([Utterance("u", 1.0, "/a.wav", "s")], ["t"])}
    >>> {name: column.tolist() for name, column in right_counts(tests)[1].items()}
    {'accuracy': [0], 'accuracy_of': [1]}
    """
    rows = [u for test in tests.values() for u in test.utterances]
    counts, start = {}, 0
    for name, test in tests.items():
        end = start + len(test.utterances)
        counts[name] = np.zeros((len(rows), 2), dtype=np.int64)
        counts[name][start:end, 0], counts[name][start:end, 1], start = test.right, 1, end
    return rows, counted(counts)


def _speakers(train: Sequence[Utterance]) -> list[str]:
    """Those of the closed set, in the order of the probe's classes."""
    return sorted({u.speaker for u in train})
