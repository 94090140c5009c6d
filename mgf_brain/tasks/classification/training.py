"""Classes of whole utterances, trained and scored fold by fold: emotion, attributes, dementia."""

from __future__ import annotations

import copy
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.finetuning import tunable, tune
from mgf_brain.downstream.low_rank import adapt_encoder
from mgf_brain.downstream.probes import EmbeddingData, logits_of, probe_steps
from mgf_brain.features.cache import FileHashes
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.files import open_atomic
from mgf_brain.folder.adapted import changed_weights
from mgf_brain.inference import UtteranceClassifier
from mgf_brain.metrics.classification import classification_scores
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.probe import Probe
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.classification.brain import ClassificationBrain
from mgf_brain.tasks.classification.classes import Classes
from mgf_brain.throughput import Throughput

logger = get_logger(__name__)

FORMAT = 4  # of a saved fold: raised when it comes to hold something else
CHECKSUM = 4  # bytes at the end of its file
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
    throughput : Throughput
        Of fine-tuning; nothing for a frozen encoder, or where another fold's model was used.
    head, encoder : dict of str to torch.Tensor
        Weights of the classifier: of the probe, and those of the encoder that were tuned; the
        encoder's of the last fold alone, which is exported, since each may be large.
    """

    fold: str
    utterances: list[Utterance]
    probabilities: torch.Tensor
    layer_weights: list[float]
    throughput: Throughput
    head: dict[str, torch.Tensor] = field(default_factory=dict)
    encoder: dict[str, torch.Tensor] = field(default_factory=dict)


def pooled_scores(predictions: Sequence[Predictions], classes: Classes) -> dict[str, Any]:
    """Scores over the predictions of all folds together, and those of each beside them.

    Example
    -------
    >>> rows = [Utterance(label, 1.0, "/a.wav", "s", label=label) for label in ("calm", "angry")]
    >>> sure_of_calm = torch.tensor([[0.1, 0.9], [0.2, 0.8]])
    >>> made = Predictions("1", rows, sure_of_calm, [1.0], Throughput())
    >>> scores = pooled_scores([made], Classes(["angry", "calm"]))
    >>> scores["uar"], list(scores["folds"])
    (50.0, ['1'])
    """
    folds = {
        p.fold: classification_scores(
            classes.numbers(p.utterances).tolist(),
            p.probabilities.argmax(1).tolist(),
            classes.positive,
        )
        for p in predictions
    }
    truth = [n for p in predictions for n in classes.numbers(p.utterances).tolist()]
    named = [n for p in predictions for n in p.probabilities.argmax(1).tolist()]
    return {**classification_scores(truth, named, classes.positive), "folds": folds}


def named_classes(
    predictions: Sequence[Predictions], classes: Classes
) -> tuple[list[Utterance], dict[str, list[str]]]:
    """All test utterances, and the ``label`` and ``predicted`` class of each.

    Example
    -------
    >>> row, sure = Utterance("u", 1.0, "/a.wav", "s", label="calm"), torch.tensor([[0.9, 0.1]])
    >>> made = Predictions("1", [row], sure, [1.0], Throughput())
    >>> named_classes([made], Classes(["angry", "calm"]))[1]
    {'label': ['calm'], 'predicted': ['angry']}
    """
    rows = [u for p in predictions for u in p.utterances]
    named = [classes.names[n] for p in predictions for n in p.probabilities.argmax(1).tolist()]
    return rows, {"label": [u.label or "" for u in rows], "predicted": named}


def mean_weights(predictions: Sequence[Predictions]) -> list[float]:
    """The weights of the layers, a mean over the folds."""
    return torch.tensor([p.layer_weights for p in predictions]).mean(0).tolist()


class Trained(NamedTuple):
    """A head, and the extractor of what it reads."""

    probe: Probe
    extractor: FeatureExtractor


class FoldTrainer:
    """Trains and applies one classifier a fold.

    Arguments
    ---------
    experiment : Experiment
        Its ``adapt``: "frozen" trains the head on cached statistics, "two_step" then the encoder
        with it, "lora" then what it adds to the encoder, "full" both from the start. Its
        ``positive``, which may be absent: see ``Classes``.
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
        self.classes = Classes.of(utterances, self.hparams.get("positive"))
        self.statistics = dict(
            zip((u.id for u in utterances), extractor.statistics(utterances), strict=True)
        )
        self.log = TrainingLog(self.hparams["output_folder"])
        self.last: tuple[list[Utterance], Trained] | None = None

    def __call__(
        self, name: str, train: Sequence[Utterance], test: Sequence[Utterance]
    ) -> Predictions:
        """Train on a fold's training part, and predict its test part once.

        Test parts of an official split have one training part in common: it is trained on once.
        """
        self.log.throughput = Throughput()
        if self.last is None or self.last[0] != list(train):
            self.last = None  # its encoder may be large
            self.last = list(train), self._train(name, train)
        probe, extractor = self.last[1]
        rows = self._stack(test) if extractor is self.extractor else extractor.statistics(test)
        return Predictions(
            name,
            list(test),
            logits_of(probe, rows)[:, 0].softmax(-1),
            probe.layer_weights(),
            self.log.throughput,
            probe.state_dict(),
            changed_weights(extractor.encoder.state_dict(), self.extractor.encoder.state_dict()),
        )

    def _train(self, name: str, train: Sequence[Utterance]) -> Trained:
        self.log.context = {"fold": name}
        torch.manual_seed(self.hparams["seed"])
        probe = self._new_probe(train)
        if self.hparams["adapt"] != "full":
            data = EmbeddingData(self._stack(train), self.classes.numbers(train))
            limit = probe_steps(self.hparams)
            self.hparams["train_probe"](probe, data, log=self.log.probe_epoch, step_limit=limit)
        extractor = self.extractor
        if self.hparams["adapt"] != "frozen":
            extractor = self._tune(probe, train)
        return Trained(probe, extractor)

    def _copy(self) -> Encoder:
        """A copy of the encoder; if it is to be adapted only, of all but its weights."""
        encoder = self.extractor.encoder
        shared = encoder.parameters() if self.hparams["adapt"] == "lora" else ()
        return copy.deepcopy(encoder, {id(parameter): parameter for parameter in shared})

    def classifier(self, made: Predictions) -> UtteranceClassifier:
        """The model that made a fold's predictions."""
        probe, encoder = self._probe(), self.extractor.encoder
        probe.load_state_dict(made.head)
        if made.encoder:
            encoder = self._copy()
            if self.hparams["adapt"] == "lora":
                adapt_encoder(tunable(encoder), self.hparams)
            encoder.load_state_dict(encoder.state_dict() | made.encoder)
        return UtteranceClassifier(encoder, probe, self.classes.names).eval()

    def probe_sizes(self) -> dict[str, int]:
        """Arguments of the yaml's ``probe``."""
        num_states, dim = next(iter(self.statistics.values())).shape
        return {"num_states": num_states, "dim": dim, "classes": len(self.classes.names)}

    def _probe(self) -> Probe:
        return self.hparams["probe"](**self.probe_sizes()).to(self.device)

    def _stack(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        return torch.stack([self.statistics[u.id] for u in utterances])

    def _new_probe(self, train: Sequence[Utterance]) -> Probe:
        probe = self._probe()
        probe.standardise([self._stack(train)])
        return probe

    def _tune(self, probe: Probe, train: Sequence[Utterance]) -> FeatureExtractor:
        """A copy of the encoder, trained with the head on random chunks."""
        encoder = self._copy()
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
    saved.mkdir(parents=True, exist_ok=True)
    hashes = FileHashes(saved / "files.jsonl").of_all(u.wav for u in rows.values())
    settings, content = _settings(experiment, extractor), dict(zip(rows, hashes, strict=True))
    predictions = []
    for name, train, test in tqdm(folds, desc="folds", unit="fold"):
        path = saved / f"{name}-{_digest(settings, content, train, test)}.pt"
        if (done := _load(path)) is None:
            made = trainer(name, train, test)
            _save(made if name == folds[-1][0] else replace(made, encoder={}), path)
            done = _load(path)
        assert done is not None  # which was written just now
        predictions.append(Predictions(name, list(test), **done))
    return predictions, trainer


def _settings(experiment: Experiment, extractor: FeatureExtractor) -> str:
    """All that a fold's result depends on, beside its utterances."""
    run_opts = sorted((key, str(value)) for key, value in experiment.run_opts.items())
    fingerprint = encoder_fingerprint(extractor.encoder, "folds")
    return f"{FORMAT}\n{experiment.resolved_yaml}\n{run_opts}\n{fingerprint}"


def _digest(settings: str, content: Mapping[str, str], *parts: Sequence[Utterance]) -> str:
    rows = [[(u.id, u.label, content[u.id]) for u in part] for part in parts]
    return hashlib.blake2b(f"{settings}\n{rows}".encode(), digest_size=8).hexdigest()


def _save(made: Predictions, path: Path) -> None:
    """What ``Predictions`` holds beside the utterances, whole or not at all, and a checksum."""
    names = ("probabilities", "layer_weights", "head", "encoder")
    content = {name: getattr(made, name) for name in names}
    stream = io.BytesIO()
    torch.save(content | {"throughput": astuple(made.throughput)}, stream)
    data = stream.getvalue()
    with open_atomic(path, "wb") as file:
        file.write(data + zlib.crc32(data).to_bytes(CHECKSUM, "big"))


def _load(path: Path) -> dict[str, Any] | None:
    """None if there is no such fold, or a byte of it has changed."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    data, checksum = data[:-CHECKSUM], data[-CHECKSUM:]
    if zlib.crc32(data).to_bytes(CHECKSUM, "big") != checksum:
        logger.warning("%s is damaged: the fold is done anew.", path)
        return None
    content = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    return content | {"throughput": Throughput(*content["throughput"])}
