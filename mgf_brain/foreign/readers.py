"""From each kind of foreign model to its parts: what is read by whom."""

from __future__ import annotations

from pathlib import Path

from mgf_brain.foreign.checkpoints import read_file
from mgf_brain.foreign.own_class import own_parts
from mgf_brain.foreign.published import Parts, Published
from mgf_brain.foreign.speechbrain import speechbrain_parts
from mgf_brain.foreign.torchaudio import read_bundle
from mgf_brain.foreign.transformers import read_transformers
from mgf_brain.foreign.wav2vec2 import native_parts
from mgf_brain.foreign.wrapped import wrapped_parts


def parts_of(published: Published) -> Parts:
    """A published model in our own classes where they fit, else around transformers'.

    Our own may be trained further by any objective, need no transformers, and are exact in padded
    batches at full speed.
    """
    return native_parts(published) or wrapped_parts(published)


def of_transformers(folder: str | Path) -> Parts:
    """A folder in transformers' format."""
    return parts_of(read_transformers(folder))


def of_torchaudio(name: str | Path) -> Parts:
    """A bundle, ``torchaudio:HUBERT_BASE``."""
    return parts_of(read_bundle(str(name)))


def of_checkpoint(path: str | Path) -> Parts:
    """A checkpoint of fairseq, or the state dict of one of torchaudio's models."""
    return parts_of(read_file(path))


def of_speechbrain(folder: str | Path) -> Parts:
    """SpeechBrain's folder, whose yaml is run."""
    return speechbrain_parts(folder)


def of_class(name: str | Path) -> Parts:
    """A class of one's own, which is imported."""
    return own_parts(str(name))
