"""What can follow what has just ended: one or two commands, said last."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.data.manifest import Utterance, filled_columns
from mgf_brain.folder.shipped import ENCODER
from mgf_brain.run.command_line import parse_command_line
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.recipes import recipe_scripts

logger = logging.getLogger(__name__)

Command = list[str]  # its words after ``mgf-brain``

MANY = 10  # speakers, from which on one a fold would be too many
RECORDINGS = "recordings/"  # stands for the user's own
# What an encoder can be tried on, by the corpus of its training, with no other file than that.
TRIED = {
    "LibriSpeech": ("speakers",),
    "speechocean762": ("phone_recognition",),
    "VoxCeleb": ("verification", "--trials", "O"),
}
# How the model of a task is used, but for --model.
USES: dict[str, Command] = {
    **dict.fromkeys(("emotion", "dementia", "attributes"), ["emotion", RECORDINGS]),
    **dict.fromkeys(("asr", "phone_recognition"), ["transcribe", RECORDINGS]),
    "verification": ["verify", "a.wav", "b.wav"],
}


def tell(commands: Sequence[Command]) -> None:
    """Print commands that can follow, and log them.

    Arguments
    ---------
    commands : sequence of list of str

    Example
    -------
    >>> tell([["info", "mgf-mini"], ["embed", "my speech"]])
    next: mgf-brain info mgf-mini
          mgf-brain embed 'my speech'
    """
    for number, words in enumerate(commands):
        line = shlex.join(["mgf-brain", *words])
        logger.debug("next: %s", line)
        print(f"{'      ' if number else 'next: '}{line}", flush=True)


def after_run(recipe: Recipe, values: Mapping[str, Any], argv: Sequence[str]) -> list[Command]:
    """What can follow a run: use of the model that it has left, and a task or a comparison.

    Arguments
    ---------
    recipe : Recipe
    values : mapping of str to Any
        Of its keys.
    argv : sequence of str
        Its command line.

    Example
    -------
    >>> asked = ["emotion.yaml", "--pretrained", "mgf-mini", "--data_folder", "corpus"]
    >>> values = {"pretrained": "mgf-mini", "output_folder": "results/emotion"}
    >>> tell(after_run(Recipe("EmoDB", "emotion"), values, asked))
    next: mgf-brain run EmoDB/emotion emotion.yaml --pretrained fbank --data_folder corpus
    """
    folder = str(values["output_folder"])
    if recipe.task == "pretrain":
        embed = ["embed", RECORDINGS, "--model", folder, "--output", "embeddings.npz"]
        return [embed, *_trials_of(recipe, os.path.join(folder, "pretrained"), values)]
    if recipe.task in USES and any(Path(folder, name).is_dir() for name in ("model", "pretrained")):
        return [[*USES[recipe.task], "--model", folder], *_baseline(recipe, values, argv)]
    return _baseline(recipe, values, argv)


def after_manifest(path: str, rows: Sequence[Utterance]) -> list[Command]:
    """What can follow the making of a manifest: tasks that it allows, or a pretraining.

    Arguments
    ---------
    path : str
    rows : sequence of Utterance

    Example
    -------
    >>> rows = [Utterance(id, 1.0, f"/{id}.wav", id, label=id) for id in ("a", "b")]
    >>> from mgf_brain.data.manifest import write_manifest
    >>> path = getfixture("tmp_path") / "own.csv"
    >>> write_manifest(path, rows)
    >>> [words[1] for words in after_manifest(str(path), rows)]
    ['Custom/emotion', 'Custom/pretrain']
    """
    speakers, has = {u.speaker for u in rows}, filled_columns(path)
    if len({u.label for u in rows} - {None}) < 2 or len(speakers) < 2:
        has -= {"label"}
    many = "fold" not in has and len(speakers) > MANY
    shares = ["--held_out_share", "0.1"] if many else []  # ten folds in place of one a speaker
    commands = own_tasks(path, has, ENCODER, *shares)
    if len(speakers) > 1:  # some are held out
        commands.append(["run", "Custom/pretrain", "mgf.yaml", "--manifest", path])
    return commands


def own_tasks(manifest: str, has: set[str], pretrained: str, *more: str) -> list[Command]:
    """The recipes for one's own speech that a manifest allows.

    Arguments
    ---------
    manifest : str
    has : set of str
        As of ``filled_columns``.
    pretrained : str
        The encoder to try.
    *more : str
        More words for each.

    Example
    -------
    >>> tell(own_tasks("own.csv", {"spk_id", "label"}, "mgf-mini"))
    next: mgf-brain run Custom/emotion emotion.yaml --manifest own.csv --pretrained mgf-mini
    """
    tasks = {"emotion": {"spk_id", "label"}, "asr": {"spk_id", "wrd", "test"}}
    given = ["--manifest", manifest, "--pretrained", pretrained, *more]
    return [
        ["run", f"Custom/{task}", f"{task}.yaml", *given]
        for task, needed in tasks.items()
        if needed <= has
    ]


def _trials_of(recipe: Recipe, pretrained: str, values: Mapping[str, Any]) -> list[Command]:
    """What tries an encoder on the speech that it was trained on."""
    data = ["--data_folder", str(values["data_folder"])] if values.get("data_folder") else []
    if recipe.corpus == "Custom":
        manifest = str(values["manifest"])
        return own_tasks(manifest, filled_columns(manifest), pretrained, *data)
    if recipe.corpus not in TRIED:
        return []
    task, *more = TRIED[recipe.corpus]
    return [
        ["run", f"{recipe.corpus}/{task}", f"{task}.yaml", "--pretrained", pretrained] + more + data
    ]


def _baseline(recipe: Recipe, values: Mapping[str, Any], argv: Sequence[str]) -> list[Command]:
    """The same task on what it is compared with, unless that is a recipe of the user's own."""
    name = f"{recipe.corpus}/{recipe.task}"
    if name not in recipe_scripts() or "rounds" in values:  # pseudo-labels need a model
        return []
    other = ENCODER if values["pretrained"] == "fbank" else "fbank"
    yaml, given = parse_command_line(argv)
    kept = {**given, "pretrained": other}
    kept.pop("output_folder", None)
    words = [word for key, text in kept.items() for word in (f"--{key}", text)]
    return [["run", name, yaml, *words]]
