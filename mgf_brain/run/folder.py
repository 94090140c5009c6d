"""The folder that a run writes to: opened once, continued only by the same experiment."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import weakref
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from speechbrain.core import DEFAULT_LOG_CONFIG, create_experiment_directory
from speechbrain.utils.distributed import if_main_process

from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, open_text, remove_temporaries
from mgf_brain.locks import FolderLock
from mgf_brain.public_names import with_current_names
from mgf_brain.run.asked import resolve
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.inputs import check_inputs
from mgf_brain.run.keys import bound_values
from mgf_brain.run.plain import read_plain

LENGTH_KEYS = ("number_of_epochs", "optimizer_step_limit", "rounds")

COMMAND = "# Started by: "  # begins the line of hyperparams.yaml that says how

# What a run writes once it trains or scores, at any depth: this binds a folder to it.
MADE = ("metrics.jsonl", "results.json", "CKPT*")


def prepare_output_folder(experiment: Experiment, length_keys: Sequence[str] = LENGTH_KEYS) -> None:
    """Open `output_folder`: `hyperparams.yaml`, `log.txt`, `env.log` and a copy of the script.

    A run that failed there before it logged a step or scored does not bind this one to its
    hyperparameters: a corrected command takes its folder. What a killed run left half-written is
    removed. For as long as the experiment lives, no other process can open the folder.
    Under torchrun every process calls it, after `ddp_init_group`; the main one locks and writes.

    Arguments
    ---------
    experiment : Experiment
        The run; its hyperparameters name `output_folder`.
    length_keys : Sequence[str]
        Keys that may differ when a run is continued, and with them what refers to them.

    Raises
    ------
    UserError
        If a file or folder that the run is to read is missing, or the output folder holds a run
        with other hyperparameters, belongs to one that goes on, or cannot be written.
    """
    check_inputs(experiment.hparams)
    folder = _output_folder(experiment)
    if not if_main_process():
        _open(experiment, folder, length_keys)
        return
    lock = _lock(folder)
    try:
        _open(experiment, folder, length_keys)
    except BaseException:
        lock.release()
        raise
    weakref.finalize(experiment, lock.release)


def _lock(folder: Path) -> FolderLock:
    try:
        return FolderLock(folder)
    except OSError as error:
        raise UserError(f"output_folder {folder}: {error.strerror}. Pass another.") from error


def _open(experiment: Experiment, folder: Path, length_keys: Sequence[str]) -> None:
    saved = folder / "hyperparams.yaml"
    if saved.exists() and any(found for name in MADE for found in folder.rglob(name)):
        _refuse_other_run(experiment, saved, length_keys)
    if if_main_process():
        remove_temporaries(folder)
        _write_hyperparameters(experiment, saved)
    log_config = experiment.run_opts.get("log_config") or DEFAULT_LOG_CONFIG
    create_experiment_directory(str(folder), log_config=log_config)
    if if_main_process():
        _keep_script(folder)


def _output_folder(experiment: Experiment) -> Path:
    folder = experiment.hparams.get("output_folder")
    if not isinstance(folder, (str, os.PathLike)):
        raise UserError(f"{experiment.hparams_file}: output_folder is no path; pass one.")
    return Path(folder)


def _refuse_other_run(experiment: Experiment, path: Path, length_keys: Sequence[str]) -> None:
    """Compare with the saved hyperparameters, as if their length had been asked for again.

    Resolving anew with the saved length lets everything computed from it agree too, as a
    schedule's last step; the same for a folder that was moved since, or is named otherwise.
    """
    with open_text(path) as file:
        saved = read_plain(with_current_names(file.read()), str(path))
    asked = read_plain(experiment.resolved_yaml, experiment.hparams_file)
    free = {*length_keys, *(name for name, key in experiment.keys.items() if key.free)}
    both = saved.keys() & asked.keys()
    paths = {name for name in both & experiment.keys.keys() if experiment.keys[name].is_path}
    same = {name for name in paths if _is_same_path(saved[name], asked[name])}
    again = {key: saved[key] for key in (free & both) | same}
    text = resolve(experiment.source, experiment.hparams_file, again)
    now = read_plain(text, experiment.hparams_file)
    if "lora" not in (saved.get("adapt"), now.get("adapt")):  # nothing reads its keys
        free |= {key for key in experiment.keys if key.startswith("lora_")}
    bound = (bound_values(values, experiment.keys, free) for values in (saved, now))
    if differences := _differences(*bound):  # a free key may be absent from either
        raise UserError(
            f"{path.parent} holds a run with other hyperparameters "
            f"({'; '.join(differences[:3])}). Pass another --output_folder, or delete this one."
        )


def _is_same_path(saved: Any, asked: Any) -> bool:
    if not (isinstance(saved, str) and isinstance(asked, str)):
        return False
    return os.path.realpath(saved) == os.path.realpath(asked)


def _differences(saved: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """The keys that differ, with their values where these are short, such keys first."""
    short, long = [], []
    for key in asked | saved:
        if saved.get(key) is None and asked.get(key) is None:  # a key that is newer than the run
            continue
        before, after = (values.get(key, "(absent)") for values in (saved, asked))
        if before != after:
            values = f"{key}: {before} there, {after} now"
            if len(values) <= 120:
                short.append(values)
            else:
                long.append(key)
    return short + long


def _write_hyperparameters(experiment: Experiment, path: Path) -> None:
    origin = os.path.abspath(experiment.hparams_file)
    given = [word for key, value in experiment.overrides.items() for word in (f"--{key}", value)]
    words = [
        experiment.recipe.script,
        experiment.hparams_file,
        *(" ".join(str(word).split()) for word in given),
    ]
    command = f"{COMMAND}{shlex.join(words)}\n"
    header = f"# Generated {date.today()} from:\n# {origin}\n{command}# yamllint disable\n"
    try:
        with open_atomic(path) as stream:
            stream.write(header + experiment.resolved_yaml)
    except OSError as error:
        raise UserError(f"output_folder {path.parent}: {error.strerror}.") from error


def _keep_script(folder: Path) -> None:
    """Replace SpeechBrain's copy of its caller, which is this module, by the recipe's script."""
    (folder / Path(__file__).name).unlink(missing_ok=True)
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None:
        shutil.copy(script, folder)
