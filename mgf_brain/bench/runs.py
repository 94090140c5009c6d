"""Runs of recipes that a comparison consists of; one that is done is never done again."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, read_json
from mgf_brain.folder.shipped import place_of
from mgf_brain.run.places import repository_file

FREE = ("--trust", "--device")  # options that change no number
MODEL_FOLDERS = ("", "pretrained", "model")  # in which a model named by its run may lie
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "embedding_model.ckpt")


@dataclass(frozen=True)
class Run:
    """A recipe with its options.

    Arguments
    ---------
    folder : Path
        Its output folder.
    words : tuple of str
        The script, its yaml and its options, without the output folder; ``-m`` and a module may
        stand in place of the script.

    Example
    -------
    >>> run = Run(Path("results/a"), ("recipes/RAVDESS/emotion.py", "hparams/emotion.yaml"))
    >>> run.command()[2:]
    ['hparams/emotion.yaml', '--output_folder', 'results/a']
    """

    folder: Path
    words: tuple[str, ...]

    def command(self) -> list[str]:
        """What a user would type, with this Python."""
        script = repository_file(self.words[0])
        return [sys.executable, script, *self.words[1:], "--output_folder", str(self.folder)]

    def results(self) -> dict[str, Any] | None:
        """Its ``results.json``, or None while it isn't done.

        Raises
        ------
        UserError
            If the folder holds a run of other words or on other pretrained weights.
        """
        self._refuse_another()
        path = self.folder / "results.json"
        return read_json(path) if path.is_file() else None

    def failure(self) -> str:
        """Why it failed when it was last tried, on one line; "" if it didn't, or has results."""
        path = self.folder.with_suffix(".failed")
        failed = path.is_file() and not (self.folder / "results.json").is_file()
        return path.read_text(encoding="utf-8") if failed else ""

    @property
    def log(self) -> Path:
        """What it prints, beside its folder."""
        return self.folder.with_suffix(".log")

    def _refuse_another(self) -> None:
        """Not even one that was interrupted: its milestones would be those of another length."""
        note = self.folder.with_suffix(".words")
        if self.folder.is_dir() and note.is_file():
            words, _, weights = note.read_text(encoding="utf-8").partition("\n")
            known = weights and self.weights()  # a folder may be gone when its table is printed
            if words != self._bound or (known and known != weights):
                raise UserError(f"{self.folder} holds another run, see {note}. Remove it first.")

    @property
    def _bound(self) -> str:
        """The words that change what is computed."""
        pairs = zip(("", *self.words), self.words, strict=False)
        return " ".join(w for before, w in pairs if w not in FREE and before not in FREE)

    def note(self) -> None:
        """Write down beside the folder what is run there."""
        text = "\n".join([self._bound, self.weights()])
        with open_atomic(self.folder.with_suffix(".words")) as file:
            file.write(text.rstrip())

    def weights(self) -> str:
        """A hash of the weights that ``--pretrained`` or ``--initial`` names, "" without any."""
        words = dict(zip(self.words, self.words[1:], strict=False))
        given = place_of(words.get("--pretrained") or words.get("--initial", ""))
        places = (given / folder / name for folder in MODEL_FOLDERS for name in WEIGHTS)
        path = next((path for path in (given, *places) if path.is_file()), None)
        return file_hash(path, path.stat().st_mtime_ns) if path else ""


@cache
def file_hash(path: Path, changed: int) -> str:
    """Of a file's content; ``changed`` is when it last was, so that it is read once."""
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
