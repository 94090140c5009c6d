"""Whatever a user may name as a model, and what it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path

import torch

from mgf_brain.errors import UserError, one_line
from mgf_brain.folder import hub
from mgf_brain.folder.adapted import BASE_FILE, AdaptedFolder
from mgf_brain.folder.model_files import CONFIG_FILE
from mgf_brain.folder.model_names import BUNDLE, NAMED, is_class_name, no_folder
from mgf_brain.folder.source import YAML_FILE, OwnFolder, Source
from mgf_brain.folder.weights import WEIGHTS_FILE, Weight
from mgf_brain.folder.write import dump_expanded
from mgf_brain.foreign.published import Parts

CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
LONGEST_NAME = 255  # bytes of a file, where there is any limit

UNREADABLE = (ArithmeticError, AttributeError, ImportError, LookupError, RuntimeError)
UNREADABLE += (TypeError, ValueError)

Reader = Callable[[], Parts]


@dataclass(frozen=True)
class ForeignModel(Source):
    """A model of another library, as if it were a folder of ours.

    Arguments
    ---------
    kind : str
        What it is, in words.
    read : callable
        ``read()`` gives its parts; called once.
    """

    kind: str
    read: Reader
    remedy = "Say so to the maintainers of mgf_brain, or pass another model"

    @property
    def what(self) -> str:
        """What it is, in words."""
        return self.kind

    @cached_property
    def _parts(self) -> Parts:
        try:
            return self.read()
        except UNREADABLE as error:  # values that no library writes, or a class that breaks
            reason = one_line(error) or type(error).__name__
            raise UserError(f"{self.place}: {self.kind} that cannot be read ({reason}).") from error

    def yaml(self) -> str:
        """Of its parts."""
        return dump_expanded(self._parts.nodes)

    def header(self) -> dict[str, Weight]:
        """Of its parts."""
        return {
            name: Weight(tuple(x.shape), x.is_floating_point())
            for name, x in self._parts.weights.items()
        }

    def weights(self) -> dict[str, torch.Tensor]:
        """Of its parts."""
        return self._parts.weights


def open_model(name: str | os.PathLike | Source, trust: bool = False) -> Source:
    """What a name stands for, wherever a model may be named.

    Arguments
    ---------
    name : str, os.PathLike or Source
        One that comes with the package, ``mgf-mini``, see ``mgf_brain.folder.shipped``; a run's
        output folder, its ``pretrained/`` or ``model/``; ``user/name`` or ``user/name@revision``
        on the hub, which is fetched; a folder of transformers or of SpeechBrain;
        ``torchaudio:HUBERT_BASE``; a checkpoint of torchaudio or fairseq; or a class of one's own,
        ``package.module:Class``. What is a source already stays as it is.
    trust : bool
        Whether what runs programs may be read: SpeechBrain's folders, classes of one's own.

    Returns
    -------
    Source

    Raises
    ------
    UserError
        If it names no model; it says what it is instead.

    Example
    -------
    >>> run = getfixture("tmp_path")
    >>> (run / "pretrained").mkdir()
    >>> for file in ("hyperparams.yaml", "model.safetensors"):
    ...     (run / "pretrained" / file).touch()
    >>> open_model(run).place.name
    'pretrained'
    """
    if isinstance(name, Source):
        return name
    text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else name
    if isinstance(text, str) and not os.path.exists(text):
        if text.startswith(BUNDLE):
            return _foreign("of_torchaudio", text, "a model of torchaudio", text)
        if is_class_name(text):
            return _trusted("of_class", text, "a class of your own", trust, text)
    if isinstance(text, str) and len(os.path.basename(text)) > LONGEST_NAME:
        raise UserError(f"{text} is too long for a name. Pass {NAMED}.")
    path = hub.local_path(name)  # which says what is no name
    return _opened(path, str(text), trust)


def _opened(path: Path, name: str, trust: bool) -> Source:
    """What lies at a path."""
    if path.is_file():
        if path.suffix in CHECKPOINTS:
            return _foreign("of_checkpoint", name, "a checkpoint", path)
        raise UserError(f"{path} is a file, and no checkpoint. Pass {NAMED}.")
    if not path.is_dir():
        raise no_folder(path)
    for folder in (path, *(path / part for part in hub.RUN_FOLDERS)):
        if (folder / WEIGHTS_FILE).is_file() and (folder / YAML_FILE).is_file():
            name = hub.pinned(name, path)
            if (folder / BASE_FILE).is_file():
                return AdaptedFolder(folder, name, partial(open_model, trust=trust))
            return OwnFolder.at(folder, name)
    if (path / CONFIG_FILE).is_file():
        name = hub.pinned(name, path)
        return _foreign("of_transformers", name, "a model of transformers", path)
    if _is_speechbrain(path):
        return _trusted("of_speechbrain", name, "a folder of SpeechBrain", trust, path)
    if (path / YAML_FILE).is_file() and (path / "save").is_dir():
        raise UserError(f"{path} is a run that has left no model yet. Let it end first.")
    lacks = [file for file in (YAML_FILE, WEIGHTS_FILE) if not (path / file).is_file()]
    if len(lacks) == 1:
        raise UserError(f"{path} is no pretrained folder: it lacks {lacks[0]}.")
    raise UserError(f"{path} holds no model: neither {YAML_FILE} nor {CONFIG_FILE}. Pass {NAMED}.")


def _is_speechbrain(folder: Path) -> bool:
    from mgf_brain.foreign.speechbrain import is_speechbrain  # brings its lobes along

    return is_speechbrain(folder)


def _foreign(reader: str, name: str, what: str, at: str | Path) -> Source:
    """What a function of ``readers`` reads, once it is needed: they bring half of torch along."""
    return ForeignModel(Path(at), name, what, partial(_read, reader, at))


def _read(reader: str, at: str | Path) -> Parts:
    return getattr(import_module("mgf_brain.foreign.readers"), reader)(at)


def _trusted(reader: str, name: str, what: str, trust: bool, at: str | Path) -> Source:
    if not trust:
        raise UserError(
            f"{at} is {what}, which may run any program. Pass --trust True (mgf-brain: --trust; in "
            "Python trust=True) if you know it."
        )
    return _foreign(reader, name, what, at)
