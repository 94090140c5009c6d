"""A single file of weights: fairseq's checkpoint, or the state dict of a torchaudio model."""

from __future__ import annotations

from pathlib import Path

from mgf_brain.errors import UserError
from mgf_brain.foreign.fairseq import is_fairseq, published_checkpoint
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.records import read_checkpoint
from mgf_brain.foreign.tensors import read_tensors
from mgf_brain.foreign.torchaudio import is_torchaudio, published_of

INNER = "state_dict"  # where Lightning puts it


def read_file(path: str | Path) -> Published:
    """The speech model in a file, told by the names of its weights.

    Arguments
    ---------
    path : str or Path
        A pickle of fairseq's or torchaudio's, of which nothing runs, or safetensors.

    Returns
    -------
    Published

    Raises
    ------
    UserError
        If the file cannot be read or holds another model.

    Example
    -------
    >>> import torch
    >>> path = getfixture("tmp_path") / "model.pt"
    >>> torch.save({"weight": torch.ones(1)}, path)
    >>> read_file(path)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ...model.pt holds no wav2vec 2.0, HuBERT, WavLM or data2vec of ...
    """
    path = Path(path)
    content = read_tensors(path) if path.suffix == ".safetensors" else read_checkpoint(path)
    if is_fairseq(content):
        return published_checkpoint(content, str(path))
    inner = content.get(INNER)
    state = inner if isinstance(inner, dict) else content
    if not is_torchaudio(state):
        raise UserError(
            f"{path} holds no wav2vec 2.0, HuBERT, WavLM or data2vec of fairseq or torchaudio. "
            "Name a folder that transformers wrote."
        )
    return published_of(state, str(path))
