"""Checkpoints that a kill at any moment cannot spoil, and the state that SpeechBrain leaves out."""

from __future__ import annotations

import os
import random
from functools import partial
from typing import Any

import numpy as np
import torch
from speechbrain.utils.checkpoints import (
    METAFNAME,
    Checkpointer,
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import ddp_barrier, get_rank, if_main_process


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, whose checkpoints count only once they are complete.

    SpeechBrain writes a checkpoint's meta file, which makes a folder a checkpoint, first: killed
    while it writes the rest, it later tries to load half a checkpoint. Here it comes last.

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
        """Save; see ``speechbrain.utils.checkpoints.Checkpointer.save_checkpoint``."""
        checkpoint = super().save_checkpoint(*args, **kwargs)
        if checkpoint is not None:  # the main process
            os.replace(checkpoint.path / f"{METAFNAME}.part", checkpoint.path / METAFNAME)
        ddp_barrier()  # before ranks list the folder: they would wait for each other for ever
        return checkpoint

    def _save_checkpoint_metafile(self, fpath, *args, **kwargs):
        return super()._save_checkpoint_metafile(f"{fpath}.part", *args, **kwargs)


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
