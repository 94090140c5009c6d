"""Tasks of a manifest of one's own: what its columns allow."""

from __future__ import annotations

import shlex
from pathlib import Path

from mgf_brain.bench.tasks import EMOTION, VERIFICATION, Task
from mgf_brain.data.manifest import filled_columns
from mgf_brain.errors import UserError


def own_tasks(
    manifest: str | None, root: str | None, trials: str | None, frozen: bool
) -> dict[str, Task]:
    """What a manifest of one's own allows: a task for each kind of label that it has.

    Arguments
    ---------
    manifest : str, optional
        As ``recipes/Custom`` reads it; without one there are the trials alone.
    root : str, optional
        The folder that its paths start from, and those of the trials.
    trials : str, optional
        A list for verification.
    frozen : bool
        Whether encoders stay as they are; else verification trains on the manifest.

    Raises
    ------
    UserError
        If the manifest is unreadable, or allows no task.

    Example
    -------
    >>> path = getfixture("tmp_path") / "own.csv"
    >>> _ = path.write_text("ID,wav,spk_id,label\\nu1,u1.wav,anna,calm\\n")
    >>> tasks = own_tasks(str(path), None, None, frozen=True)
    >>> {name: task.script for name, task in tasks.items()}
    {'emotion-own': 'recipes/Custom/emotion.py'}
    """
    has = filled_columns(manifest) if manifest else set()
    folder = root or str(Path(manifest or trials or "").parent)
    speech = ["--manifest", manifest, "--data_folder", folder] if manifest else []
    tasks = {}
    if has >= {"label", "spk_id"}:
        tasks["emotion-own"] = _own("emotion", speech, EMOTION)
    if has >= {"wrd", "spk_id", "test"}:
        tasks["asr-own"] = _own("asr", speech, ("wer", "cer"))
    if trials and (speech or frozen):
        listed = ["--trials", trials, "--list_root", folder]
        tasks["verification-own"] = _own(
            "verification", listed if frozen else [*speech, *listed], VERIFICATION
        )
    if not tasks:
        raise UserError(
            f"--manifest {manifest} allows no task: it needs the columns spk_id and label, or "
            "spk_id, wrd and a fold that is test for some rows; or pass --trials with a list."
        )
    return tasks


def _own(name: str, words: list[str], metrics: tuple[str, ...]) -> Task:
    braced = shlex.join(words).replace("{", "{{").replace("}", "}}")  # no place of ``fill``
    return Task(f"recipes/Custom/{name}.py", braced, metrics)
