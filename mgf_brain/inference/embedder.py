"""What a model of any kind makes of a file: a vector, or the states of its frames."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import torch

from mgf_brain.errors import UserError
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.inference import SpeakerVerifier
from mgf_brain.inference.audio import read_inputs
from mgf_brain.inference.task import SpeechTask
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.masking import lengths_of

Arrays = dict[str, np.ndarray]


class Embedder:
    """Reads a file and returns arrays.

    Arguments
    ---------
    model : Encoder or SpeechTask
        Of a model for a task, its encoder counts.
    layer : int, optional
        Whose states are taken, 0 being the encoder's input. Without one, the model's own embedding,
        or the frames of all layers.
    frames : bool
        Whether every frame is wanted, not one vector a file.

    Raises
    ------
    UserError
        If there is no such layer.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> embedder = Embedder(example_encoder(layers=2), layer=2)
    >>> embedder.of(torch.randn(1, 16000))["embedding"].shape
    (32,)
    >>> arrays = Embedder(example_encoder(layers=2), frames=True).of(torch.randn(1, 16000))
    >>> arrays["states"].shape, arrays["times"].shape
    ((3, 24, 32), (24,))
    """

    def __init__(
        self, model: Encoder | SpeechTask, layer: int | None = None, frames: bool = False
    ) -> None:
        self.model, self.layer, self.frames = model, layer, frames
        self.encoder = model.encoder if isinstance(model, SpeechTask) else model
        self.device = next(chain(model.parameters(), model.buffers())).device
        last = self.encoder.num_states - 1
        if layer is not None and not 0 <= layer <= last:
            raise UserError(f"--layer {layer}: this encoder has the layers 0 to {last}.")

    def settings(self) -> str:
        """What decides about the arrays beside the audio, in words with a hash of the model."""
        what = "frames" if self.frames else "embedding"
        layer = "" if self.layer is None else f" of layer {self.layer}"
        return f"{what}{layer}, model {encoder_fingerprint(self.model, 'states')}"

    def __call__(self, path: Path) -> Arrays:
        """Arrays of a file; `UserError` if it cannot be read, is too short or silent."""
        encoder = self.encoder
        rate, shortest = encoder.sample_rate, encoder.window
        (wav,) = read_inputs(path, None, rate, shortest, sounding=not self.frames)
        return self.of(wav[None])

    @torch.inference_mode()
    def of(self, wavs: torch.Tensor) -> Arrays:
        """Arrays of a waveform.

        Arguments
        ---------
        wavs : torch.Tensor
            (1, N) at the encoder's rate.

        Returns
        -------
        dict of str to numpy.ndarray
            float32: "embedding" (E,); or "states" (T, D) of the layer, (L, T, D) of all, and
            "times" (T,), the middle of each frame in seconds.
        """
        wavs = wavs.to(self.device)
        if self.layer is None and not self.frames:
            return {"embedding": self._embedding(wavs)}
        states, (count,) = self.encoder.encode(wavs, lengths_of(wavs))
        states = torch.stack(states)[:, 0, :count].float()  # (L, T, D)
        if self.layer is not None:
            states = states[self.layer]  # (T, D)
        if self.frames:
            return {"states": states.cpu().numpy(), "times": self._times(int(count))}
        return {"embedding": states.mean(0).cpu().numpy()}

    def _embedding(self, wavs: torch.Tensor) -> np.ndarray:
        if isinstance(self.model, SpeakerVerifier):  # standardises by its training speakers
            rows = self.model.embed(wavs[0], self.encoder.sample_rate)
        else:
            rows = self.encoder.embed(wavs, lengths_of(wavs))
        return rows[0].float().cpu().numpy()

    def _times(self, count: int) -> np.ndarray:
        starts = np.arange(count) * self.encoder.hop
        return ((starts + self.encoder.window / 2) / self.encoder.sample_rate).astype(np.float32)
