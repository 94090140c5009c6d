"""From the command line to loaded hyperparameters.

A recipe's yaml file, its data set's yaml file and the command line become one HyperPyYAML text;
mistakes in any of them become a `UserError` that names the file or the key.
"""

from __future__ import annotations

import io
import os
import pydoc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import yaml
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from speechbrain.utils.distributed import infer_device
from speechbrain.utils.logger import get_logger

from mgf_brain.errors import UserError, one_line
from mgf_brain.run.agreement import check_agreement
from mgf_brain.run.command_line import parse_command_line, parse_value
from mgf_brain.run.help import print_help
from mgf_brain.run.keys import RUN_OPTIONS, Key, check_values, keys_of
from mgf_brain.run.overrides import (
    expand_home,
    make_whole,
    override,
    refuse_mistyped,
    refuse_unknown,
    require_values,
    switch_off_other_interval,
)
from mgf_brain.run.places import found_file, repository_file
from mgf_brain.run.plain import UNREADABLE, read_plain
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.yaml_files import dump, find_includes, joined, read_chain, read_each

logger = get_logger(__name__)

# What building objects raises at values that it has no use for, or that name nothing.
Revise = Callable[[CommentedMap, dict[str, Any], str], None]
IMPOSSIBLE = (*UNREADABLE, RuntimeError, MemoryError, pydoc.ErrorDuringImport)


@dataclass(frozen=True)
class Experiment:
    """One run of a recipe, as its yaml files and its command line describe it.

    Arguments
    ---------
    hparams : dict[str, Any]
        The hyperparameters, loaded: objects, not their descriptions.
    run_opts : dict[str, Any]
        The run options that the command line gives, and always `device` and
        `distributed_backend`; for SpeechBrain's `Brain` and `ddp_init_group`.
    overrides : dict[str, Any]
        All keys that the command line sets, with their values.
    hparams_file : str
        The main yaml file.
    source : str
        All yaml files as one text with the overrides applied, references not yet resolved.
    resolved_yaml : str
        The same with every reference and include resolved: what `hparams` was loaded from.
    keys : mapping of str to Key
        What its keys may hold.
    recipe : Recipe
        The script that was started.
    started : float
        When the run began, ``time.time()``.
    """

    hparams: dict[str, Any]
    run_opts: dict[str, Any]
    overrides: dict[str, Any]
    hparams_file: str
    source: str
    resolved_yaml: str
    keys: Mapping[str, Key] = field(default_factory=lambda: keys_of([]))
    recipe: Recipe = Recipe("", "")
    started: float = field(default_factory=time.time)


def load_recipe(recipe: Recipe, revise: Revise | None = None) -> Experiment:
    """What the command line of a recipe's script asks for, see ``load_experiment``."""
    started = time.time()
    _refuse_other_task(sys.argv[1:], recipe)
    merge = recipe.corpus if recipe.reads_corpus_yaml else None
    return replace(load_experiment(sys.argv[1:], merge, revise), recipe=recipe, started=started)


def _refuse_other_task(argv: Sequence[str], recipe: Recipe) -> None:
    """Before the corpus's yaml, which continues another task's yaml no better."""
    hparams_file = found_file(parse_command_line(argv)[0])
    had = {key for tree in read_chain(hparams_file).values() for key in tree}
    if lacks := [key for key in recipe.needs if key not in had]:
        raise UserError(
            f"{hparams_file} is no yaml of {recipe.task}: it lacks the keys {', '.join(lacks)}. "
            f"Pass {recipe.usual_yaml}, or a yaml of yours with it as base."
        )


def load_experiment(
    argv: Sequence[str], merge: str | None = None, revise: Revise | None = None
) -> Experiment:
    """Read the command line of a recipe and load its hyperparameters.

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
    Experiment
        The loaded hyperparameters and how they came about.

    Raises
    ------
    UserError
        If a file is missing or malformed, a key is unknown, or a value is impossible.

    Example
    -------
    >>> path = getfixture("tmp_path") / "task.yaml"
    >>> _ = path.write_text("dim: 4\\nwide: !ref <dim> * 2\\nmax_grad_norm: 5.0\\n")
    >>> experiment = load_experiment([str(path), "--dim", "8", "--max_grad_norm=0"])
    >>> experiment.hparams
    {'dim': 8, 'wide': 16, 'max_grad_norm': 0}
    >>> load_experiment([str(path), "--precision", "bf16"]).hparams["precision"]
    'bf16'
    """
    hparams_file, words = parse_command_line(argv)
    hparams_file = found_file(hparams_file)
    trees = read_each(hparams_file, merge)
    keys = keys_of(trees)
    if "help" in words:
        print_help(trees, keys)
        raise SystemExit(0)
    refuse_mistyped(trees, keys)
    tree = joined(trees)
    kinds = {name: key.kind for name, key in keys.items()}
    values = {name: parse_value(name, word, kinds.get(name, "")) for name, word in words.items()}
    refuse_unknown(values, tree, hparams_file, keys)
    for key, value in values.items():
        override(tree, key, value, hparams_file)
    run_opts = {name: value for name, value in values.items() if name in RUN_OPTIONS}
    tree.update(run_opts)  # those that the yaml lacks are saved too
    find_includes(tree, [Path(hparams_file).parent])
    switch_off_other_interval(tree, values)
    make_whole(tree, keys)
    expand_home(tree, keys)
    require_values(tree, hparams_file)
    if revise:
        revise(tree, values, hparams_file)
    source = dump(tree)
    resolved = resolve(source, hparams_file)
    plain = check_values(read_plain(resolved, hparams_file), keys, hparams_file)
    run_opts |= {name: plain[name] for name in run_opts}
    run_opts = _complete_run_opts(run_opts, plain)
    check_agreement({name: plain[name] for name in plain.keys() & keys.keys()} | run_opts)
    hparams = _load(resolved, hparams_file)
    if "untrained" in hparams:
        hparams["untrained"] = repository_file(hparams["untrained"], trees)
    overrides = {name: plain.get(name, value) for name, value in values.items()}
    return Experiment(hparams, run_opts, overrides, hparams_file, source, resolved, keys)


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


def _load(resolved: str, hparams_file: str) -> dict[str, Any]:
    """Build the objects, and see that what is built later takes its arguments."""
    try:
        hparams = load_hyperpyyaml(resolved)
        for later in filter(lambda value: isinstance(value, partial), hparams.values()):
            signature(later.func).bind_partial(*later.args, **later.keywords)
    except (YAMLError, yaml.YAMLError) as error:
        raise UserError(f"{hparams_file}: {one_line(error)}") from error
    except IMPOSSIBLE as error:
        logger.debug("building the objects of %s", hparams_file, exc_info=error)
        reason = " ".join(": ".join([type(error).__name__, *map(str, error.args)]).split())
        raise UserError(f"{hparams_file}: {reason.rstrip('.')}. Correct the value.") from error
    return hparams


def _complete_run_opts(run_opts: dict[str, Any], hparams: dict[str, Any]) -> dict[str, Any]:
    """Add the device and the backend: without CUDA, the processor and gloo."""
    default = infer_device() if torch.cuda.is_available() else "cpu"
    device = run_opts.get("device") or hparams.get("device") or default
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UserError(f"device {device!r} is none of PyTorch's; try cpu or cuda:0.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {device!r} needs CUDA, which is absent; pass --device cpu.")
    backend = run_opts.get("distributed_backend") or hparams.get("distributed_backend")
    backend = backend or ("nccl" if kind == "cuda" else "gloo")
    return run_opts | {"device": device, "distributed_backend": backend}
