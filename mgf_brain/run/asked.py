"""What a command line asks for, read and checked before anything that takes seconds is imported.

A recipe's yaml file, its data set's yaml file and the command line become one HyperPyYAML text;
mistakes in any of them become a `UserError` that names the file or the key.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperpyyaml import resolve_references
from ruamel.yaml.comments import CommentedMap

from mgf_brain.errors import UserError, one_line
from mgf_brain.run.command_line import USAGE, parse_command_line, parse_value
from mgf_brain.run.help import print_help
from mgf_brain.run.keys import RUN_OPTIONS, Keys, check_values, keys_of
from mgf_brain.run.overrides import (
    expand_home,
    make_whole,
    override,
    refuse_mistyped,
    refuse_unknown,
    require_values,
    switch_off_other_interval,
)
from mgf_brain.run.places import found_file
from mgf_brain.run.plain import UNREADABLE, read_plain
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.recipes import fitting_yamls
from mgf_brain.run.yaml_files import dump, find_includes, joined, read_chain, read_each

Revise = Callable[[CommentedMap, dict[str, Any], str], None]


@dataclass(frozen=True)
class Asked:
    """A command line with its yaml files: plain values, no object built yet.

    Arguments
    ---------
    hparams_file : str
        The main yaml file.
    files : tuple of Path
        All that were read, in the order of ``read_each``.
    keys : mapping of str to Key
        What their keys may hold.
    overrides : mapping of str to Any
        All keys that the command line sets, with their values.
    run_opts : mapping of str to Any
        Those of them that are SpeechBrain's run options.
    source : str
        All files as one text with the overrides applied, references not yet resolved.
    resolved_yaml : str
        The same with every reference and include resolved.
    values : mapping of str to Any
        Of all keys, plain, see ``read_plain``.
    """

    hparams_file: str
    files: tuple[Path, ...]
    keys: Keys
    overrides: Mapping[str, Any]
    run_opts: Mapping[str, Any]
    source: str
    resolved_yaml: str
    values: Mapping[str, Any]


def read_recipe(recipe: Recipe, argv: Sequence[str], revise: Revise | None = None) -> Asked:
    """What a recipe is asked for: as ``read_asked``, with a yaml of its task and a corpus.

    Raises
    ------
    UserError
        Also if the yaml is missing or another task's, or the corpus has no folder.

    Example
    -------
    >>> read_recipe(Recipe("EmoDB", "emotion"), ["asr.yaml"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: hparams/asr.yaml is no yaml of emotion: it lacks the keys probe, ...
    """
    _refuse_other_task(argv, recipe)
    asked = read_asked(argv, recipe.corpus if recipe.reads_corpus_yaml else None, revise)
    if recipe.needs_folder and not asked.values.get("data_folder"):
        raise UserError("data_folder has no value; pass --data_folder <corpus>.")
    return asked


def _refuse_other_task(argv: Sequence[str], recipe: Recipe) -> None:
    """Before the corpus's yaml, which continues another task's yaml no better."""
    fitting = ", ".join(fitting_yamls(recipe))
    named, _ = parse_command_line(argv, f"{USAGE}; yaml files that fit: {fitting}")
    hparams_file = found_file(named)
    if not os.path.exists(hparams_file):
        raise UserError(f"{named}: there is no such yaml file. Those that fit: {fitting}.")
    had = {key for tree in read_chain(hparams_file).values() for key in tree}
    if lacks := [key for key in recipe.needs if key not in had]:
        raise UserError(
            f"{hparams_file} is no yaml of {recipe.task}: it lacks the keys {', '.join(lacks)}. "
            f"Pass {recipe.usual_yaml}, or a yaml of yours with it as base."
        )


def read_asked(
    argv: Sequence[str], merge: str | None = None, revise: Revise | None = None
) -> Asked:
    """Read a command line and its yaml files.

    Arguments
    ---------
    argv : Sequence[str]
        The words after the script's name: `<file>.yaml [--key value …]`. A key is a top-level
        key of the yaml files or a run option of SpeechBrain, which becomes a key where it is none.
        `--size base` turns the key `encoder` into `!include:encoder/base.yaml`, whatever that
        key hands to the include being kept.
    merge : str | None
        A data set's name: `data/<merge>.yaml` beside the main yaml file is read as its
        continuation; references may go both ways, and no key may stand in both.
    revise : callable, optional
        ``revise(tree, given, hparams_file)`` changes the yaml files in which all that the command
        line gives is set, before references are resolved.

    Returns
    -------
    Asked

    Raises
    ------
    UserError
        If a file is missing or malformed, a key is unknown, or a value is impossible.

    Example
    -------
    >>> path = getfixture("tmp_path") / "task.yaml"
    >>> _ = path.write_text("dim: 4\\nwide: !ref <dim> * 2\\n")
    >>> read_asked([str(path), "--dim", "8"]).values
    {'dim': 8, 'wide': 16}
    """
    hparams_file, words = parse_command_line(argv)
    hparams_file = found_file(hparams_file)
    trees = read_each(hparams_file, merge)
    keys = keys_of(trees)
    if "help" in words:
        print_help(trees, keys)
        raise SystemExit(0)
    refuse_mistyped(trees, keys)
    files, tree = tuple(trees), joined(trees)
    kinds = {name: key.kind for name, key in keys.items()}
    given = {name: parse_value(name, word, kinds.get(name, "")) for name, word in words.items()}
    refuse_unknown(given, tree, hparams_file, keys)
    for key, value in given.items():
        override(tree, key, value, hparams_file)
    run_opts = {name: value for name, value in given.items() if name in RUN_OPTIONS}
    tree.update(run_opts)  # those that the yaml lacks are saved too
    find_includes(tree, [Path(hparams_file).parent])
    switch_off_other_interval(tree, given)
    make_whole(tree, keys)
    expand_home(tree, keys)
    require_values(tree, hparams_file)
    if revise:
        revise(tree, given, hparams_file)
    source = dump(tree)
    resolved = resolve(source, hparams_file)
    values = check_values(read_plain(resolved, hparams_file), keys, hparams_file)
    overrides = {name: values.get(name, value) for name, value in given.items()}
    run_opts = {name: values[name] for name in run_opts}
    return Asked(hparams_file, files, keys, overrides, run_opts, source, resolved, values)


def resolve(source: str, hparams_file: str, overrides: dict[str, Any] | None = None) -> str:
    """Resolve the references and includes of a HyperPyYAML text.

    Arguments
    ---------
    source : str
        The text.
    hparams_file : str
        The file that the text stands for: includes are relative to its folder.
    overrides : dict[str, Any] | None
        Values to set first.

    Returns
    -------
    str
        The text without references or includes.

    Raises
    ------
    UserError
        If a reference or an include leads nowhere, or an included placeholder is unset.

    Example
    -------
    >>> resolve("a: !ref <b>\\nb: 2\\n", "task.yaml", {"b": 3})
    'a: 3\\nb: 3\\n'
    """
    stream = io.StringIO(source)
    stream.name = os.path.realpath(hparams_file)
    try:
        text = resolve_references(stream, overrides).read()
        # HyperPyYAML follows one link of a chain of references to keys further down.
        for _ in range(text.count("!ref")):
            before, text = text, resolve_references(text).read()
            if text == before:
                break
    except FileNotFoundError as error:
        raise UserError(f"{hparams_file} includes {error.filename}, which is missing.") from error
    except RecursionError as error:
        raise UserError(f"{hparams_file}: a reference leads back to itself.") from error
    except UNREADABLE as error:
        raise UserError(f"{hparams_file}: {one_line(error)}") from error
    return text
