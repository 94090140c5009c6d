"""What an encoder is, in a few digits: equal where its features are equal."""

from __future__ import annotations

import hashlib
import inspect
import json

import torch
from torch import nn

from mgf_brain import __version__
from mgf_brain.folder.weights import as_bytes
from mgf_brain.nn.pooling import StandardisedStatistics

# Where classes were when the first fingerprints were made; what is newer stands for itself.
FIRST_MODULES = {
    "mgf_brain.nn.baselines.LayerStatistics": "mgf_brain.pretrained",
    "mgf_brain.nn.baselines.LogMelFeatures": "mgf_brain.features",
    "mgf_brain.nn.ctc_head": "mgf_brain.ctc",
    "mgf_brain.nn.encoder": "mgf_brain.encoder",
    "mgf_brain.nn.frontends": "mgf_brain.frontends",
    "mgf_brain.nn.mask_head": "mgf_brain.enhancement",
    "mgf_brain.nn.pitch_encoder": "mgf_brain.pitch_encoder",
    "mgf_brain.nn.pooling": "mgf_brain.pooling",
    "mgf_brain.nn.positions.ConvPositions": "mgf_brain.encoder",
    "mgf_brain.nn.probe": "mgf_brain.probes",
    "mgf_brain.nn.progressive": "mgf_brain.progressive",
    "mgf_brain.nn.resnet": "mgf_brain.resnet",
    "mgf_brain.nn.speech_model": "mgf_brain.model",
    "mgf_brain.nn.tdnn": "mgf_brain.tdnn",
    "mgf_brain.nn.trunk": "mgf_brain.trunks",
    "mgf_brain.nn.waveform": "mgf_brain.frontends",
}
# Attributes that came later, and the value that stands for what was done until then.
LATER = {"Waveform": {"normalised": True}, "SpeechEncoder": {"low_rank": None}}

# Attributes that say how or where a model is, not what: transformers notes a path in the second,
# and layers are dropped in training alone.
ELSEWHERE = {"training", "name_or_path", "device", "layer_drop"}

# Packages whose versions say what their classes compute; whose code is of one's own is hashed.
KNOWN = {"mgf_brain", "torch", "torchaudio", "transformers", "speechbrain"}
OWN = "own"  # where ``mgf_brain.nn.OwnNetwork`` keeps an object that may be no module

FORMAT = 1  # raise it when code changes features that the same weights give, or how they are stored


def encoder_fingerprint(module: nn.Module, kind: str) -> str:
    """What features depend on beside the audio, as one hash.

    Hashed are every parameter and buffer (its device too: another one rounds otherwise), the class
    and the plain attributes of every submodule (heads, hop and the like are in no state dict), and
    the versions of this package, of torch and of the format.

    Arguments
    ---------
    module : torch.nn.Module
        Computes the features.
    kind : str
        Which of its features, and in what precision: "states", "statistics", "states-half".

    Returns
    -------
    str
        32 hexadecimal digits.

    Example
    -------
    >>> layer = torch.nn.Linear(2, 3)
    >>> before = encoder_fingerprint(layer, "states")
    >>> before == encoder_fingerprint(layer, "statistics"), len(before)
    (False, 32)
    >>> _ = layer.weight.data.add_(1e-6)
    >>> before == encoder_fingerprint(layer, "states")
    False
    """
    facts = [FORMAT, __version__, torch.__version__, kind]
    digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16)
    for name, part in module.named_modules():
        if isinstance(part, StandardisedStatistics) and not part.fitted:
            digest.update(_before_it(module, name))
            continue
        plain = {
            key: value
            for key, value in vars(part).items()
            if key not in ELSEWHERE and (_is_plain(value) or _is_configuration(key, value))
        }
        for key, value in LATER.get(type(part).__name__, {}).items():
            if key in plain and plain[key] == value:
                del plain[key]
        kind_of_part = _first_name(type(part))
        digest.update(repr((name, kind_of_part, sorted(plain.items()))).encode())
        for one in (part, *(value for key, value in vars(part).items() if key == OWN)):
            if type(one).__module__.partition(".")[0] not in KNOWN:
                digest.update(_own_code(one))
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        facts = (name, tensor.dtype, tuple(tensor.shape), tensor.device.type)
        digest.update(repr(facts).encode())
        digest.update(as_bytes(tensor))
    return digest.hexdigest()


def _before_it(module: nn.Module, name: str) -> bytes:
    """What stood for a read-out that is not fitted when there was none in every encoder."""
    owner, _, attribute = name.rpartition(".")
    speech = hasattr(encoder := module.get_submodule(owner), "speech_model")
    if not speech or attribute != "readout" or encoder.embedding is not None:
        return b""
    prefix = f"{owner}." if owner else ""
    plain = [("_is_full_backward_hook", None)]  # torch's own, of every module
    return repr((f"{prefix}embedding", "mgf_brain.pooling.LayerAverage", plain)).encode()


def _own_code(one: object) -> bytes:
    """What a class of one's own computes: the text of its module, and its plain attributes."""
    kind = type(one)
    try:
        text = inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):  # made where no file is
        text = ""
    plain = {key: value for key, value in vars(one).items() if _is_plain(value)}
    plain.pop("training", None)
    return repr((kind.__module__, kind.__qualname__, text, sorted(plain.items()))).encode()


def _first_name(kind: type) -> str:
    """A class's full name when the first fingerprints were made: no move orphans a cache."""
    module, name = kind.__module__, kind.__qualname__
    return f"{FIRST_MODULES.get(f'{module}.{name}') or FIRST_MODULES.get(module, module)}.{name}"


def _is_configuration(key: str, value: object) -> bool:
    """Whether a value is a mapping of plain values; those of torch's own begin with ``_``."""
    if isinstance(value, dict):
        return not key.startswith("_") and all(_is_configuration("", x) for x in value.values())
    return not key and _is_plain(value)


def _is_plain(value: object) -> bool:
    """Whether a value's text says all of it, and the same in every process."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str, torch.dtype))
