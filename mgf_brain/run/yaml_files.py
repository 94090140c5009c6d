"""Yaml files of a recipe as ruamel.yaml's trees: reading, merging and writing them.

A tree keeps tags such as `!ref` and `!include:` unresolved, so that an override can still change
what HyperPyYAML will read.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.tag import Tag

from mgf_brain.errors import UserError, one_line
from mgf_brain.files import open_text
from mgf_brain.kinds import quote
from mgf_brain.public_names import with_current_names
from mgf_brain.run.places import named_by_yaml
from mgf_brain.run.plain import UNREADABLE

INCLUDE = "!include:"
MOST_NODES = 1_000_000  # that HyperPyYAML has to walk through


def read_files(hparams_file: str, merge: str | None = None) -> CommentedMap:
    """Read the main yaml file over its base, continued by a data set's.

    Arguments
    ---------
    hparams_file, merge
        As of ``read_each``.

    Returns
    -------
    CommentedMap
        The top-level keys of all, with their tags, and without `base`.

    Raises
    ------
    UserError
        If a file cannot be read or is no mapping, a base is none, or a key stands in both the main
        file and the data set's.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "task.yaml").write_text("dim: 4\\nwide: !ref <dim> * 2\\n")
    >>> _ = (folder / "wider.yaml").write_text("base: task.yaml\\ndim: 8\\ndepth: 1\\n")
    >>> tree = read_files(str(folder / "wider.yaml"))
    >>> list(tree), tree["dim"]
    (['dim', 'wide', 'depth'], 8)
    """
    return joined(read_each(hparams_file, merge))


def read_each(hparams_file: str, merge: str | None = None) -> dict[Path, CommentedMap]:
    """The yaml files of a run one by one: from the last base to the main file, then a data set's.

    Arguments
    ---------
    hparams_file : str
        The main yaml file. Its key `base`, if there is one, names another file, relative to its
        own folder, or a list of several, each once, that are read first: the keys of the main file
        replace the base's or are added.
    merge : str | None
        A data set's name: `data/<merge>.yaml` beside the main file is read too. This file and an
        include may also lie beside a base, and they and a base in the repository's `hparams/`.

    Returns
    -------
    dict of Path to CommentedMap
        Each replaces keys of those before it.

    Raises
    ------
    UserError
        As of ``read_files``.

    Example
    -------
    >>> [path.name for path in read_each("hparams/hubert.yaml", "WSJ")]
    ['pretraining.yaml', 'masked.yaml', 'clusters.yaml', 'hubert.yaml', 'WSJ.yaml']
    """
    trees = read_chain(hparams_file)
    return trees if merge is None else trees | _read_data(trees, Path(hparams_file), merge)


def read_chain(hparams_file: str) -> dict[Path, CommentedMap]:
    """The main yaml file and its bases, as of ``read_each``.

    Example
    -------
    >>> [path.name for path in read_chain("hparams/emotion.yaml")]
    ['finetuning.yaml', 'emotion.yaml']
    """
    main, trees = Path(hparams_file), {}
    _read_over_bases(main, [], trees)
    for path, tree in trees.items():
        others = [other.parent for other in reversed(trees)]
        find_includes(tree, [main.parent, path.parent, *others])
    return trees


def _read_over_bases(path: Path, above: Sequence[Path], trees: dict[Path, CommentedMap]) -> None:
    """Add a file's bases, in their order, and then the file; ``above`` are those that name it."""
    tree, open_files = read_tree(path), [*above, path]
    bases = tree.pop("base", [])
    for base in bases if isinstance(bases, list) else [bases]:
        named = named_by_yaml(str(base), [path.parent])
        if not os.path.isfile(named) or any(map(named.samefile, [*open_files, *trees])):
            raise UserError(f"{path}: base must name another yaml file, not {quote(base)}.")
        _read_over_bases(Path(os.path.normpath(named)), open_files, trees)
    trees[path] = tree


def _read_data(
    trees: Mapping[Path, CommentedMap], main: Path, merge: str
) -> dict[Path, CommentedMap]:
    path = named_by_yaml(f"data/{merge}.yaml", [main.parent, *(path.parent for path in trees)])
    data = read_tree(path)
    if clash := sorted(str(key) for key in data if any(key in tree for tree in trees.values())):
        raise UserError(f"{path}: {main} has these keys too: {', '.join(clash)}.")
    return {path: data}


def find_includes(node: Any, folders: Sequence[Path]) -> None:
    """Name the included files of a tree by whole paths that do not lie in the first folder.

    Arguments
    ---------
    node : Any
        The tree, or a part of it.
    folders : sequence of Path
        Where they may lie, beside the repository's ``hparams/``; first the main file's, which
        HyperPyYAML begins at.

    Example
    -------
    >>> tree = YAML().load("encoder: !include:encoder/mini.yaml")
    >>> find_includes(tree, [getfixture("tmp_path")])
    >>> tree["encoder"].tag.value.endswith("/hparams/encoder/mini.yaml")
    True
    """
    name = str(getattr(getattr(node, "tag", None), "value", None) or "")
    if name.startswith(INCLUDE):
        name = name.removeprefix(INCLUDE)
        found = named_by_yaml(name, folders)
        if found != folders[0] / name:
            node.yaml_set_ctag(Tag(suffix=f"{INCLUDE}{found.resolve()}"))
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for part in parts:
        find_includes(part, folders)


def joined(trees: Mapping[Path, CommentedMap]) -> CommentedMap:
    """The files that ``read_each`` gives as one tree; the first of them becomes it.

    Example
    -------
    >>> joined({Path("base.yaml"): CommentedMap(a=1, b=2), Path("main.yaml"): CommentedMap(a=3)})
    {'a': 3, 'b': 2}
    """
    tree, *others = trees.values()
    for other in others:
        tree.update(other)
    return tree


def read_tree(path: Path) -> CommentedMap:
    """Read one file, a mapping.

    Raises
    ------
    UserError
        If it cannot be read or is none, with the line.

    Example
    -------
    >>> list(read_tree(Path("hparams/data/WSJ.yaml")))
    ['corpus', 'licence', 'language']
    """
    try:
        with open_text(path) as file:
            stream = io.StringIO(with_current_names(file.read()))
        stream.name = str(path)  # for messages
        tree = YAML().load(stream)
    except OSError as error:
        raise UserError(f"{path}: this yaml file cannot be read ({error.strerror}).") from error
    except RecursionError as error:
        raise UserError(f"{path}: nested too deeply. Write it flatter.") from error
    except UNREADABLE as error:
        raise UserError(f"{path}: {one_line(error)}") from error
    if not isinstance(tree, CommentedMap):
        raise UserError(f"{path}: a yaml file of hyperparameters is a mapping, `key: value`.")
    if _nodes(tree, {}) > MOST_NODES:
        raise UserError(f"{path}: its aliases (*name) grow without end. Write them out.")
    if strange := [key for key in tree if not isinstance(key, str)]:
        raise UserError(f"{path}: the key {quote(strange[0])} is no word. Name it otherwise.")
    return tree


def _nodes(node: Any, known: dict[int, float]) -> float:
    """How many nodes a tree has if its aliases are written out; known are those met, by id."""
    if not isinstance(node, (dict, list)):
        return 1
    if id(node) not in known:
        known[id(node)] = math.inf  # while inside of it: an alias of itself
        parts = node.values() if isinstance(node, dict) else node
        known[id(node)] = 1 + sum(_nodes(part, known) for part in parts)
    return known[id(node)]


def dump(tree: CommentedMap) -> str:
    """Write a tree as text.

    Arguments
    ---------
    tree : CommentedMap
        The yaml files.

    Returns
    -------
    str
        The text that reads as the same tree.

    Example
    -------
    >>> dump(YAML().load("a: !ref <b>"))
    'a: !ref <b>\\n'
    """
    stream = io.StringIO()
    YAML().dump(tree, stream)
    return stream.getvalue()
