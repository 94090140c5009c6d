"""Yaml files of a recipe as ruamel.yaml's trees: reading, merging and overriding them.

A tree keeps tags such as `!ref` and `!include:` unresolved, so that an override can still change
what HyperPyYAML will read.
"""

from __future__ import annotations

import difflib
import io
from pathlib import Path
from typing import Any

from hyperpyyaml.core import recursive_update
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, TaggedScalar
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tag import Tag

from mgf_brain.errors import UserError, one_line
from mgf_brain.public_names import with_current_names
from mgf_brain.run.command_line import RUN_OPTION_TYPES

# Keys of the command line that choose the file of an include, and the key that includes it.
CHOICES = {"size": "encoder", "front_end": "front_end", "network": "network"}


def read_files(hparams_file: str, merge: str | None = None) -> CommentedMap:
    """Read the main yaml file over its base, continued by a data set's.

    Arguments
    ---------
    hparams_file : str
        The main yaml file. Its key `base`, if there is one, names another file, relative to its
        own folder, that is read first: the keys of the main file replace the base's or are added.
    merge : str | None
        A data set's name: `data/<merge>.yaml` beside the main file is read too.

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
    path = Path(hparams_file)
    tree = _read_over_base(path)
    if merge is not None:
        data_path = path.parent / "data" / f"{merge}.yaml"
        data = _read_tree(data_path)
        if clash := sorted(tree.keys() & data.keys()):
            raise UserError(f"{data_path}: {path} has these keys too: {', '.join(clash)}.")
        tree.update(data)
    return tree


def _read_over_base(path: Path) -> CommentedMap:
    """A file's keys over those of its base, and of the base's base."""
    tree, known = _read_tree(path), [path]
    while "base" in tree:
        base = tree.pop("base")
        path = path.parent / str(base)
        if not path.is_file() or any(map(path.samefile, known)):
            raise UserError(f"{known[-1]}: base must name another yaml file, not {base!r}.")
        known.append(path)
        below = _read_tree(path)
        below.update(tree)
        tree = below
    return tree


def _read_tree(path: Path) -> CommentedMap:
    try:
        stream = io.StringIO(with_current_names(path.read_text(encoding="utf-8")))
        stream.name = str(path)  # for messages
        tree = YAML().load(stream)
    except OSError as error:
        raise UserError(f"{path}: this yaml file cannot be read ({error.strerror}).") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {one_line(error)}") from error
    if not isinstance(tree, CommentedMap):
        raise UserError(f"{path}: a yaml file of hyperparameters is a mapping, `key: value`.")
    return tree


def refuse_unknown(values: dict[str, Any], tree: CommentedMap, hparams_file: str) -> None:
    """Refuse keys that are neither in the tree nor run options.

    Arguments
    ---------
    values : dict[str, Any]
        The keys that the command line sets.
    tree : CommentedMap
        The yaml files.
    hparams_file : str
        The main yaml file, for the message.

    Raises
    ------
    UserError
        With the nearest key that exists.

    Example
    -------
    >>> refuse_unknown({"stepz": 5}, CommentedMap(steps=3), "task.yaml")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: --stepz is no key of task.yaml; the nearest is --steps.
    """
    known = [*tree, *RUN_OPTION_TYPES, *(k for k, target in CHOICES.items() if target in tree)]
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise UserError(f"--{key} is no key of {hparams_file}; the nearest is --{nearest}.")


def override(tree: CommentedMap, key: str, value: Any, hparams_file: str) -> None:
    """Set one top-level key of a tree, in place.

    Arguments
    ---------
    tree : CommentedMap
        The yaml files.
    key : str
        A key of the tree; or `size`, which stands for the include of `encoder`.
    value : Any
        Its value: a mapping is merged into the one that the key has, an include replaces an
        include but keeps the values handed to it, everything else replaces what was there.
    hparams_file : str
        The main yaml file, beside which `encoder/<size>.yaml` and the like are looked for.

    Raises
    ------
    UserError
        If the value is impossible for the key.

    Example
    -------
    >>> tree = YAML().load("net: {dim: 4, heads: 2}")
    >>> override(tree, "net", {"dim": 8}, "task.yaml")
    >>> dict(tree["net"])
    {'dim': 8, 'heads': 2}
    """
    if key in CHOICES and CHOICES[key] in tree and not isinstance(value, TaggedScalar):
        folder = included_folder(tree, key)
        _include(tree, CHOICES[key], _chosen_file(key, value, Path(hparams_file).parent, folder))
        if key not in tree or key == CHOICES[key]:
            return
    if isinstance(value, TaggedScalar) and value.tag.value.startswith("!include:"):
        _include(tree, key, value.tag.value)
    elif key in tree:
        _check_kind(key, value, tree[key])
        try:
            recursive_update(tree, {key: value})
        except TypeError as error:
            raise UserError(f"--{key} takes a single value, not a mapping.") from error


def included_folder(tree: CommentedMap, choice: str) -> str:
    """The folder beside the main yaml file that holds the files of a choice.

    Example
    -------
    >>> tree = YAML().load("encoder: !include:dino/mini.yaml\\nnetwork: !ref <encoder[network]>")
    >>> included_folder(tree, "size"), included_folder(tree, "network")
    ('dino', 'network')
    """
    key = CHOICES[choice]
    tag = str(getattr(getattr(tree[key], "tag", None), "value", None))
    return str(Path(tag.removeprefix("!include:")).parent) if "!include:" in tag else key


def _chosen_file(key: str, choice: Any, beside: Path, folder: str) -> str:
    """The include tag of a choice, after checking that its file exists."""
    choices = sorted(path.stem for path in (beside / folder).glob("*.yaml"))
    if choice not in choices:
        names = ", ".join(choices)
        raise UserError(f"{key} must be one of {names} (in {beside / folder}), not {choice!r}.")
    return f"!include:{folder}/{choice}.yaml"


def _include(tree: CommentedMap, key: str, tag: str) -> None:
    """Make a key an include, keeping the values that the yaml file hands to one."""
    node = tree[key]
    handed = isinstance(node, CommentedMap) and (node.tag.value or "").startswith("!include:")
    if not handed:
        node = tree[key] = CommentedMap()
    node.yaml_set_ctag(Tag(suffix=tag))


def _check_kind(key: str, value: Any, default: Any) -> None:
    """Refuse a word where the yaml file has a switch, a number or a list: `no` would be true."""
    if value is None or isinstance(value, TaggedScalar):
        return
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UserError(f"--{key} takes true or false, not {value!r}.")
    elif isinstance(default, (int, float)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UserError(f"--{key} takes a number, not {value!r}.")
    elif isinstance(default, list) and not isinstance(value, list):
        raise UserError(f"--{key} takes a list, such as {list(default)}, not {value!r}.")


def require_values(tree: CommentedMap, hparams_file: str) -> None:
    """Refuse a tree in which a top-level `!PLACEHOLDER` is left.

    Arguments
    ---------
    tree : CommentedMap
        The yaml files, overridden.
    hparams_file : str
        The main yaml file, for the message.

    Raises
    ------
    UserError
        With all keys that miss a value.

    Example
    -------
    >>> require_values(YAML().load("data_folder: !PLACEHOLDER"), "task.yaml")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: task.yaml: data_folder has no value; pass --data_folder <value>.
    """
    missing = [
        key
        for key, node in tree.items()
        if isinstance(node, TaggedScalar) and node.tag.value == "!PLACEHOLDER"
    ]
    if missing:
        options = " ".join(f"--{key} <value>" for key in missing)
        raise UserError(f"{hparams_file}: {', '.join(missing)} has no value; pass {options}.")


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
