"""Reading the folder that a run leaves, whatever it trained: the one place that loads weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from hyperpyyaml import load_hyperpyyaml
from torch import nn

from mgf_brain.errors import UserError, one_line
from mgf_brain.folder.safe_yaml import load_safely
from mgf_brain.folder.source import Source
from mgf_brain.folder.weights import Weight, blueprint, misfit

Model = TypeVar("Model", bound=nn.Module)
Parts = dict[str, Any]


def load_model(
    kind: type[Model],
    source: Source,
    device: str = "cpu",
    trust: bool = False,
    complete: Callable[[Parts], Parts] = lambda parts: parts,
    try_out: Callable[[Model], object] = lambda model: None,
) -> Model:
    """Build the model that a source describes, with its weights.

    A folder from elsewhere may describe any size. Its model is first built without memory, and
    has to be the one that its weights are of.

    Arguments
    ---------
    kind : type
        The model's class, whose arguments the yaml holds.
    source : Source
        A folder of ours, say.
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
    header, text = source.header(), source.yaml()
    if not trust:
        with blueprint(len(header)):
            _refuse_misfit(_build(kind, source, text, trust, complete), header, source)
    model = _build(kind, source, text, trust, complete)
    _refuse_misfit(model, header, source)
    model.load_state_dict(source.weights())
    with _faults_of(source), torch.no_grad():
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
    kind: type[Model], source: Source, text: str, trust: bool, complete: Callable[[Parts], Parts]
) -> Model:
    """The model with initial weights."""
    place = source.yaml_place
    with _faults_of(source):
        parts = _load_anything(text) if trust else load_safely(place, text)
        if not parts:
            raise UserError(f"{place} is empty. Copy the folder anew.")
        _refuse_another(kind, parts, source)
        return kind(**complete(parts))


@contextmanager
def _faults_of(source: Source) -> Iterator[None]:
    """Whatever a model's classes raise is the fault of the yaml."""
    try:
        yield
    except Exception as error:
        reason = one_line(error).rstrip(".") or type(error).__name__
        if isinstance(error, UserError) and str(source.place) in reason:
            raise
        raise UserError(f"{source.yaml_place}: {reason}. {source.remedy}.") from error


def _refuse_another(kind: type[nn.Module], parts: Parts, source: Source) -> None:
    try:
        inspect.signature(kind).bind(**parts)
    except TypeError:
        raise UserError(
            f"{source.place} holds no {kind.__name__}: it is {source.what} with "
            f"{', '.join(parts)}. {source.wanted(kind.__name__)}."
        ) from None


def _load_anything(text: str) -> Parts:
    return load_hyperpyyaml(text) if text.strip() else {}


def _refuse_misfit(model: nn.Module, header: dict[str, Weight], source: Source) -> None:
    if reason := misfit(model, header):
        yaml = source.yaml_place.name
        raise UserError(
            f"{source.place}: the weights do not fit {yaml}: {reason}. {source.remedy}."
        )
