"""Pickles that name classes of other programs, of which none is imported.

fairseq's name its own, argparse's and omegaconf's. Whatever a file names becomes an inert
``Record``, so that nothing of it can run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from mgf_brain.foreign.tensors import read_pickle


class Record:
    """Stands for an object of whatever class a pickle names; does nothing but hold its state."""

    def __new__(cls, *args: object, **kwargs: object) -> Record:
        """Arguments are forgotten."""
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """What the object's attributes were, if they were that."""
        self.__dict__.update(state if isinstance(state, dict) else {})


# The pickles of before torch 1.6 can't be asked which classes they name.
KNOWN = ("argparse.Namespace", "fairseq.data.dictionary.Dictionary")


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a pickle holds, objects in it as records.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    dict

    Raises
    ------
    UserError
        If the file is damaged, no dictionary, or made of more than tensors and records.

    Example
    -------
    >>> import torch
    >>> from argparse import Namespace
    >>> path = getfixture("tmp_path") / "model.pt"
    >>> torch.save({"args": Namespace(layers=2), "model": {}}, path)
    >>> vars(read_checkpoint(path)["args"])
    {'layers': 2}
    """
    try:
        names = get_unsafe_globals_in_checkpoint(path)
    except (ValueError, RuntimeError, OSError):  # of before torch 1.6, or no checkpoint at all
        names = []
    with safe_globals([(Record, name) for name in {*names, *KNOWN}]):
        return read_pickle(Path(path))


def plain_values(value: Any) -> Any:
    """Records, and omegaconf's nodes among them, as plain values.

    Example
    -------
    >>> record = Record()
    >>> record.__setstate__({"layers": 2})
    >>> plain_values({"model": record})
    {'model': {'layers': 2}}
    """
    if isinstance(value, Record):
        state = vars(value)
        value = next((state[key] for key in ("_content", "_val") if key in state), state)
        return plain_values(value) if value is not state else plain_values(dict(state))
    if isinstance(value, dict):
        return {key: plain_values(inner) for key, inner in value.items()}
    return value
