"""Building a model folder's yaml without running what came with it.

HyperPyYAML executes whatever a document names, dumps it and reads it a second time, and reads words
in round brackets with PyYAML's unsafe loader. A folder from elsewhere is therefore never handed to
it: the tree of nodes is checked here, and that very tree is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mgf_brain import nn
from mgf_brain.errors import UserError, one_line
from mgf_brain.files import refuse_large
from mgf_brain.public_names import current_name, find, public_name

# What an exported yaml may name: the classes of models. None of them opens a file, runs a program
# or builds what an argument names; one that does must not be listed in mgf_brain/nn/__init__.pyi.
TRAINING_ALONE = {"SpanMask", "SpecAugment", "SpectralPerturbation"}  # no part of a model
ALLOWED = frozenset(
    [
        *(f"mgf_brain.nn.{name}" for name in set(vars(nn)["__all__"]) - TRAINING_ALONE),
        "mgf_brain.inference.SpeechEncoder",
        "mgf_brain.inference.Tokens",
    ]
)
MOST_MB = 2  # of a yaml: labels of 100,000 classes
CORE = "tag:yaml.org,2002:"  # which yaml abbreviates to !!
MAPPING, STRING = f"{CORE}map", f"{CORE}str"
PLAIN = {MAPPING, STRING, *(f"{CORE}{kind}" for kind in ("bool", "float", "int", "null", "seq"))}
REMEDY = "Pass --trust (in Python trust=True) if you wrote the folder yourself"


def read_yaml(path: Path) -> str:
    """The text of a model's yaml.

    Raises
    ------
    UserError
        If it is larger than any that mgf_brain writes, or no text.

    Example
    -------
    >>> path = getfixture("tmp_path") / "hyperparams.yaml"
    >>> _ = path.write_text("rate: 16000\\n")
    >>> read_yaml(path)
    'rate: 16000\\n'
    """
    refuse_large(path, MOST_MB)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {one_line(error)} Copy the folder anew.") from error


def load_safely(path: Path, text: str | None = None) -> dict[str, Any]:
    """Read a yaml file and build the models that it describes, and nothing else.

    Arguments
    ---------
    path : Path
        HyperPyYAML without references, as ``mgf_brain.folder.write`` writes it.
    text : str, optional
        What it holds, if that was made or read already; ``path`` is its name then.

    Returns
    -------
    dict of str to object
        Empty if the file is.

    Raises
    ------
    UserError
        If the file is no YAML, or names anything but the classes of ``ALLOWED``, by these names or
        by those of an older version; nothing was built then.
    Exception
        If a class does not take the arguments it is given.

    Example
    -------
    >>> path = getfixture("tmp_path") / "hyperparams.yaml"
    >>> _ = path.write_text("rate: 16000\\nencoder: !new:mgf_brain.nn.NoContext {dim: 8}\\n")
    >>> load_safely(path)
    {'rate': 16000, 'encoder': NoContext()}
    >>> _ = path.write_text("rate: !apply:os.system [ls]\\n")
    >>> load_safely(path)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ...hyperparams.yaml, line 1: !apply:os.system is refused: ...
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _ModelConstructor
    node = _compose(yaml, path, text)
    if node is None:
        return {}
    for part in _walk(node, path):
        _refuse_unless_known(part, path)
    return yaml.constructor.construct_document(node)


def read_keys(path: Path, text: str | None = None) -> list[str]:
    """The names at the top of a yaml file, of which nothing is built; see ``load_safely``.

    Raises
    ------
    UserError
        If the file is no YAML, or no mapping of names.

    Example
    -------
    >>> path = getfixture("tmp_path") / "hyperparams.yaml"
    >>> _ = path.write_text("rate: 16000\\nmore: !apply:os.system [ls]\\n")
    >>> read_keys(path)
    ['rate', 'more']
    """
    node = _compose(YAML(typ="safe", pure=True), path, text)
    return [key.value for key, _ in node.value] if node else []


def refuse_brackets(path: Path, text: str | None = None) -> None:
    """Refuse to copy a folder's yaml to where HyperPyYAML may read it, if that runs something.

    Words in round brackets are text where they stand in quotes. HyperPyYAML drops the quotes when
    it dumps the document, and evaluates the words.

    Raises
    ------
    UserError
        With the line.
    """
    for event in YAML(typ="safe", pure=True).parse(read_yaml(path) if text is None else text):
        if isinstance(event, ScalarEvent) and event.style and _bracketed(event.value.strip()):
            raise UserError(
                f"{_place(event, path)}: HyperPyYAML would evaluate {event.value[:60]!r}, and the "
                "copy is for it to read. Write it without the round brackets."
            )


def _compose(yaml: YAML, path: Path, text: str | None) -> MappingNode | None:
    try:
        node = yaml.compose(read_yaml(path) if text is None else text)
    except (YAMLError, RecursionError) as error:
        raise UserError(f"{path}: {one_line(error)} Copy the folder anew.") from error
    if node and (node.tag != MAPPING or any(key.tag != STRING for key, _ in node.value)):
        raise UserError(f"{path}: no mapping of names, `name: value`. Copy the folder anew.")
    return node


def _walk(node: Node, path: Path) -> Iterator[Node]:
    """All nodes, each once: without anchors there are no aliases to follow."""
    if node.anchor is not None:
        raise UserError(f"{_place(node, path)}: the anchor &{node.anchor} is refused. {REMEDY}.")
    yield node
    if not isinstance(node, ScalarNode):
        for child in node.value:
            for part in child if isinstance(node, MappingNode) else (child,):
                yield from _walk(part, path)


def _refuse_unless_known(node: Node, path: Path) -> None:
    tag = "!tuple" if _in_brackets(node) else node.tag
    if tag in PLAIN:
        return
    kind, _, name = tag.partition(":")
    if kind in ("!new", "!name") and current_name(name) in ALLOWED:
        _named(name)
        return
    raise UserError(
        f"{_place(node, path)}: {tag.replace(CORE, '!!')} is refused: a model folder may name the "
        f"classes of models that mgf_brain exports, no more. {REMEDY}."
    )


def _in_brackets(node: Node) -> bool:
    """Whether HyperPyYAML would make a tuple of it, as ruamel.yaml does once that was called."""
    return isinstance(node, ScalarNode) and not node.style and _bracketed(node.value)


def _bracketed(text: str) -> bool:
    return text.startswith("(") and text.endswith(")")


def _place(node: Node | ScalarEvent, path: Path) -> str:
    return f"{path}, line {node.start_mark.line + 1}"


@cache
def _named(name: str) -> type:
    """The class of a public or an older name, the former being what the class itself bears."""
    found = find(name)
    if not isinstance(found, type) or public_name(found) != current_name(name):
        raise UserError(f"{name} is refused: it is another object's name. {REMEDY}.")
    return found


class _ModelConstructor(SafeConstructor):
    """Plain values, and objects of the classes that are allowed."""


def _arguments(constructor: SafeConstructor, node: Node) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(node, MappingNode):
        return [], constructor.construct_mapping(node, deep=True)
    if isinstance(node, SequenceNode):
        return constructor.construct_sequence(node, deep=True), {}
    return [], {}


def _new(constructor: SafeConstructor, name: str, node: Node) -> object:
    positional, named = _arguments(constructor, node)
    kind = _named(name)
    for key, value in named.items():
        if not _is_of(value, _hints(kind).get(key)):
            line = node.start_mark.line + 1
            raise UserError(f"line {line}: {key}: {value!r} is of another type than {name} takes")
    return kind(*positional, **named)


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Types of a class's arguments, also of those that it hands on to the class that it extends."""
    makers = [vars(base)["__init__"] for base in reversed(kind.__mro__) if "__init__" in vars(base)]
    return {key: hint for made_by in makers for key, hint in get_type_hints(made_by).items()}


def _is_of(value: object, hint: Any) -> bool:
    """Whether a plain value is what a hint says; ``True`` is no number here. Objects are."""
    hints = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if not set(hints) <= {int, float, bool, str, type(None)}:
        return True
    return type(value) in hints or (float in hints and type(value) is int)


def _name(constructor: SafeConstructor, name: str, node: Node) -> Callable[..., object]:
    positional, named = _arguments(constructor, node)
    return partial(_named(name), *positional, **named) if positional or named else _named(name)


_ModelConstructor.add_multi_constructor("!new:", _new)
_ModelConstructor.add_multi_constructor("!name:", _name)
