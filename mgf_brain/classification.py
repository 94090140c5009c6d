"""Classes of whole utterances, trained and scored fold by fold: emotion, attributes, dementia."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mgf_brain.brains.finetuning import ClassificationBrain
from mgf_brain.config import Experiment
from mgf_brain.data.manifest import Utterance
from mgf_brain.feature_cache import encoder_fingerprint
from mgf_brain.features import FeatureExtractor
from mgf_brain.finetuning import tune
from mgf_brain.probes import EmbeddingData, Probe, logits_of
from mgf_brain.training_log import TrainingLog

FoldParts = tuple[str, Sequence[Utterance], Sequence[Utterance]]  # name, train, test


@dataclass
class Predictions:
    """What one fold's classifier made of its test utterances.

    Arguments
    ---------
    fold : str
    utterances : list of Utterance
        The test part.
    probabilities : torch.Tensor
        (utterances, classes).
    layer_weights : list of float
        What the head gives each layer; they add up to 1.
    training_s : float
        Wall time of training, in seconds.
    """

    fold: str
    utterances: list[Utterance]
    probabilities: torch.Tensor
    layer_weights: list[float]
    training_s: float


class Classes:
    """Names of classes and their numbers.

    Example
    -------
    >>> rows = [Utterance(name, 1.0, "/a.wav", "s", label=name) for name in ("sad", "angry")]
    >>> classes = Classes.of(rows)
    >>> classes.names, classes.numbers(rows).tolist()
    (['angry', 'sad'], [1, 0])
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)

    @classmethod
    def of(cls, utterances: Sequence[Utterance]) -> Classes:
        """The labels of utterances, in alphabetical order."""
        return cls(sorted({u.label for u in utterances}))

    def numbers(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        """(utterances,) int64."""
        return torch.tensor([self.names.index(u.label) for u in utterances])


def classification_scores(truth: Sequence[int], predicted: Sequence[int]) -> dict[str, float]:
    """Unweighted average recall, weighted accuracy and micro-F1, in percent.

    UAR is the mean over the classes that occur of the share of each that is found; WA the share of
    utterances named rightly, which micro-F1 equals where each has one label.

    Example
    -------
    >>> classification_scores([0, 0, 0, 1], [0, 0, 0, 0])
    {'uar': 50.0, 'wa': 75.0, 'f1_micro': 75.0}
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    right = truth == predicted
    counts = np.bincount(truth)
    found = np.bincount(truth[right], minlength=len(counts))
    occurs = counts > 0
    accuracy = 100.0 * float(right.mean())
    return {
        "uar": 100.0 * float((found[occurs] / counts[occurs]).mean()),
        "wa": accuracy,
        "f1_micro": accuracy,
    }


def pooled_scores(predictions: Sequence[Predictions], classes: Classes) -> dict[str, Any]:
    """Scores over the predictions of all folds together, and those of each beside them."""
    folds = {
        p.fold: classification_scores(
            classes.numbers(p.utterances).tolist(), p.probabilities.argmax(1).tolist()
        )
        for p in predictions
    }
    truth = [n for p in predictions for n in classes.numbers(p.utterances).tolist()]
    named = [n for p in predictions for n in p.probabilities.argmax(1).tolist()]
    return {**classification_scores(truth, named), "folds": folds}


class FoldTrainer:
    """Trains and applies one classifier a fold.

    Arguments
    ---------
    experiment : Experiment
        Its ``adapt``: "frozen" trains the head on cached statistics, "two_step" then the encoder
        with it, "full" both from the start.
    extractor : FeatureExtractor
        Every fold starts from its encoder's weights.
    utterances : sequence of Utterance
        Of all folds; their statistics are computed once.
    """

    def __init__(
        self, experiment: Experiment, extractor: FeatureExtractor, utterances: Sequence[Utterance]
    ) -> None:
        self.experiment, self.hparams, self.extractor = experiment, experiment.hparams, extractor
        self.device = experiment.run_opts["device"]
        self.classes = Classes.of(utterances)
        self.statistics = dict(
            zip((u.id for u in utterances), extractor.statistics(utterances), strict=True)
        )
        self.log = TrainingLog(self.hparams["output_folder"])

    def __call__(
        self, name: str, train: Sequence[Utterance], test: Sequence[Utterance]
    ) -> Predictions:
        """Train on a fold's training part, and predict its test part once."""
        started, self.log.context = time.time(), {"fold": name}
        torch.manual_seed(self.hparams["seed"])
        probe = self._new_probe(train)
        if self.hparams["adapt"] != "full":
            data = EmbeddingData(self._stack(train), self.classes.numbers(train))
            self.hparams["train_probe"](probe, data, log=self.log.step)
        extractor = self.extractor
        if self.hparams["adapt"] != "frozen":
            extractor = self._tune(probe, train)
        seconds = time.time() - started
        rows = self._stack(test) if extractor is self.extractor else extractor.statistics(test)
        return Predictions(
            name,
            list(test),
            logits_of(probe, rows)[:, 0].softmax(-1),
            probe.layer_logits.softmax(0).tolist(),
            seconds,
        )

    def _stack(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        return torch.stack([self.statistics[u.id] for u in utterances])

    def _new_probe(self, train: Sequence[Utterance]) -> Probe:
        rows = self._stack(train)
        probe = self.hparams["probe"](*rows.shape[1:], len(self.classes.names)).to(self.device)
        probe.standardise([rows])
        return probe

    def _tune(self, probe: Probe, train: Sequence[Utterance]) -> FeatureExtractor:
        """A copy of the encoder, trained with the head on random chunks."""
        encoder = copy.deepcopy(self.extractor.encoder)
        classes = self.classes.numbers(train).tolist()
        targets = dict(zip((u.id for u in train), classes, strict=True))
        settings = self.hparams["tuning"]
        tune(
            ClassificationBrain, self.experiment, encoder, probe, train, targets, self.log, settings
        )
        return FeatureExtractor(encoder, self.extractor.name, self.device)


def classify_folds(
    experiment: Experiment, extractor: FeatureExtractor, folds: Sequence[FoldParts]
) -> tuple[list[Predictions], FoldTrainer]:
    """Train and apply a classifier for each fold; those done by an interrupted run are kept.

    Arguments
    ---------
    experiment : Experiment
    extractor : FeatureExtractor
    folds : sequence of (name, train, test)
        See ``speaker_folds``; every utterance has a label.

    Returns
    -------
    list of Predictions
        In the order of the folds.
    FoldTrainer
        With the classes and the utterances' statistics.
    """
    rows = {u.id: u for _, train, test in folds for u in [*train, *test]}
    trainer = FoldTrainer(experiment, extractor, list(rows.values()))
    saved = Path(experiment.hparams["output_folder"]) / "save" / "folds"
    settings = _settings(experiment, extractor)
    predictions = []
    for name, train, test in tqdm(folds, desc="folds", unit="fold"):
        path = saved / f"{name}-{_digest(settings, train, test)}.pt"
        if not path.is_file():
            _save(trainer(name, train, test), path)
        predictions.append(Predictions(name, list(test), **torch.load(path, weights_only=True)))
    return predictions, trainer


def _settings(experiment: Experiment, extractor: FeatureExtractor) -> str:
    """All that a fold's result depends on, beside its utterances."""
    run_opts = sorted((key, str(value)) for key, value in experiment.run_opts.items())
    fingerprint = encoder_fingerprint(extractor.encoder, "folds")
    return f"{experiment.resolved_yaml}\n{run_opts}\n{fingerprint}"


def _digest(settings: str, *parts: Sequence[Utterance]) -> str:
    rows = [[(u.id, u.label) for u in part] for part in parts]
    return hashlib.blake2b(f"{settings}\n{rows}".encode(), digest_size=8).hexdigest()


def _save(made: Predictions, path: Path) -> None:
    """What ``Predictions`` holds beside the utterances, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("probabilities", "layer_weights", "training_s")
    temporary = path.with_suffix(".part")
    torch.save({name: getattr(made, name) for name in names}, temporary)
    temporary.replace(path)
