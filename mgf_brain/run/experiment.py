"""From the command line to loaded hyperparameters.

What ``mgf_brain.run.asked`` has read and checked becomes objects.
"""

from __future__ import annotations

import pydoc
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import signature
from typing import Any

import torch
import yaml
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml.error import YAMLError
from speechbrain.utils.distributed import infer_device
from speechbrain.utils.logger import get_logger

from mgf_brain.errors import UserError, one_line
from mgf_brain.run.agreement import check_agreement
from mgf_brain.run.asked import Asked, Revise, read_asked, read_recipe
from mgf_brain.run.keys import Key, keys_of
from mgf_brain.run.places import repository_file
from mgf_brain.run.plain import UNREADABLE
from mgf_brain.run.recipe import Recipe

logger = get_logger(__name__)

# What building objects raises at values that it has no use for, or that name nothing.
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
    """What the command line of a recipe's script asks for, see ``read_recipe``."""
    started = time.time()
    asked = read_recipe(recipe, sys.argv[1:], revise)
    return replace(_loaded(asked), recipe=recipe, started=started)


def load_experiment(
    argv: Sequence[str], merge: str | None = None, revise: Revise | None = None
) -> Experiment:
    """Read the command line of a recipe and load its hyperparameters.

    Arguments
    ---------
    argv, merge, revise
        As of ``read_asked``.

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
    return _loaded(read_asked(argv, merge, revise))


def _loaded(asked: Asked) -> Experiment:
    run_opts = _complete_run_opts(dict(asked.run_opts), dict(asked.values))
    known = {name: asked.values[name] for name in asked.values.keys() & asked.keys.keys()}
    check_agreement(known | run_opts)
    hparams = _load(asked.resolved_yaml, asked.hparams_file)
    if "untrained" in hparams:
        hparams["untrained"] = repository_file(hparams["untrained"], asked.files)
    return Experiment(
        hparams,
        run_opts,
        dict(asked.overrides),
        asked.hparams_file,
        asked.source,
        asked.resolved_yaml,
        asked.keys,
    )


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
