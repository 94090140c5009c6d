"""A model before it is built: what it is made of, and its weights, wherever they are from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mgf_brain.errors import UserError
from mgf_brain.folder.safe_yaml import read_yaml
from mgf_brain.folder.weights import (
    WEIGHTS_FILE,
    Weight,
    read_header,
    refuse_not_finite,
    unreadable,
    whole_precision,
)

YAML_FILE = "hyperparams.yaml"


@dataclass(frozen=True)
class Source(ABC):
    """What a user named as a model.

    Arguments
    ---------
    place : Path
        Where it lies, or its name; for messages.
    name : str
        By which another machine finds it: of the hub with its commit.
    """

    place: Path
    name: str
    remedy: ClassVar[str]  # of one that cannot be built

    def wanted(self, kind: str) -> str:
        """What to do where a class of that name was wanted."""
        return f"Run the recipe of the task with --pretrained {self.name}; its model/ is one"

    @property
    @abstractmethod
    def what(self) -> str:
        """What it is, in words."""

    @property
    def yaml_place(self) -> Path:
        """What a message names as the yaml."""
        return self.place

    @abstractmethod
    def yaml(self) -> str:
        """The arguments of its class as HyperPyYAML, see ``mgf_brain.folder.write``."""

    @abstractmethod
    def header(self) -> dict[str, Weight]:
        """Shapes of the weights by name."""

    @abstractmethod
    def weights(self) -> dict[str, torch.Tensor]:
        """The weights by name, on the CPU."""


@dataclass(frozen=True)
class OwnFolder(Source):
    """A folder that a run of ours left, or one made like it.

    Raises
    ------
    UserError
        On reading, if it lacks a file, or a file is damaged.

    Example
    -------
    >>> OwnFolder.at("results/mgf/1986/pretrained").what
    'a model of mgf_brain'
    """

    remedy = "Copy the folder anew, or, if an older version of mgf_brain wrote it, train it again"

    @classmethod
    def at(cls, folder: str | Path, name: str | None = None) -> OwnFolder:
        """The one in a folder."""
        return cls(Path(folder), name or str(folder))

    @property
    def what(self) -> str:
        """What it is, in words."""
        return "a model of mgf_brain"

    @property
    def yaml_place(self) -> Path:
        """The yaml file."""
        return self.place / YAML_FILE

    def wanted(self, kind: str) -> str:
        """What to do where another class's folder was wanted."""
        return "Load it with the class that its README.md names"

    def require(self) -> None:
        """Raise a UserError if a file is missing."""
        for name in (YAML_FILE, WEIGHTS_FILE):
            if not (self.place / name).is_file():
                raise UserError(f"{self.place} is no pretrained folder: it lacks {name}.")

    def yaml(self) -> str:
        """Of the yaml file."""
        self.require()
        return read_yaml(self.yaml_place)

    def header(self) -> dict[str, Weight]:
        """Of the file of weights."""
        self.require()
        return read_header(self.place)

    def weights(self) -> dict[str, torch.Tensor]:
        """Of the file of weights, in single precision at least; all have to be finite."""
        path = self.place / WEIGHTS_FILE
        try:
            weights = load_file(path)
        except SafetensorError as error:
            raise UserError(unreadable(self.place, error)) from error
        refuse_not_finite(weights, str(path), "Copy the folder anew, or train again.")
        return {name: whole_precision(tensor) for name, tensor in weights.items()}
