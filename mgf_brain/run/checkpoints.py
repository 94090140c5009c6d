"""Checkpoints that a kill at any moment cannot spoil, and the state that SpeechBrain leaves out."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import torch
import yaml
from speechbrain.utils.checkpoints import (
    CKPT_PREFIX,
    METAFNAME,
    Checkpoint,
    Checkpointer,
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import ddp_barrier, get_rank, if_main_process

from mgf_brain.errors import UserError, one_line, refusal
from mgf_brain.files import crc32_of


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, whose checkpoints count only once they are complete.

    SpeechBrain writes a checkpoint's meta file, which makes a folder a checkpoint, first: killed
    while it writes the rest, it later tries to load half a checkpoint. Here it comes last, with
    checksums of the others. SpeechBrain's latest checkpoint is that of the latest time, which
    clocks can set back; here it is that of most optimizer steps.

    Example
    -------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> checkpointer = AtomicCheckpointer(folder, {"model": torch.nn.Linear(1, 1)})
    >>> _ = checkpointer.save_checkpoint()
    >>> checkpointer.recover_if_possible() is not None
    True
    """

    def save_checkpoint(self, *args, **kwargs):
        """Save; see ``speechbrain.utils.checkpoints.Checkpointer.save_checkpoint``.

        Where the disk is full, the room that half a checkpoint takes is given back.

        Raises
        ------
        UserError
            If the machine refuses to write it.
        """
        try:
            checkpoint = super().save_checkpoint(*args, **kwargs)
            if checkpoint is not None:  # the main process
                _complete(checkpoint)
        except Exception as error:
            self.remove_unfinished()
            if line := refusal(error):
                raise UserError(f"No checkpoint in {self.checkpoints_dir}: {line}") from error
            raise
        ddp_barrier()  # before ranks list the folder: they would wait for each other for ever
        return checkpoint

    def _save_checkpoint_metafile(self, fpath, *args, **kwargs):
        return super()._save_checkpoint_metafile(f"{fpath}.part", *args, **kwargs)

    def save_and_keep_only(self, *args, **kwargs):
        """Save and delete older ones; see SpeechBrain's."""
        kwargs = {"keep_recent": False, "importance_keys": [steps_of], **kwargs}
        super().save_and_keep_only(*args, **kwargs)

    def find_checkpoints(
        self,
        importance_key: Callable[[Checkpoint], Any] | None = None,
        max_key: str | None = None,
        min_key: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> list[Checkpoint]:
        """Checkpoints, the most important first; see SpeechBrain's."""
        if not (max_key or min_key):
            importance_key = importance_key or steps_of
        return super().find_checkpoints(importance_key, max_key, min_key, *args, **kwargs)

    def remove_unfinished(self) -> None:
        """Remove what killed or refused savings left; the main process does."""
        if if_main_process():
            for folder in self.checkpoints_dir.glob(f"{CKPT_PREFIX}+*"):
                if not folder.is_dir():
                    folder.unlink()  # a file, or a link to nothing
                elif not (folder / METAFNAME).exists() and not folder.is_symlink():
                    shutil.rmtree(folder)

    def recover_if_possible(self, *args, **kwargs):
        """Load the latest checkpoint; see SpeechBrain's.

        Raises
        ------
        UserError
            If it is damaged.
        """
        self.remove_unfinished()
        ddp_barrier()
        return super().recover_if_possible(*args, **kwargs)

    def load_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Load one, unless a byte of it has changed."""
        noted = checkpoint.meta.get("files", {})
        _verify(checkpoint, noted.keys() | {path.name for path in checkpoint.paramfiles.values()})
        with _unreadable(checkpoint.path, checkpoint, sound=bool(noted)):
            super().load_checkpoint(checkpoint)

    def progress_of(self, checkpoint: Checkpoint) -> Progress:
        """What a checkpoint says of the run, before anything is loaded."""
        progress, path = Progress(), checkpoint.path / "progress.ckpt"
        _verify(checkpoint, [path.name])
        with _unreadable(path, checkpoint, sound="files" in checkpoint.meta):
            progress.load(str(path), end_of_epoch=False)
        return progress

    @staticmethod
    def _construct_checkpoint_objects(checkpoint_dirs):
        found = []
        for folder in checkpoint_dirs:
            try:
                found += Checkpointer._construct_checkpoint_objects([folder])
                facts = found[-1].meta
                numbers = (facts["unixtime"], facts["end-of-epoch"], facts.get("step", 0))
                if not all(isinstance(x, (int, float)) for x in numbers):
                    raise ValueError("no numbers")
                facts.get("files", {}).keys()
                steps_of(found[-1])
            except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise _damaged(folder / METAFNAME, folder) from error
        return found


def _complete(checkpoint: Checkpoint) -> None:
    """Note the checksums, and make a checkpoint of the folder."""
    part = checkpoint.path / f"{METAFNAME}.part"
    files = [path for path in sorted(checkpoint.path.iterdir()) if path != part]
    noted = {path.name: None if is_zipfile(path) else crc32_of(path) for path in files}
    with open(part, "a", encoding="utf-8") as file:
        yaml.dump({"files": noted}, file)
    os.replace(part, checkpoint.path / METAFNAME)


def _verify(checkpoint: Checkpoint, names: Iterable[str]) -> None:
    noted = checkpoint.meta.get("files", {})
    for name in names:
        if not _sound(checkpoint.path / name, noted.get(name)):
            raise _damaged(checkpoint.path / name, checkpoint.path)


def _sound(path: Path, checksum: int | None) -> bool:
    """Whether a file is as it was; torch's are zip archives with checksums, which it ignores."""
    if not path.is_file():
        return False
    if checksum is not None:
        return crc32_of(path) == checksum
    if path.stem in ("brain", "counter"):  # the texts of an older checkpoint, which noted nothing
        return True
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except (BadZipFile, ValueError, RuntimeError, NotImplementedError):
        return False


@contextmanager
def _unreadable(file: Path, checkpoint: Checkpoint, sound: bool) -> Iterator[None]:
    """Whatever torch and yaml raise, as a line: the machine's fault, the classes', or damage."""
    try:
        yield
    except (UserError, OSError):
        raise
    except Exception as error:
        if line := refusal(error):
            raise UserError(f"{file}: {line}") from error
        if not sound:  # an older one, without checksums
            raise _damaged(file, checkpoint.path) from error
        raise UserError(
            f"{file} is whole, but does not fit the run ({one_line(error)}). Continue it with the "
            "version that began it, or pass another --output_folder."
        ) from error


def _damaged(file: Path, folder: Path) -> UserError:
    others = sum((path / METAFNAME).exists() for path in folder.parent.glob(f"{CKPT_PREFIX}+*"))
    where = "an older checkpoint" if others > 1 else "its beginning"
    return UserError(f"{file} is damaged. Delete {folder}: the run then goes on from {where}.")


def steps_of(checkpoint: Checkpoint) -> tuple[int, bool]:
    """How far a run was: its optimizer steps, and whether an epoch was over with them.

    Example
    -------
    >>> steps_of(Checkpoint(Path("CKPT+1"), {"step": 20, "end-of-epoch": False}, {}))
    (20, False)
    """
    step = checkpoint.meta.get("step")
    if step is None and "brain" in checkpoint.paramfiles:  # as older ones
        brain = yaml.safe_load(checkpoint.paramfiles["brain"].read_text(encoding="utf-8"))
        step = brain.get("optimizer_step")
    return step or 0, checkpoint.meta["end-of-epoch"]


@partial(register_checkpoint_hooks, save_on_main_only=False)
class RandomState:
    """The state of every random generator that dropout and the like draw from, on every rank.

    Example
    -------
    >>> import tempfile
    >>> state, path = RandomState(), tempfile.mktemp()
    >>> state.save(path)
    >>> first = torch.rand(1)
    >>> state.load(path, end_of_epoch=False)
    >>> bool(first == torch.rand(1))
    True
    """

    @mark_as_saver
    def save(self, path: str) -> None:
        """Write the states of torch, CUDA, NumPy and Python; called on all ranks."""
        states: list[dict[str, Any] | None] = [self._get()]
        if torch.distributed.is_initialized():
            states = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(states, self._get())
        if if_main_process():
            torch.save(states, path)

    @staticmethod
    def _get() -> dict[str, Any]:
        numpy = np.random.get_state(legacy=False)
        keys, position = numpy["state"]["key"], numpy["state"]["pos"]
        version, internal, gauss_next = random.getstate()
        return {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numpy": (
                numpy["bit_generator"],
                torch.from_numpy(keys.astype(np.int64)),
                position,
                numpy["has_gauss"],
                numpy["gauss"],
            ),
            "python": (version, list(internal), gauss_next),
        }

    @mark_as_loader
    def load(self, path: str, end_of_epoch: bool) -> None:
        """Set this rank's states; with another number of ranks, no run goes on exactly."""
        del end_of_epoch
        ranks = torch.load(path, weights_only=True)
        states = ranks[(get_rank() or 0) % len(ranks)]
        torch.set_rng_state(states["torch"])
        if states["cuda"] and torch.cuda.device_count() == len(states["cuda"]):
            torch.cuda.set_rng_state_all(states["cuda"])
        kind, keys, *rest = states["numpy"]
        np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
        version, internal, gauss_next = states["python"]
        random.setstate((version, tuple(internal), gauss_next))


@register_checkpoint_hooks
class Progress:
    """What a run has done so far: the sampler's place and the totals that results report.

    Example
    -------
    >>> Progress().audio_seconds
    0.0
    """

    def __init__(self) -> None:
        self.sampler: dict[str, int] = {}
        self.data: dict[str, Any] = {}  # what it was trained on, see ``trained_on.py``
        self.audio_seconds = 0.0  # unpadded, entering the encoder
        self.training_seconds = 0.0  # wall clock with loading, without validation
        self.wall_seconds = 0.0  # of all sessions of a run that was resumed

    @mark_as_saver
    def save(self, path: str) -> None:
        """Write the attributes."""
        torch.save(vars(self), path)

    @mark_as_loader
    def load(self, path: str, end_of_epoch: bool) -> None:
        """Read the attributes.

        Example
        -------
        >>> path, first, second = str(getfixture("tmp_path") / "progress"), Progress(), Progress()
        >>> first.audio_seconds = 9.0
        >>> first.save(path)
        >>> second.load(path, end_of_epoch=True)
        >>> second.audio_seconds
        9.0
        """
        del end_of_epoch
        vars(self).update(torch.load(path, weights_only=True))
