"""The ``encode`` of an object of one's own: tried, and checked whenever it is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.nn.chunks import each_row, padded_rows
from mgf_brain.nn.interfaces import ContextEncoder
from mgf_brain.spectrum import frame_count

TRIAL_SECONDS = (1.0, 0.6)  # of two utterances, the second of which is padded
TOLERANCE = 1e-4  # beyond which padding is said to change states


@runtime_checkable
class Own(Protocol):
    """What a class of one's own must offer; docs/any_model.md has an example."""

    sample_rate: int  # in Hz
    hop: int  # samples from one frame to the next
    window: int  # samples of a frame: there are (samples - window) // hop + 1

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor | Sequence[torch.Tensor], torch.Tensor]:
        """(B, N), (B,) samples -> one or more states (B, T, D), and (B,) valid frames."""
        ...


class OwnNetwork(ContextEncoder):
    """The object's ``encode``, tried and checked."""

    def __init__(self, own: Own) -> None:
        super().__init__()
        self.own, self.one_by_one = own, False
        # Says where an object without weights of its own is to run.
        self.register_buffer("place", torch.zeros(()), persistent=False)

    @property
    def layers(self) -> nn.ModuleList:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The object's, from the input up; none if it does not say."""
        found = getattr(self.own, "layers", None)
        return found if isinstance(found, nn.ModuleList) else nn.ModuleList()

    def try_out(self) -> None:
        """Encode two utterances, alone and together."""
        wavs, lengths = trial(self.own, TRIAL_SECONDS)
        training = self.training
        self.eval()
        with torch.no_grad():
            together = self._states(wavs, lengths)
            alone = [self._states(*row) for row in each_row(wavs, lengths)]
        self.train(training)
        self.num_states, self.dim = len(together), together[0].shape[2]
        self.one_by_one = any(
            not torch.allclose(layer[row, : x.shape[1]], x[0], atol=TOLERANCE)
            for row, states in enumerate(alone)
            for layer, x in zip(together, states, strict=True)
        )

    def forward(
        self, latents: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """(B, N) waveforms -> (B, T, D) each."""
        if len(latents) == 1 or not self.one_by_one:
            return self._states(latents, lengths)
        return padded_rows(self._states(*row) for row in each_row(latents, lengths))

    def _states(self, wavs: torch.Tensor, lengths: torch.Tensor) -> list[torch.Tensor]:
        name, made = type(self.own).__name__, self.own.encode(wavs, lengths)
        if not isinstance(made, tuple) or len(made) != 2:
            raise UserError(f"{name}.encode returns no pair of states and their lengths.")
        states, counts = made
        states = [states] if isinstance(states, torch.Tensor) else list(states)
        expected = frame_count(lengths, self.own.window, self.own.hop)
        most = int(expected.max())
        shapes = {tuple(x.shape[::2]) for x in states}
        if len(shapes) != 1 or any(x.dim() != 3 or x.shape[1] < most for x in states):
            found = [list(x.shape) for x in states]
            raise UserError(f"{name}.encode: states {found}, not ({len(wavs)}, {most}, D) each.")
        if counts.tolist() != expected.tolist():
            raise UserError(
                f"{name}.encode: {counts.tolist()} frames of {lengths.tolist()} samples, where "
                f"window {self.own.window} and hop {self.own.hop} give {expected.tolist()}."
            )
        return [x[:, :most] for x in states]


def trial(own: Own, seconds: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise of these lengths: (B, N), 0 at padding, and (B,)."""
    least = own.window + 4 * own.hop
    most = round(getattr(own, "longest_seconds", seconds[0]) * own.sample_rate)
    samples = [max(least, round(part * own.sample_rate)) for part in seconds]
    lengths = torch.tensor([min(most, count) for count in samples])
    noise = torch.randn(len(lengths), int(lengths[0]), generator=torch.Generator().manual_seed(0))
    return 0.1 * noise * (torch.arange(noise.shape[1]) < lengths[:, None]), lengths
