"""Reading the folder that a run leaves, whatever it trained: the one place that loads weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from hyperpyyaml import load_hyperpyyaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from mgf_brain.errors import UserError, one_line
from mgf_brain.folder.safe_yaml import load_safely
from mgf_brain.folder.weights import (
    WEIGHTS_FILE,
    blueprint,
    misfit,
    read_header,
    refuse_not_finite,
    unreadable,
)

YAML_FILE = "hyperparams.yaml"
OLDER = ", or, if an older version of mgf_brain wrote it, train it again"  # ends a remedy

Model = TypeVar("Model", bound=nn.Module)
Parts = dict[str, Any]


def load_model(
    kind: type[Model],
    folder: str | Path,
    device: str = "cpu",
    trust: bool = False,
    complete: Callable[[Parts], Parts] = lambda parts: parts,
    try_out: Callable[[Model], object] = lambda model: None,
) -> Model:
    """Build the model that a folder describes, with its weights.

    A folder from elsewhere may describe any size. Its model is first built without memory, and
    has to be the one that its weights are of.

    Arguments
    ---------
    kind : type
        The model's class, whose arguments the yaml holds.
    folder : str or Path
        With ``hyperparams.yaml`` and ``model.safetensors``.
    device : str
        Where the model is to run, such as "cuda:0".
    trust : bool
        Build whatever the yaml names, which can run any program: for folders of your own that
        name classes of your own. Otherwise only mgf_brain's models are built.
    complete : callable
        ``complete(parts)`` adds to the arguments what lies in files of its own.
    try_out : callable
        ``try_out(model)`` uses it once: shapes alone don't say that its parts fit each other.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.

    Raises
    ------
    UserError
        If there is no such device, the folder lacks a file, its yaml names what is refused or
        cannot be built, it was written for another class, or its weights are another model's, or
        not finite.
    """
    check_device(device)
    folder = Path(folder)
    for name in (YAML_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise UserError(f"{folder} is no pretrained folder: it lacks {name}.")
    header = read_header(folder)
    if not trust:
        with blueprint(len(header)):
            _refuse_misfit(_build(kind, folder, trust, complete), header, folder)
    model = _build(kind, folder, trust, complete)
    _refuse_misfit(model, header, folder)
    model.load_state_dict(_read_weights(folder))
    with _faults_of(folder), torch.no_grad():
        try_out(model.eval())
    return model.to(device)


def check_device(device: str, name: str = "device: ") -> None:
    """Raise a UserError if nothing can run on a device.

    Arguments
    ---------
    device : str
    name : str
        What the user passed it as, for the message.

    Example
    -------
    >>> check_device("cpu")
    >>> check_device("gpu")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: device: 'gpu' is none (Expected one of ...). Pass ...
    """
    try:
        torch.zeros(1, device=device).cpu()  # "meta" holds nothing that could come back
    except (RuntimeError, AssertionError, TypeError) as error:  # the 2nd where torch has no CUDA
        reason = str(error).splitlines()[0].rstrip(". ")
        raise UserError(f"{name}{device!r} is none ({reason}). Pass cpu or cuda:0, say.") from error


def _build(
    kind: type[Model], folder: Path, trust: bool, complete: Callable[[Parts], Parts]
) -> Model:
    """The model with initial weights."""
    path = folder / YAML_FILE
    with _faults_of(folder):
        parts = _load_anything(path) if trust else load_safely(path)
        if not parts:
            raise UserError(f"{path} is empty. Copy the folder anew.")
        _refuse_another(kind, parts, folder)
        return kind(**complete(parts))


@contextmanager
def _faults_of(folder: Path) -> Iterator[None]:
    """Whatever a model's classes raise is the fault of the yaml."""
    try:
        yield
    except Exception as error:
        reason = one_line(error).rstrip(".") or type(error).__name__
        if isinstance(error, UserError) and str(folder) in reason:
            raise
        raise UserError(f"{folder / YAML_FILE}: {reason}. Copy the folder anew{OLDER}.") from error


def _refuse_another(kind: type[nn.Module], parts: Parts, folder: Path) -> None:
    try:
        inspect.signature(kind).bind(**parts)
    except TypeError:
        raise UserError(
            f"{folder} holds no {kind.__name__}: its {YAML_FILE} has the keys "
            f"{', '.join(parts)}. Load it with the class that its README.md names."
        ) from None


def _load_anything(path: Path) -> Parts:
    text = path.read_text(encoding="utf-8")
    return load_hyperpyyaml(text) if text.strip() else {}


def _refuse_misfit(model: nn.Module, header: Any, folder: Path) -> None:
    if reason := misfit(model, header):
        raise UserError(
            f"{folder}: the weights do not fit {YAML_FILE}: {reason}. Copy the folder anew{OLDER}."
        )


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except SafetensorError as error:
        raise UserError(unreadable(folder, error)) from error
    refuse_not_finite(weights, str(folder / WEIGHTS_FILE), "Copy the folder anew, or train again.")
    return weights
