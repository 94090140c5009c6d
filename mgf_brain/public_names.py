"""What a yaml calls our classes and functions: a room and a name, whichever file holds them."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

PACKAGE = __name__.partition(".")[0]

# Modules that yaml files of version 0.1.0 name, in model folders and in runs, and the rooms that
# their classes and functions are in now.
OLDER_MODULES = {
    "mgf_brain.brains.pretraining": "mgf_brain.pretraining",
    "mgf_brain.checkpoints": "mgf_brain.run",
    "mgf_brain.cluster_labels": "mgf_brain.targets",
    "mgf_brain.clustering": "mgf_brain.targets",
    "mgf_brain.ctc": "mgf_brain.nn",
    "mgf_brain.data.augmentation": "mgf_brain.data",
    "mgf_brain.data.crops": "mgf_brain.data",
    "mgf_brain.data.mixing": "mgf_brain.data",
    "mgf_brain.encoder": "mgf_brain.nn",
    "mgf_brain.enhancement": "mgf_brain.nn",
    "mgf_brain.features": "mgf_brain.nn",
    "mgf_brain.frontends": "mgf_brain.nn",
    "mgf_brain.inference.classification": "mgf_brain.inference",
    "mgf_brain.inference.encoder": "mgf_brain.inference",
    "mgf_brain.inference.recognition": "mgf_brain.inference",
    "mgf_brain.inference.verification": "mgf_brain.inference",
    "mgf_brain.margin": "mgf_brain.tasks.verification",
    "mgf_brain.masking": "mgf_brain.nn",
    "mgf_brain.model": "mgf_brain.nn",
    "mgf_brain.objectives.bestrq": "mgf_brain.objectives",
    "mgf_brain.objectives.clusters": "mgf_brain.objectives",
    "mgf_brain.objectives.dino": "mgf_brain.objectives",
    "mgf_brain.objectives.frame": "mgf_brain.objectives",
    "mgf_brain.objectives.online": "mgf_brain.objectives",
    "mgf_brain.objectives.phoneme": "mgf_brain.objectives",
    "mgf_brain.objectives.quantiser": "mgf_brain.objectives",
    "mgf_brain.objectives.sample": "mgf_brain.objectives",
    "mgf_brain.objectives.speaker": "mgf_brain.objectives",
    "mgf_brain.objectives.utterance": "mgf_brain.objectives",
    "mgf_brain.objectives.wav2vec2": "mgf_brain.objectives",
    "mgf_brain.perturbation": "mgf_brain.nn",
    "mgf_brain.pitch_encoder": "mgf_brain.nn",
    "mgf_brain.pitch_track": "mgf_brain.targets",
    "mgf_brain.pooling": "mgf_brain.nn",
    "mgf_brain.pretrained": "mgf_brain.nn",
    "mgf_brain.probes": "mgf_brain.nn",
    "mgf_brain.progressive": "mgf_brain.nn",
    "mgf_brain.prototypes": "mgf_brain.objectives",
    "mgf_brain.pseudo_label_recipe": "mgf_brain.tasks.verification",
    "mgf_brain.resnet": "mgf_brain.nn",
    "mgf_brain.schedules": "mgf_brain.run",
    "mgf_brain.speaker_targets": "mgf_brain.targets",
    "mgf_brain.spec_augment": "mgf_brain.nn",
    "mgf_brain.tdnn": "mgf_brain.nn",
    "mgf_brain.tokens": "mgf_brain.inference",
    "mgf_brain.verification_recipe": "mgf_brain.tasks.verification",
}
# Names for which the room is not that of their module's other names, or that are no more.
RENAMED = {
    "mgf_brain.brains.pretraining.MultiGranularityBrain": "mgf_brain.pretraining.PretrainingBrain",
    "mgf_brain.model.PretrainingModel": "mgf_brain.objectives.PretrainingModel",
    "mgf_brain.nn.LayerAverage": "mgf_brain.nn.StandardisedStatistics",  # that is not fitted
    "mgf_brain.pooling.LayerAverage": "mgf_brain.nn.StandardisedStatistics",
    "mgf_brain.probes.train_probe": "mgf_brain.downstream.train_probe",
}


def current_name(name: str) -> str:
    """The public name of what a yaml of version 0.1.0 names; any other name as it is.

    Example
    -------
    >>> current_name("mgf_brain.encoder.NoContext"), current_name("torch.nn.Linear")
    ('mgf_brain.nn.NoContext', 'torch.nn.Linear')
    """
    module, _, attribute = name.rpartition(".")
    room = OLDER_MODULES.get(module)
    return RENAMED.get(name, f"{room}.{attribute}" if room else name)


def with_current_names(yaml_text: str) -> str:
    """A yaml text with the public names in its tags.

    Example
    -------
    >>> with_current_names("a: !new:mgf_brain.masking.SpanMask {span: 2}")
    'a: !new:mgf_brain.nn.SpanMask {span: 2}'
    """
    return re.sub(
        rf"(!(?:new|name|apply):)({PACKAGE}[\w.]+)",
        lambda tag: tag[1] + current_name(tag[2]),
        yaml_text,
    )


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
    >>> from mgf_brain.nn.encoder import EncoderLayer, TransformerEncoder
    >>> public_name(TransformerEncoder), public_name(EncoderLayer)
    ('mgf_brain.nn.TransformerEncoder', 'mgf_brain.nn.encoder.EncoderLayer')
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
    room, _, attribute = current_name(name).rpartition(".")
    return getattr(import_module(room), attribute)


class OlderModule:
    """A module that is no more, in whose place HyperPyYAML finds what its folders name.

    Arguments
    ---------
    name : str
        Its full name.

    Raises
    ------
    AttributeError
        If there was no such module, or nothing of that name can be found.

    Example
    -------
    >>> OlderModule("mgf_brain.ctc").CTCHead
    <class 'mgf_brain.nn.ctc_head.CTCHead'>
    """

    def __init__(self, name: str) -> None:
        if name not in OLDER_MODULES:
            raise AttributeError(f"no module and no attribute is named {name}")
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return find(f"{self._name}.{attribute}")
