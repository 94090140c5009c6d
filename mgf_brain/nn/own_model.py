"""A network of one's own, with an ``encode``, where a ``SpeechModel`` fits."""

from __future__ import annotations

from typing import Any

import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.chunks import each_row
from mgf_brain.nn.frontends import Perturb
from mgf_brain.nn.interfaces import FrontEnd, UtteranceEmbedding
from mgf_brain.nn.own_network import TRIAL_SECONDS, Own, OwnNetwork, trial
from mgf_brain.nn.pooling import mean_and_deviation
from mgf_brain.nn.published_inputs import PublishedFrames, PublishedModel
from mgf_brain.spectrum import frame_count

NEEDED = ("sample_rate", "hop", "window")


class OwnModel(PublishedModel):
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
    >>> frames, states = model(torch.randn(2, 800), torch.tensor([800, 480]))
    >>> states[0].shape, frames.lengths.tolist(), model.encoder.num_states
    (torch.Size([2, 5, 160]), [5, 3], 1)
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
            wavs, lengths = trial(own, TRIAL_SECONDS[:1])
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


def _checked_embedding(own: Own, embedding: torch.Tensor) -> torch.Tensor:
    if not isinstance(embedding, torch.Tensor) or embedding.dim() != 2 or len(embedding) != 1:
        raise UserError(f"{type(own).__name__}.embed returns no tensor (B, E).")
    return embedding


def _positive(value: object) -> bool:
    return type(value) is int and value > 0
