"""Tensors of a file, whichever library wrote it; nothing else of the file is ever made."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError, safe_open

from mgf_brain.errors import UserError, plain

Rename = Callable[[str], str | None]


def read_tensors(path: Path, rename: Rename = lambda name: name) -> dict[str, torch.Tensor]:
    """Tensors of a file, in float32 if they are floating.

    Arguments
    ---------
    path : Path
        safetensors, or a pickle of a dictionary, of which nothing but tensors is read.
    rename : callable
        From a name in the file to the wanted one, or None for what is left out.

    Returns
    -------
    dict of str to torch.Tensor

    Raises
    ------
    UserError
        If the file cannot be read.

    Example
    -------
    >>> path = getfixture("tmp_path") / "weights.bin"
    >>> torch.save({"a": torch.ones(1), "b": torch.ones(1)}, path)
    >>> read_tensors(path, {"a": "c"}.get)
    {'c': tensor([1.])}
    """
    found: dict[str, torch.Tensor] = {}
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118
                    if (wanted := rename(name)) is not None:
                        found[wanted] = _number(file.get_tensor(name))
            return found
        for name, tensor in read_pickle(path).items():
            if isinstance(tensor, torch.Tensor) and (wanted := rename(name)) is not None:
                found[wanted] = _number(tensor)
    except SafetensorError as error:
        raise UserError(f"{path} cannot be read ({error}). Copy it anew.") from error
    return found


def read_pickle(path: Path) -> dict[str, Any]:
    """What ``torch.save`` wrote, if it is a dictionary of plain values and tensors.

    Raises
    ------
    UserError
        If the file is another or damaged, or would run something.

    Example
    -------
    >>> path = getfixture("tmp_path") / "weights.bin"
    >>> torch.save({"a": 1}, path)
    >>> read_pickle(path)
    {'a': 1}
    """
    zipped = is_zipfile(path)  # not those of before torch 1.6
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than tensors, or is damaged ({plain(str(error), 160)}). Load it "
            "where it comes from and save its state_dict() alone, as safetensors."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        reason = "no pickle" if isinstance(error, KeyError) else plain(str(error), 160)
        raise UserError(f"{path} cannot be read ({reason}). Copy it anew.") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise UserError(f"{path} holds no dictionary of weights. Name another file.")
    return found


def _number(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float().contiguous() if tensor.is_floating_point() else tensor
