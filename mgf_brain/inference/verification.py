"""Telling whether two utterances are of the same speaker."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.inference.audio import Audio
from mgf_brain.inference.encoder import some_sound
from mgf_brain.inference.task import SpeechTask
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.masking import lengths_of


class Standardiser(nn.Module):
    """Subtracts a mean and divides by a deviation: in older folders, where no read-out does it.

    Arguments
    ---------
    dim : int
        Channels.

    Example
    -------
    >>> Standardiser(2)(torch.tensor([[3.0, 4.0]])).tolist()  # as long as nothing is set
    [[3.0, 4.0]]
    """

    mean: torch.Tensor  # (dim,), and so is the deviation
    deviation: torch.Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, dim) -> (B, dim)."""
        return (x - self.mean) / self.deviation


class SpeakerVerifier(SpeechTask):
    """An encoder whose embeddings are compared by their cosine, and a threshold.

    Arguments
    ---------
    encoder : Encoder
        Its ``embed`` is read.
    embedding_dim : int
        E.
    threshold : float, optional
        The cosine from which on two utterances count as the same speaker's: where misses equal
        false alarms among training speakers. Recipes without a training part have none, nor do
        those that tuned the encoder to it.

    Example
    -------
    >>> from mgf_brain.inference.encoder import example_encoder
    >>> verifier = SpeakerVerifier(example_encoder(), embedding_dim=64, threshold=0.5)
    >>> wav = torch.randn(16000)
    >>> verifier.embed([wav, wav], sample_rate=16000).shape
    torch.Size([2, 64])
    >>> round(verifier.score(wav, wav, sample_rate=16000), 4), verifier.same(wav, wav, 16000)
    (1.0, True)
    """

    sounding = True

    def __init__(
        self, encoder: Encoder, embedding_dim: int, threshold: float | None = None
    ) -> None:
        super().__init__(encoder)
        self.standardiser, self.threshold = Standardiser(embedding_dim), threshold

    def _try_out(self) -> object:
        return self.embed(some_sound(self.encoder), self.encoder.sample_rate)

    @torch.inference_mode()
    def embed(self, audio: Audio | Sequence[Audio], sample_rate: int | None = None) -> torch.Tensor:
        """One vector an utterance, to be compared by cosine.

        Arguments
        ---------
        audio : path, array or a list of those
            Files of any rate; or samples (N,), with their rate.
        sample_rate : int, optional
            Of arrays, in Hz.

        Returns
        -------
        torch.Tensor
            (B, E) float32, on the model's device; B is 1 if ``audio`` is no list.

        Raises
        ------
        UserError
            If audio cannot be read or is too short.
        """
        rows = [
            self.encoder.embed(wavs, lengths_of(wavs))
            for wavs in self.waveforms(audio, sample_rate)
        ]
        return self.standardiser(torch.cat(rows).float())

    def score(self, first: Audio, second: Audio, sample_rate: int | None = None) -> float:
        """Cosine of two utterances' embeddings, in [-1, 1]; arguments as of ``embed``."""
        embeddings = self.embed([first, second], sample_rate).double()
        return float(nn.functional.cosine_similarity(*embeddings, dim=0))

    def same(self, first: Audio, second: Audio, sample_rate: int | None = None) -> bool:
        """Whether two utterances are of the same speaker; arguments as of ``embed``.

        Raises
        ------
        UserError
            If the folder has no threshold.
        """
        if self.threshold is None:
            raise UserError(
                "threshold: this model has none, since its recipe had no training part, or tuned "
                "the encoder to it. Compare score(a, b) with a threshold of your own."
            )
        return self.score(first, second, sample_rate) >= self.threshold


def as_verifier(model: Encoder | SpeechTask) -> SpeakerVerifier:
    """Whatever embeds utterances, as what compares speakers; without a threshold if it has none.

    Example
    -------
    >>> from mgf_brain.inference.encoder import example_encoder
    >>> as_verifier(example_encoder()).threshold is None
    True
    """
    if isinstance(model, SpeakerVerifier):
        return model
    encoder = model.encoder if isinstance(model, SpeechTask) else model
    device = next(chain(encoder.parameters(), encoder.buffers())).device
    sound = some_sound(encoder)[None].to(device)
    width = encoder.embed(sound, lengths_of(sound)).shape[1]
    return SpeakerVerifier(encoder, width).to(device).eval()
