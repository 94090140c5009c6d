"""What a yaml calls our classes and functions: a room and a name, whichever file holds them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

PACKAGE = __name__.partition(".")[0]

# Model folders that version 0.1.0 wrote name files, which have moved since.
MOVED = {
    "mgf_brain.ctc.CTCHead": "mgf_brain.nn.CTCHead",
    "mgf_brain.encoder.NoContext": "mgf_brain.nn.NoContext",
    "mgf_brain.encoder.TransformerEncoder": "mgf_brain.nn.TransformerEncoder",
    "mgf_brain.enhancement.MaskHead": "mgf_brain.nn.MaskHead",
    "mgf_brain.features.LogMelFeatures": "mgf_brain.nn.LogMelFeatures",
    "mgf_brain.frontends.LogMel": "mgf_brain.nn.LogMel",
    "mgf_brain.frontends.Waveform": "mgf_brain.nn.Waveform",
    "mgf_brain.inference.classification.EmotionClassifier": "mgf_brain.inference.EmotionClassifier",
    "mgf_brain.inference.classification.UtteranceClassifier": (
        "mgf_brain.inference.UtteranceClassifier"
    ),
    "mgf_brain.inference.encoder.SpeechEncoder": "mgf_brain.inference.SpeechEncoder",
    "mgf_brain.inference.recognition.SpeechRecognizer": "mgf_brain.inference.SpeechRecognizer",
    "mgf_brain.inference.verification.SpeakerVerifier": "mgf_brain.inference.SpeakerVerifier",
    "mgf_brain.model.SpeechModel": "mgf_brain.nn.SpeechModel",
    "mgf_brain.pitch_encoder.PitchEncoder": "mgf_brain.nn.PitchEncoder",
    "mgf_brain.pooling.AffineEmbedding": "mgf_brain.nn.AffineEmbedding",
    "mgf_brain.pooling.AttentivePooling": "mgf_brain.nn.AttentivePooling",
    "mgf_brain.pooling.LayerAverage": "mgf_brain.nn.LayerAverage",
    "mgf_brain.pooling.StatisticsPooling": "mgf_brain.nn.StatisticsPooling",
    "mgf_brain.pooling.UtteranceHead": "mgf_brain.nn.UtteranceHead",
    "mgf_brain.pretrained.LayerStatistics": "mgf_brain.nn.LayerStatistics",
    "mgf_brain.probes.Probe": "mgf_brain.nn.Probe",
    "mgf_brain.progressive.ProgressiveEncoder": "mgf_brain.nn.ProgressiveEncoder",
    "mgf_brain.progressive.ProgressiveModel": "mgf_brain.nn.ProgressiveModel",
    "mgf_brain.progressive.SpeakerExtractor": "mgf_brain.nn.SpeakerExtractor",
    "mgf_brain.resnet.ResNetTrunk": "mgf_brain.nn.ResNetTrunk",
    "mgf_brain.tdnn.EcapaTrunk": "mgf_brain.nn.EcapaTrunk",
    "mgf_brain.tdnn.XVectorTrunk": "mgf_brain.nn.XVectorTrunk",
    "mgf_brain.tokens.Tokens": "mgf_brain.inference.Tokens",
}


def public_name(made_by: Callable[..., Any]) -> str:
    """The name of a class or a function that no move of its file changes.

    Arguments
    ---------
    made_by : callable

    Returns
    -------
    str
        The innermost package that lists it in ``__all__``, and its own name; outside of this
        package, or where none lists it, the module's name and its own.

    Example
    -------
    >>> from mgf_brain.nn.encoder import ConvPositions, TransformerEncoder
    >>> public_name(TransformerEncoder), public_name(ConvPositions)
    ('mgf_brain.nn.TransformerEncoder', 'mgf_brain.nn.encoder.ConvPositions')
    """
    module, name = made_by.__module__, made_by.__qualname__
    room = module.rpartition(".")[0]
    while room.partition(".")[0] == PACKAGE:
        if name in getattr(import_module(room), "__all__", ()):
            return f"{room}.{name}"
        room = room.rpartition(".")[0]
    return f"{module}.{name}"


def find(name: str) -> Any:
    """What a public name, or the older name of a class that has moved, stands for.

    Raises
    ------
    ImportError, AttributeError
        If there is no such thing.

    Example
    -------
    >>> find("mgf_brain.encoder.NoContext") is find("mgf_brain.nn.NoContext")
    True
    """
    room, _, attribute = MOVED.get(name, name).rpartition(".")
    return getattr(import_module(room), attribute)


def older_module(name: str) -> SimpleNamespace:
    """The classes of a module that is no more, as HyperPyYAML looks for them.

    Arguments
    ---------
    name : str
        The module's full name.

    Raises
    ------
    AttributeError
        If no model folder names classes of such a module.

    Example
    -------
    >>> older_module("mgf_brain.ctc")
    namespace(CTCHead=<class 'mgf_brain.nn.ctc_head.CTCHead'>)
    """
    older = [key for key in MOVED if key.rpartition(".")[0] == name]
    if not older:
        raise AttributeError(f"no module and no attribute is named {name}")
    return SimpleNamespace(**{key.rpartition(".")[2]: find(key) for key in older})
