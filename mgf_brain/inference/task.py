"""What the classes for a task share: an encoder, a folder to load from, and audio as input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from mgf_brain.folder.read import load_model
from mgf_brain.folder.source import Source
from mgf_brain.foreign.source import open_model
from mgf_brain.inference.audio import Audio, read_inputs
from mgf_brain.nn.interfaces import Encoder

Task = TypeVar("Task", bound="SpeechTask")


class SpeechTask(nn.Module):
    """An encoder with what was trained upon it.

    Arguments
    ---------
    encoder : Encoder
        A ``SpeechEncoder``, or whatever else has its interface.
    """

    sounding = False  # whether what it says of digital silence would be wrong

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    @classmethod
    def from_pretrained(
        cls: type[Task], folder: str | Path | Source, device: str = "cpu", trust: bool = False
    ) -> Task:
        """Load the ``model/`` of a downstream run.

        Arguments
        ---------
        folder : str or Path
            Or the run itself; one that comes with the package, see ``mgf_brain.folder.shipped``;
            or a name on the hub, ``user/name`` or ``user/name@revision``, which is downloaded.
        device : str
            Where the model is to run, such as "cuda:0".
        trust : bool
            Build whatever the yaml names, which can run any program, instead of mgf_brain's models
            alone: for folders of your own that name classes of your own.

        Returns
        -------
        SpeechTask
            In evaluation mode.

        Raises
        ------
        UserError
            If there is no such folder, it lacks a file, names what is refused, or holds something
            else.
        """
        source = open_model(folder, trust)
        complete = partial(cls._completed, folder=source.place)
        return load_model(cls, source, device, trust, complete, cls._try_out)

    def _try_out(self) -> object:
        """Use the model once."""
        raise NotImplementedError

    @classmethod
    def _completed(cls, parts: dict[str, Any], folder: str | Path) -> dict[str, Any]:
        """The arguments of the class, what lies in files of its own included."""
        return parts

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return next(chain(self.parameters(), self.buffers())).device  # fbank has no parameters

    def waveforms(
        self, audio: Audio | Sequence[Audio], sample_rate: int | None
    ) -> Iterator[torch.Tensor]:
        """Each waveform as a batch of its own, (1, N), on the model's device."""
        encoder = self.encoder
        rate, shortest = encoder.sample_rate, encoder.window
        for wav in read_inputs(audio, sample_rate, rate, shortest, self.sounding):
            yield wav[None].to(self.device)
