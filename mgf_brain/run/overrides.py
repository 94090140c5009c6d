"""What the command line sets in the yaml files: keys, parts of mappings, files to include."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hyperpyyaml.core import recursive_update
from ruamel.yaml.comments import CommentedMap, TaggedScalar
from ruamel.yaml.tag import Tag

from mgf_brain.errors import UserError
from mgf_brain.kinds import Misfit, fit, quote
from mgf_brain.run.keys import RUN_OPTIONS, Keys, is_known, section
from mgf_brain.run.yaml_files import INCLUDE, dump, read_tree

# Keys of the command line that choose the file of an include, and the key that includes it.
CHOICES = {"size": "encoder", "front_end": "front_end", "network": "network"}


def refuse_unknown(
    values: Mapping[str, Any], tree: CommentedMap, hparams_file: str, keys: Keys
) -> None:
    """Refuse keys that are neither in the tree nor run options, and keys of mappings likewise.

    Arguments
    ---------
    values : mapping of str to Any
        The keys that the command line sets.
    tree : CommentedMap
        The yaml files.
    hparams_file : str
        The main yaml file, beside which includes lie.
    keys : mapping of str to Key
        Of these files.

    Raises
    ------
    UserError
        With the nearest key that exists.

    Example
    -------
    >>> refuse_unknown({"stepz": 5}, CommentedMap(steps=3), "task.yaml", {})
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: --stepz is no key of task.yaml; the nearest is --steps.
    """
    known = [*tree, *RUN_OPTIONS, *(k for k, target in CHOICES.items() if target in tree)]
    for name, value in values.items():
        if name not in known:
            raise UserError(
                f"--{name} is no key of {hparams_file}; the nearest is --{_nearest(name, known)}."
            )
        if isinstance(value, dict) and not isinstance(value, CommentedMap) and name in tree:
            within = section(keys[name].section or "") if name in keys else {}
            _refuse_unknown_parts(value, tree[name], Path(hparams_file).parent, within, name)


def refuse_mistyped(trees: Mapping[Path, CommentedMap], keys: Keys) -> None:
    """Refuse a key of a yaml that no one reads and that is almost one of ours.

    Arguments
    ---------
    trees : mapping of Path to CommentedMap
        As of ``read_each``.
    keys : mapping of str to Key
        Of these files.

    Raises
    ------
    UserError
        With the nearest key. One of the user's own that something refers to, or that is like no
        other, may stay.

    Example
    -------
    >>> tree = CommentedMap(number_of_epoch=7, mine=1)
    >>> refuse_mistyped({Path("own.yaml"): tree}, section("base/finetuning"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: own.yaml: number_of_epoch is no key; the nearest is number_of_ep...
    """
    for path, tree in trees.items():
        for name in tree:
            elsewhere = any(name in other for other in trees.values() if other is not tree)
            near = difflib.get_close_matches(name, keys, 1, cutoff=0.8)
            if elsewhere or is_known(name) or not near:
                continue
            if not any(re.search(rf"<{re.escape(name)}[\[.>]", dump(t)) for t in trees.values()):
                raise UserError(f"{path}: {name} is no key; the nearest is {near[0]}.")


def _refuse_unknown_parts(
    values: Mapping[str, Any], node: Any, beside: Path, keys: Keys, place: str
) -> None:
    """Of a mapping that is no object: what an object takes, its constructor knows."""
    tag = tag_of(node)
    included = read_tree(beside / tag.removeprefix(INCLUDE)) if tag.startswith(INCLUDE) else {}
    if tag and not included:
        return
    nodes = {**included, **(node if isinstance(node, CommentedMap) else {})}
    if not nodes:
        return
    for name, value in values.items():
        if name not in nodes and name not in keys:
            nearest = _nearest(name, [*nodes, *keys])
            raise UserError(f"--{place}: {name} is no key of it; the nearest is {nearest}.")
        if isinstance(value, dict) and name in nodes:
            within = section(keys[name].section or "") if name in keys else {}
            inside = (beside / tag.removeprefix(INCLUDE)).parent if included else beside
            _refuse_unknown_parts(value, nodes[name], inside, within, f"{place}: {name}")


def _nearest(name: object, known: Iterable[object]) -> str:
    return difflib.get_close_matches(str(name), map(str, known), n=1, cutoff=0.0)[0]


def tag_of(node: Any) -> str:
    """The tag of a node of a tree, "" if it has none.

    Example
    -------
    >>> tag_of(3), tag_of(TaggedScalar("", tag=Tag(suffix="!PLACEHOLDER")))
    ('', '!PLACEHOLDER')
    """
    return str(getattr(getattr(node, "tag", None), "value", None) or "")


def make_whole(tree: CommentedMap, keys: Keys) -> None:
    """Replace floats by integers where a key takes these and 100.0 or 1e2 stands there.

    Example
    -------
    >>> tree = CommentedMap(batch_size=1e2, learning_rate=1.0)
    >>> make_whole(tree, section("emotion"))
    >>> dict(tree)
    {'batch_size': 100, 'learning_rate': 1.0}
    """
    for name in tree.keys() & keys.keys():
        key, node = keys[name], tree[name]
        if key.section:
            if isinstance(node, CommentedMap):
                make_whole(node, section(key.section))
        elif isinstance(node, float):
            try:
                whole = fit(float(node), key.kind)
            except Misfit:  # refused once all is known
                continue
            if isinstance(whole, int):
                tree[name] = whole


def expand_home(tree: CommentedMap, keys: Keys) -> None:
    """Write the home folder out where a path begins with ``~``, as no shell has.

    Example
    -------
    >>> tree = CommentedMap(data_folder="~/corpus", recipe="~")
    >>> expand_home(tree, section("every file"))
    >>> tree["data_folder"] == os.path.expanduser("~/corpus"), tree["recipe"]
    (True, '~')
    """
    for name in tree.keys() & keys.keys():
        if keys[name].is_path and isinstance(tree[name], str):
            tree[name] = os.path.expanduser(tree[name])


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
    >>> from ruamel.yaml import YAML
    >>> tree = YAML().load("net: {dim: 4, heads: 2}")
    >>> override(tree, "net", {"dim": 8}, "task.yaml")
    >>> dict(tree["net"])
    {'dim': 8, 'heads': 2}
    """
    if key in CHOICES and CHOICES[key] in tree and not isinstance(value, (TaggedScalar, dict)):
        folder = included_folder(tree, key)
        _include(tree, CHOICES[key], _chosen_file(key, value, Path(hparams_file).parent, folder))
        if key not in tree or key == CHOICES[key]:
            return
    if tag_of(value).startswith(INCLUDE):
        _include(tree, key, tag_of(value))
    elif key in tree:
        if isinstance(value, dict) and tag_of(tree[key]).startswith(INCLUDE):
            _include(tree, key, tag_of(tree[key]))  # a mapping that takes what is handed
        _check_kind(key, value, tree[key])
        try:
            if tag_of(value) and not isinstance(tree[key], dict):  # an object for a number
                tree[key] = value
            else:
                recursive_update(tree, {key: value})
        except TypeError as error:
            raise UserError(f"--{key} takes a single value, not a mapping.") from error


def included_folder(tree: CommentedMap, choice: str) -> str:
    """The folder beside the main yaml file that holds the files of a choice.

    Example
    -------
    >>> from ruamel.yaml import YAML
    >>> tree = YAML().load("encoder: !include:dino/mini.yaml\\nnetwork: !ref <encoder[network]>")
    >>> included_folder(tree, "size"), included_folder(tree, "network")
    ('dino', 'network')
    """
    key = CHOICES[choice]
    tag = tag_of(tree[key])
    return str(Path(tag.removeprefix(INCLUDE)).parent) if tag.startswith(INCLUDE) else key


def _chosen_file(key: str, choice: Any, beside: Path, folder: str) -> str:
    """The include tag of a choice, after checking that its file exists."""
    near = Path(folder).name if os.path.isabs(folder) else folder  # absolute: the repository's
    places = (beside / folder, beside / near)
    files = {path.stem: path for place in places for path in place.glob("*.yaml")}
    choices = sorted(files)
    if choice not in choices:
        names = ", ".join(choices)
        raise UserError(f"{key} must be one of {names} (in {beside / folder}), not {choice!r}.")
    return f"{INCLUDE}{near if files[choice].parent == beside / near else folder}/{choice}.yaml"


def switch_off_other_interval(tree: CommentedMap, given: Mapping[str, Any]) -> None:
    """Of the two intervals between checkpoints the one that the command line doesn't give.

    Example
    -------
    >>> tree = CommentedMap(ckpt_interval_minutes=0.4, ckpt_interval_steps=20)
    >>> switch_off_other_interval(tree, {"ckpt_interval_steps": 20})
    >>> tree["ckpt_interval_minutes"]
    0
    """
    both = ["ckpt_interval_minutes", "ckpt_interval_steps"]
    for name, other in (both, both[::-1]):
        value = given.get(name)
        if isinstance(value, (int, float)) and value > 0 and other in tree and other not in given:
            tree[other] = 0


def _include(tree: CommentedMap, key: str, tag: str) -> None:
    """Make a key an include, keeping the values that the yaml file hands to one."""
    node = tree[key]
    handed = isinstance(node, CommentedMap) and tag_of(node).startswith(INCLUDE)
    if not handed:
        node = tree[key] = CommentedMap()
    node.yaml_set_ctag(Tag(suffix=tag))


def _check_kind(key: str, value: Any, default: Any) -> None:
    """Refuse a word where the yaml has a switch, a number, a list or a mapping: `no` is true."""
    included = tag_of(default).startswith(INCLUDE)
    if tag_of(value) or (value is None and not included):
        return
    if included and not isinstance(value, dict):
        shown = "null" if value is None else quote(value)
        raise UserError(f"--{key} takes a mapping of its parts, '{{part: value}}', not {shown}.")
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
    >>> from ruamel.yaml import YAML
    >>> require_values(YAML().load("data_folder: !PLACEHOLDER"), "task.yaml")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: task.yaml: data_folder has no value; pass --data_folder <value>.
    """
    missing = [
        key
        for key, node in tree.items()
        if isinstance(node, TaggedScalar) and tag_of(node) == "!PLACEHOLDER"
    ]
    if missing:
        options = " ".join(f"--{key} <value>" for key in missing)
        raise UserError(f"{hparams_file}: {', '.join(missing)} has no value; pass {options}.")
