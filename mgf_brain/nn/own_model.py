"""A network of one's own, with an ``encode``, where a ``SpeechModel`` fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from mgf_brain.errors import UserError
from mgf_brain.nn.chunks import each_row
from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.interfaces import ContextEncoder, FrontEnd, UtteranceEmbedding
from mgf_brain.nn.pooling import mean_and_deviation
from mgf_brain.nn.published_inputs import PublishedFrames
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.spectrum import frame_count

NEEDED = ("sample_rate", "hop", "window")
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


class OwnModel(SpeechModel):
    """An object with ``encode(wavs, lengths) -> states, lengths`` as a speech model.

    It is tried once on two utterances. Where padding changes its states, utterances are taken one
    by one. If it is a ``torch.nn.Module`` it can be trained further, moved and saved; its
    ``layers``, if it has them, are given rates by depth. If it has ``embed(wavs, lengths)``, that
    is the utterance's embedding: give ``SpeechEncoder`` an ``OwnEmbedding``.

    Arguments
    ---------
    own : object
        See ``Own``; optional: ``embed(wavs, lengths) -> (B, E)``, ``longest_seconds`` that it can
        take at once, ``layers``.

    Raises
    ------
    UserError
        If something is missing, or ``encode`` does not return what it should.

    Example
    -------
    >>> class Level:
    ...     sample_rate, hop, window = 16000, 160, 160
    ...     def encode(self, wavs, lengths):
    ...         return wavs.unfold(1, 160, 160).square(), lengths // 160
    >>> model = OwnModel(Level())
    >>> frames, states = model(torch.randn(2, 800), torch.tensor([800, 500]))
    >>> states[0].shape, frames.lengths.tolist(), model.encoder.num_states
    (torch.Size([1, 5, 160]), [5, 3], 1)
    """

    def __init__(self, own: Own) -> None:
        name = type(own).__name__
        missing = [key for key in NEEDED if not _positive(getattr(own, key, None))]
        if missing or not callable(getattr(own, "encode", None)):
            what = f"{missing[0]}, a whole number" if missing else "encode(wavs, lengths)"
            raise UserError(f"{name} lacks {what}. docs/any_model.md says what it must offer.")
        encoder = OwnNetwork(own)
        super().__init__(OwnInput(own), encoder)
        encoder.try_out()

    def encode(
        self,
        frames: Frames,
        mask: torch.Tensor | None = None,
        tracks: Mapping[str, torch.Tensor] = MappingProxyType({}),
    ) -> list[torch.Tensor]:
        """States of every layer; no frame can be masked."""
        assert isinstance(frames, PublishedFrames) and mask is None
        return self.encoder(frames.seen, frames.valid)


class OwnInput(FrontEnd):
    """Waveforms as they are; the object's embedding, if it makes one, is their colour."""

    dim = 1

    def __init__(self, own: Own) -> None:
        super().__init__()
        self.hop, self.window, self.sample_rate = own.hop, own.window, own.sample_rate
        if (seconds := getattr(own, "longest_seconds", None)) is not None:
            self.longest_seconds = float(seconds)
        self._embed: Any = (getattr(own, "embed", None),)  # a tuple: its weights are held once
        self.colour_dim = 0
        if callable(self._embed[0]):
            wavs, lengths = _trial(own, TRIAL_SECONDS[:1])
            with torch.no_grad():
                self.colour_dim = _checked_embedding(own, self._embed[0](wavs, lengths)).shape[1]

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> PublishedFrames:
        """(B, N) samples -> the same; ``perturb`` is not applied."""
        counts = frame_count(lengths, self.window, self.hop)
        colour = wavs.new_zeros(len(wavs), 0)
        if self.colour_dim:
            rows = [self._embed[0](*row) for row in each_row(wavs, lengths)]
            colour = torch.cat(rows).float()
        none = wavs.new_zeros(len(wavs), 0, 0)
        return PublishedFrames(wavs, counts, wavs, none, colour, wavs, lengths)


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
        wavs, lengths = _trial(self.own, TRIAL_SECONDS)
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
        rows = [self._states(*row) for row in each_row(latents, lengths)]
        return [pad_sequence([x[0] for x in layer], True) for layer in zip(*rows, strict=True)]

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


class OwnEmbedding(UtteranceEmbedding):
    """The embedding that the model itself makes of an utterance: see ``OwnModel``.

    Example
    -------
    >>> states, embedding = [torch.randn(2, 5, 8)], torch.randn(2, 3)
    >>> torch.equal(OwnEmbedding()(states, torch.ones(2, 5).bool(), embedding), embedding)
    True
    """

    def pooled(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """(B, 2 D); nothing is made of it."""
        return mean_and_deviation(states[-1], valid)

    def project(self, pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """(B, E) as it is; of a long recording the mean of its parts."""
        return colour


def _trial(own: Own, seconds: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise of these lengths: (B, N), 0 at padding, and (B,)."""
    least = own.window + 4 * own.hop
    most = round(getattr(own, "longest_seconds", seconds[0]) * own.sample_rate)
    samples = [max(least, round(part * own.sample_rate)) for part in seconds]
    lengths = torch.tensor([min(most, count) for count in samples])
    noise = torch.randn(len(lengths), int(lengths[0]), generator=torch.Generator().manual_seed(0))
    return 0.1 * noise * (torch.arange(noise.shape[1]) < lengths[:, None]), lengths


def _checked_embedding(own: Own, embedding: torch.Tensor) -> torch.Tensor:
    if not isinstance(embedding, torch.Tensor) or embedding.dim() != 2 or len(embedding) != 1:
        raise UserError(f"{type(own).__name__}.embed returns no tensor (B, E).")
    return embedding


def _positive(value: object) -> bool:
    return type(value) is int and value > 0
