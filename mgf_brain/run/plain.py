"""Resolved HyperPyYAML as plain data."""

from __future__ import annotations

from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from mgf_brain.errors import UserError

# What reading yaml and following its references raise at a text that is none: beside their own
# errors ruamel.yaml and HyperPyYAML let some of Python's through.
UNREADABLE = (
    YAMLError,
    yaml.YAMLError,  # HyperPyYAML builds objects by the other library
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    ImportError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
)


def read_plain(text: str, name: str) -> dict[str, Any]:
    """Read a resolved HyperPyYAML text as plain data, without building its objects.

    Arguments
    ---------
    text : str
        A mapping; a node tagged `!new:…` or the like reads as `{tag: content}`.
    name : str
        What the text is, for the message.

    Returns
    -------
    dict[str, Any]
        The content.

    Raises
    ------
    UserError
        If the text is no valid mapping.

    Example
    -------
    >>> read_plain("a: 1e-3\\nb: !new:collections.Counter {x: 2}\\n", "text")
    {'a': 0.001, 'b': {'!new:collections.Counter': {'x': 2}}}
    """
    loader = YAML(typ="safe", pure=True)
    loader.Constructor = _PlainConstructor
    try:
        content = loader.load(text)
    except UNREADABLE as error:
        raise UserError(f"{name}: not valid YAML. Mend or delete it.") from error
    if not isinstance(content, dict):
        raise UserError(f"{name}: holds no hyperparameters. Mend or delete it.")
    return content


class _PlainConstructor(SafeConstructor):
    """A constructor to which every unknown tag is data."""


def _tagged(constructor: SafeConstructor, suffix: str, node: Node) -> dict[str, Any]:
    if isinstance(node, MappingNode):
        content = constructor.construct_mapping(node, deep=True)
    elif isinstance(node, SequenceNode):
        content = constructor.construct_sequence(node, deep=True)
    else:
        content = constructor.construct_scalar(node)
    return {f"!{suffix}": content}


_PlainConstructor.add_multi_constructor("!", _tagged)
