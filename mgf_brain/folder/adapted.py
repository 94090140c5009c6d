"""A folder that holds only what a training added to another model, its base, which it names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch

from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder.safe_yaml import read_keys
from mgf_brain.folder.shipped import is_shipped
from mgf_brain.folder.source import OwnFolder, Source
from mgf_brain.folder.weights import Weight, as_bytes

BASE_FILE = "base.json"
ENCODER = "encoder"  # the part of a task's model that its base is
Value = TypeVar("Value")
Weights = dict[str, torch.Tensor]


class Base(NamedTuple):
    """What a folder says of its base."""

    name: str  # as of ``open_model``; a path starts from the folder
    fingerprint: str  # of its weights

    @classmethod
    def of(cls, source: Source, weights: Mapping[str, torch.Tensor]) -> Base:
        """That of a source, a path being written in full."""
        is_path = os.path.exists(source.name) and not is_shipped(source.name)
        name = os.path.abspath(source.name) if is_path else source.name
        return cls(name, weights_fingerprint(weights))

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        text = json.dumps(self._asdict(), indent=2) + "\n"
        (folder / BASE_FILE).write_text(text, encoding="utf-8")


def read_base(folder: Path) -> Base | None:
    """What a folder says of its base; None if it has none, being whole.

    Raises
    ------
    UserError
        If the file says something else.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> print(read_base(folder))
    None
    >>> Base("user/mgf@5f0c", "00").write(folder)
    >>> read_base(folder).name
    'user/mgf@5f0c'
    """
    path = folder / BASE_FILE
    if not path.is_file():
        return None
    said = read_json(path)
    values = [said.get(key) for key in Base._fields]
    if not all(isinstance(value, str) and value for value in values):
        raise UserError(f"{path}: no {' and '.join(Base._fields)} in it. Copy the folder anew.")
    return Base(*map(str, values))


def refuse_local_base(folder: Path) -> None:
    """Raise a UserError if a folder adapts a model that other machines do not find."""
    base = read_base(folder)
    if base and (os.path.isabs(base.name) or (folder / base.name).exists()):
        raise UserError(
            f"{folder} cannot be published: it adapts a model that is on this machine alone. Write "
            f"it whole, `mgf-brain export --to mgf_brain {folder} <new folder>`, and publish that."
        )


@dataclass(frozen=True)
class AdaptedFolder(OwnFolder):
    """A folder of a task whose encoder is its base's, but for the weights that it holds itself.

    Arguments
    ---------
    find : callable
        ``find(name)`` gives the source of that name, see ``open_model``.
    """

    find: Callable[[str], Source]
    remedy = "Its base may have changed: adapt that anew, or put back what it was"

    @cached_property
    def base(self) -> Source:
        """Whose encoder it adapts; a UserError if that is not to be had."""
        said = read_base(self.place)
        assert said is not None  # else it is an ``OwnFolder``
        path = self.place / said.name
        try:
            found = self.find(str(path) if path.exists() else said.name)
        except UserError as error:
            raise UserError(
                f"{self.place} adapts a model that is not to be had: {error} It is named in "
                f"{BASE_FILE}."
            ) from error
        if isinstance(found, AdaptedFolder):
            raise UserError(f"{self.place}: the model that it adapts, {said.name}, is adapted too.")
        return found

    def header(self) -> dict[str, Weight]:
        """Of the base's encoder, and of the file of weights."""
        return _of_encoder(self.base, self.base.header()) | super().header()

    def weights(self) -> Weights:
        """Of the base's encoder, and of the file of weights."""
        weights, said = encoder_weights(self.base), read_base(self.place)
        if said and weights_fingerprint(weights) != said.fingerprint:
            raise UserError(
                f"{self.place} adapts {said.name}, whose weights are no longer what they were. "
                f"{self.remedy}."
            )
        return weights | super().weights()


def encoder_weights(source: Source) -> Weights:
    """The weights of a model's encoder by the names that a task's model has for them."""
    return _of_encoder(source, source.weights())


def _of_encoder(source: Source, values: Mapping[str, Value]) -> dict[str, Value]:
    """All but the read-out, which standardises an encoder that is not adapted."""
    whole = ENCODER in read_keys(source.yaml_place, source.yaml())  # a task's model
    named = values if whole else {f"{ENCODER}.{name}": x for name, x in values.items()}
    return {
        name: x
        for name, x in named.items()
        if name.startswith(f"{ENCODER}.") and not name.startswith(f"{ENCODER}.readout.")
    }


def changed_weights(weights: Weights, base: Weights) -> Weights:
    """Those that the base does not have, or has other values for.

    Example
    -------
    >>> base = {"a": torch.zeros(2), "b": torch.zeros(2)}
    >>> list(changed_weights({"a": torch.zeros(2), "b": torch.ones(2), "c": torch.ones(1)}, base))
    ['b', 'c']
    """
    return {
        name: value
        for name, value in weights.items()
        if name not in base or not torch.equal(value, base[name].to(value))
    }


def weights_fingerprint(weights: Mapping[str, torch.Tensor]) -> str:
    """What weights are, in 32 hexadecimal digits.

    Example
    -------
    >>> one, other = ({"a": torch.tensor([x])} for x in (1.0, 2.0))
    >>> weights_fingerprint(one) == weights_fingerprint(other), len(weights_fingerprint(one))
    (False, 32)
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(weights.items()):
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(as_bytes(tensor))
    return digest.hexdigest()
