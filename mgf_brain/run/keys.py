"""What the keys of a run may hold: keys.yaml beside this file, the one place that says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mgf_brain.errors import UserError
from mgf_brain.kinds import Misfit, fit, takes

OURS = re.compile(r"!(new|name):(mgf_brain|torch\.optim)\.")
KEYS_OF = "keys of "  # the kind of a mapping whose keys are those of a section


class Key(NamedTuple):
    """A key of a yaml file, or a run option of SpeechBrain.

    Arguments
    ---------
    kind : str
        As of ``mgf_brain.kinds``, or ``keys of <section>``.
    sentence : str
        What the key is, and in what unit.
    free : bool
        It changes nothing that is trained or scored: a run may go on with another value.
    """

    kind: str
    sentence: str
    free: bool = False

    @property
    def is_path(self) -> bool:
        """Whether it holds a file or a folder."""
        return "path" in self.kind.split(" or ")

    @property
    def section(self) -> str | None:
        """The section that the keys of its mapping are in."""
        return self.kind.removeprefix(KEYS_OF) if self.kind.startswith(KEYS_OF) else None


Keys = Mapping[str, Key]


@cache
def section(name: str) -> Keys:
    """The keys of a section of keys.yaml, none if it has no such section.

    Example
    -------
    >>> section("mgf")["frame_weight"].kind
    'number >= 0'
    """
    return _sections().get(name, {})


@cache
def _sections() -> dict[str, dict[str, Key]]:
    found: dict[str, dict[str, Key]] = {}
    path = Path(__file__).with_suffix(".yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ruamel.yaml's takes 0.2 s
    for names, keys in yaml.load(path.read_text(encoding="utf-8"), loader).items():
        for name in names.split(", "):
            found.setdefault(name, {}).update(_read(key, text) for key, text in keys.items())
    return found


def _read(name: str, text: str) -> tuple[str, Key]:
    kind, sentence = text.split("; ", 1)
    return name.removesuffix(" free"), Key(kind, sentence, name.endswith(" free"))


def is_known(key: str) -> bool:
    """Whether any section has a key: a yaml of a user's may be a copy of one of ours.

    Example
    -------
    >>> is_known("number_of_epochs"), is_known("number_of_epoch")
    (True, False)
    """
    return any(key in keys for keys in _sections().values())


RUN_OPTIONS = section("run options")  # that a command line may set, whatever the yaml


def keys_of(files: Iterable[Path]) -> Keys:
    """The keys that a run has.

    Arguments
    ---------
    files : iterable of Path
        The yaml files that it reads, in the order of ``read_each``.

    Returns
    -------
    mapping of str to Key
        A file's own keys come before those of its base, both before what every run has. Keys that
        only a user's yaml has are not among them.

    Example
    -------
    >>> keys = keys_of([Path("hparams/phonemes.yaml")])
    >>> keys["hidden"].kind, keys["precision"].free, "beam" in keys
    ('integer >= 0', False, False)
    """
    keys = {**RUN_OPTIONS, **section("every file")}
    for path in files:
        folder = path.parent.name
        name = folder if folder == "data" else path.stem
        keys |= section(f"{folder}/{path.stem}" if folder == "base" else name)
    return keys


def check_values(values: Mapping[str, Any], keys: Keys, place: str) -> dict[str, Any]:
    """Values as their keys have them.

    Arguments
    ---------
    values : mapping of str to Any
        Plain, as ``read_plain`` gives them; those of unknown keys pass as they are.
    keys : mapping of str to Key
    place : str
        The yaml file and, of a mapping's values, its key: for the message.

    Returns
    -------
    dict of str to Any
        With integers where 1e2 stands for one.

    Raises
    ------
    UserError
        At the first that is not of its kind.

    Example
    -------
    >>> check_values({"batch_size": 1e2}, section("emotion"), "emotion.yaml")
    {'batch_size': 100}
    >>> check_values({"batch_size": 0}, section("emotion"), "emotion.yaml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: emotion.yaml: batch_size takes an integer >= 1, not 0 (utterances...
    """
    return {
        name: _check(value, keys[name], place, name) if name in keys else value
        for name, value in values.items()
    }


def _check(value: Any, key: Key, place: str, name: str) -> Any:
    try:
        value = fit(value, "object" if key.section else key.kind)
    except Misfit:
        said = takes("object" if key.section else key.kind, value)
        raise UserError(f"{place}: {name} {said} ({key.sentence}).") from None
    if key.section:
        return check_values(value, section(key.section), f"{place}: {name}")
    _check_arguments(value, f"{place}: {name}")
    return value


def _check_arguments(value: Any, place: str) -> None:
    """Of the objects in a value that are ours, or an optimiser: others' names may mean others."""
    if not isinstance(value, dict):
        return
    for name, inside in value.items():
        ours = OURS.match(str(name)) and isinstance(inside, dict)
        arguments = check_values(inside, section("arguments"), place) if ours else {name: inside}
        for argument, part in arguments.items():
            if isinstance(part, dict):
                _check_arguments(part, place if argument == name else f"{place}: {argument}")


def bound_values(values: Mapping[str, Any], keys: Keys, free: Iterable[str] = ()) -> dict[str, Any]:
    """Values without those that a run may go on with others of.

    Arguments
    ---------
    values : mapping of str to Any
    keys : mapping of str to Key
    free : iterable of str
        More keys of this mapping that are free.

    Example
    -------
    >>> values = {"seed": 1, "debug": True, "tuning": {"epochs": 5, "num_workers": 2}}
    >>> bound_values(values, keys_of([Path("hparams/emotion.yaml")]))
    {'seed': 1, 'tuning': {'epochs': 5}}
    """
    bound = {}
    for name, value in values.items():
        key = keys.get(name)
        if name in free or (key and key.free):
            continue
        inner = key.section if key and isinstance(value, dict) else None
        bound[name] = bound_values(value, section(inner)) if inner else _bound(value)
    return bound


def _bound(value: Any) -> Any:
    """A value without the arguments of its objects that are free."""
    if not isinstance(value, dict):
        return value
    return {
        name: bound_values(part, section("arguments"))
        if OURS.match(str(name)) and isinstance(part, dict)
        else _bound(part)
        for name, part in value.items()
    }
