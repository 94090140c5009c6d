"""What is to be said of a loaded model: its make, its size, its data, its scores."""

from __future__ import annotations

import inspect
from pathlib import Path

from torch import nn

from mgf_brain.files import read_json
from mgf_brain.folder.adapted import AdaptedFolder
from mgf_brain.folder.hub import licence_of, read_card
from mgf_brain.folder.source import OwnFolder, Source
from mgf_brain.folder.weights import WEIGHTS_FILE
from mgf_brain.inference import SpeakerVerifier, SpeechRecognizer, UtteranceClassifier
from mgf_brain.inference.task import SpeechTask
from mgf_brain.metrics.names import metric_read
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.reports.facts import read_results, run_facts

MOST_SYMBOLS = 60  # that are spelt out


def describe(model: Encoder | SpeechTask, source: Source) -> dict[str, str]:
    """Facts of a model and of what it was loaded from.

    Arguments
    ---------
    model : Encoder or SpeechTask
        Of ``mgf_brain.inference``.
    source : Source

    Returns
    -------
    dict of str to str
        In the order in which they are to be read.

    Example
    -------
    >>> from mgf_brain.folder.source import OwnFolder
    >>> from mgf_brain.inference import example_encoder
    >>> facts = describe(example_encoder(), OwnFolder.at(getfixture("tmp_path")))
    >>> facts["class"], facts["frame hop"], facts["states"]
    ('SpeechEncoder', '40 ms (640 samples)', '3 of 32 channels')
    """
    encoder = model.encoder if isinstance(model, SpeechTask) else model
    hop, rate, licence = encoder.hop, encoder.sample_rate, licence_of(read_card(source.place))
    return {
        "class": type(model).__name__,
        **({} if isinstance(source, OwnFolder) else {"read from": source.what}),
        **({"adapts": source.base.name} if isinstance(source, AdaptedFolder) else {}),
        "": str(inspect.getdoc(model)).splitlines()[0],
        "encoder": _make(encoder),
        "states": f"{encoder.num_states} of {encoder.dim} channels",
        "sampling rate": f"{rate:,} Hz",
        "frame hop": f"{1000 * hop / rate:g} ms ({hop} samples)",
        **_task_facts(model),
        "weights": _weights(model, source.place / WEIGHTS_FILE),
        **({"licence": licence} if licence else {}),
        **_results(source.place / "results.json"),
    }


def _make(encoder: nn.Module) -> str:
    speech = getattr(encoder, "speech_model", None)
    parts = (encoder,) if speech is None else (speech.front_end, speech.encoder, encoder.embedder)
    return ", ".join(type(part).__name__ for part in parts)


def _task_facts(model: nn.Module) -> dict[str, str]:
    """What a model for a task has beside its encoder."""
    facts = {}
    if isinstance(model, UtteranceClassifier):
        facts["classes"] = ", ".join(model.labels)
    if isinstance(model, SpeakerVerifier):
        facts["threshold"] = "none" if model.threshold is None else f"{model.threshold:.4f}"
    if isinstance(model, SpeechRecognizer):
        names = list(map(str, model.tokens.names))
        more = " …" if len(names) > MOST_SYMBOLS else ""
        facts["symbols"] = f"{len(names)}: {' '.join(names[:MOST_SYMBOLS])}{more}"
    return facts


def _weights(model: nn.Module, path: Path) -> str:
    count = sum(parameter.numel() for parameter in model.parameters())
    size = f", {path.stat().st_size / 1e6:.1f} MB" if path.is_file() else ""
    return f"{count:,} parameters{size}"


def _results(path: Path) -> dict[str, str]:
    """Scores of the run, and what it took; nothing where the file says nothing."""
    if not path.is_file() or not read_json(path):
        return {}
    results = read_results(path.parent)
    scores = [
        (metric_read(name).titled(name), metric_read(name).text(value))
        for name, value in results["metrics"].items()
        if isinstance(value, (int, float))
    ]
    facts = [*scores, *run_facts(results)]
    return {name: value for name, value in facts if name != "parameters"}
