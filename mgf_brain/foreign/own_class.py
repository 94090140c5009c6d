"""A class of one's own, named ``package.module:Class``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml.comments import CommentedMap

from mgf_brain.errors import UserError, one_line
from mgf_brain.folder.write import new_node
from mgf_brain.foreign.published import Parts
from mgf_brain.nn.own_model import OwnEmbedding, OwnModel


def own_parts(name: str) -> Parts:
    """A class of one's own as a ``SpeechEncoder``: to import its module is to run it.

    Arguments
    ---------
    name : str
        ``package.module:Class``, imported from the working folder or the environment, and built
        without arguments.

    Returns
    -------
    Parts

    Raises
    ------
    UserError
        If the class cannot be built, or lacks what ``OwnModel`` needs.

    Example
    -------
    >>> own_parts("torch.nn:ReLU")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ReLU lacks sample_rate, a whole number. docs/any_model.md says ...
    """
    kind = _imported(name)
    return parts_of(new_node(kind), _built(name, kind))


def parts_of(own_node: CommentedMap, own: Any) -> Parts:
    """The arguments and weights of a ``SpeechEncoder`` around an object.

    Arguments
    ---------
    own_node : CommentedMap
        How the yaml builds the object, see ``new_node``.
    own : object
        See ``mgf_brain.nn.own_model.Own``.

    Returns
    -------
    Parts
    """
    model = OwnModel(own)
    nodes = {"sample_rate": own.sample_rate, "speech_model": new_node(OwnModel, own=own_node)}
    if model.front_end.colour_dim:
        nodes["embedding"] = new_node(OwnEmbedding)
    state: dict[str, torch.Tensor] = model.state_dict(prefix="speech_model.")
    return Parts(nodes, state)


def _imported(name: str) -> type:
    module, _, kind = name.partition(":")
    if str(Path.cwd()) not in sys.path:  # as `python -m` has it, for classes beside the recipes
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), kind)
    except ImportError as error:
        raise UserError(f"{name} cannot be imported ({one_line(error)}).") from error
    except AttributeError as error:
        raise UserError(f"{name}: there is no {kind} in {module}.") from error
    if not isinstance(found, type):
        raise UserError(f"{name} is no class. Name one.")
    return found


def _built(name: str, kind: type) -> Any:
    try:
        return kind()
    except TypeError as error:
        raise UserError(f"{name} is built without arguments ({one_line(error)}).") from error
