"""From the command line to loaded hyperparameters.

A recipe's yaml file, its data set's yaml file and the command line become one HyperPyYAML text;
mistakes in any of them become a `UserError` that names the file or the key.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml.error import YAMLError
from speechbrain.utils.distributed import infer_device
from speechbrain.utils.logger import get_logger

from mgf_brain.errors import UserError, one_line
from mgf_brain.run.command_line import RUN_OPTION_TYPES, check_run_option, parse_command_line
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.yaml_files import dump, override, read_files, refuse_unknown, require_values

logger = get_logger(__name__)

# What constructors raise at values that they have no use for.
IMPOSSIBLE = (TypeError, ValueError, ArithmeticError, AssertionError, RuntimeError)


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
    recipe: Recipe = Recipe("", "")
    started: float = field(default_factory=time.time)


def load_recipe(recipe: Recipe) -> Experiment:
    """What the command line of a recipe's script asks for, see ``load_experiment``."""
    started = time.time()
    merge = recipe.corpus if recipe.reads_corpus_yaml else None
    return replace(load_experiment(sys.argv[1:], merge), recipe=recipe, started=started)


def load_experiment(argv: Sequence[str], merge: str | None = None) -> Experiment:
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
    {'dim': 8, 'wide': 16, 'max_grad_norm': 0.0}
    >>> load_experiment([str(path), "--precision", "bf16"]).hparams["precision"]
    'bf16'
    """
    hparams_file, values = parse_command_line(argv)
    tree = read_files(hparams_file, merge)
    refuse_unknown(values, tree, hparams_file)
    run_opts = {k: check_run_option(k, v) for k, v in values.items() if k in RUN_OPTION_TYPES}
    overrides = values | run_opts
    for key, value in overrides.items():
        override(tree, key, value, hparams_file)
    tree.update(run_opts)  # those that the yaml lacks are saved too
    require_values(tree, hparams_file)
    source = dump(tree)
    resolved = resolve(source, hparams_file)
    hparams = _load(resolved, hparams_file)
    run_opts = _complete_run_opts(run_opts, hparams)
    return Experiment(hparams, run_opts, overrides, hparams_file, source, resolved)


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
            text = resolve_references(text).read()
    except FileNotFoundError as error:
        raise UserError(f"{hparams_file} includes {error.filename}, which is missing.") from error
    except RecursionError as error:
        raise UserError(f"{hparams_file}: a reference leads back to itself.") from error
    except (ValueError, TypeError, KeyError, YAMLError) as error:
        raise UserError(f"{hparams_file}: {one_line(error)}") from error
    return text


def _load(resolved: str, hparams_file: str) -> dict[str, Any]:
    """Build the objects; run options among them are checked like those of the command line."""
    try:
        hparams = load_hyperpyyaml(resolved)
    except YAMLError as error:
        raise UserError(f"{hparams_file}: {one_line(error)}") from error
    except IMPOSSIBLE as error:
        logger.debug("building the objects of %s", hparams_file, exc_info=error)
        reason = " ".join(": ".join([type(error).__name__, *map(str, error.args)]).split())
        raise UserError(f"{hparams_file}: {reason.rstrip('.')}. Correct the value.") from error
    checked = {k: check_run_option(k, hparams[k]) for k in hparams if k in RUN_OPTION_TYPES}
    return hparams | checked


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
