"""Taking noise out of speech, in files of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch

from mgf_brain.errors import UserError
from mgf_brain.inference.audio import Audio
from mgf_brain.inference.encoder import some_sound
from mgf_brain.inference.task import SpeechTask
from mgf_brain.nn.chunks import CHUNK_SECONDS, cut_chunks
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.mask_head import MaskHead
from mgf_brain.nn.masking import lengths_of

OVERLAP_SECONDS = 1.0  # over which one chunk is faded into the next


class Enhancer(SpeechTask):
    """An encoder, and a head on its layers that masks the noisy spectrum.

    Arguments
    ---------
    encoder : Encoder
        Its ``encode`` is read.
    head : MaskHead
    chunk_seconds, overlap_seconds : float
        Longer files are cut into chunks of this length that overlap so much.

    Raises
    ------
    UserError
        If chunks would be nothing but overlap.

    Example
    -------
    >>> from mgf_brain.nn.mask_head import MaskHead
    >>> from mgf_brain.inference.encoder import example_encoder
    >>> encoder = example_encoder()
    >>> head = MaskHead(encoder.num_states, encoder.dim, encoder.hop, encoder.window, layers=1)
    >>> enhancer = Enhancer(encoder, head).eval()
    >>> enhancer.enhance(torch.randn(8000), sample_rate=8000).shape  # 16 kHz
    torch.Size([16000])
    """

    def __init__(
        self,
        encoder: Encoder,
        head: MaskHead,
        chunk_seconds: float = CHUNK_SECONDS,
        overlap_seconds: float = OVERLAP_SECONDS,
    ) -> None:
        super().__init__(encoder)
        self.head = head
        self.chunk, self.overlap = (
            round(seconds * encoder.sample_rate) for seconds in (chunk_seconds, overlap_seconds)
        )
        # The last chunk is longer than the overlap alone, which thus holds a frame of the encoder.
        if not encoder.window <= self.overlap < self.chunk:
            raise UserError(
                f"overlap_seconds: {overlap_seconds} s must hold a frame "
                f"({encoder.window / encoder.sample_rate:.3f} s) and be shorter than "
                f"chunk_seconds, {chunk_seconds} s."
            )

    def _try_out(self) -> object:
        return self.enhance(some_sound(self.encoder), self.encoder.sample_rate)

    @overload
    def enhance(self, audio: Audio, sample_rate: int | None = None) -> torch.Tensor: ...

    @overload
    def enhance(
        self, audio: Sequence[Audio], sample_rate: int | None = None
    ) -> list[torch.Tensor]: ...

    def enhance(
        self, audio: Audio | Sequence[Audio], sample_rate: int | None = None
    ) -> torch.Tensor | list[torch.Tensor]:
        """Take the noise out of an utterance, or of several.

        Arguments
        ---------
        audio : path, array or a list of those
            Files of any rate and length; or samples (N,), with their rate.
        sample_rate : int, optional
            Of arrays, in Hz.

        Returns
        -------
        torch.Tensor
            (samples,) float32 at the encoder's rate, 16 kHz, on the CPU; for a list of audio a
            list of those.

        Raises
        ------
        UserError
            If audio cannot be read or is too short.
        """
        made = [self(wavs)[0].cpu() for wavs in self.waveforms(audio, sample_rate)]
        return made if isinstance(audio, (list, tuple)) else made[0]

    @torch.inference_mode()
    def forward(self, wavs: torch.Tensor) -> torch.Tensor:
        """Enhanced waveforms, chunks of them faded into each other where they are long.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N) at the encoder's rate, without padding.

        Returns
        -------
        torch.Tensor
            (B, N).
        """
        count = wavs.shape[1]
        if count <= self.chunk:
            return self._enhance(wavs)
        made = torch.zeros_like(wavs)
        rise = torch.linspace(0, 1, self.overlap + 2, device=wavs.device)[1:-1]
        for start, stop, *_ in cut_chunks(count, self.chunk, self.overlap):
            piece = self._enhance(wavs[:, start:stop])
            if start:
                piece[:, : self.overlap] *= rise
            if stop < count:
                piece[:, -self.overlap :] *= 1 - rise
            made[:, start:stop] += piece
        return made

    def _enhance(self, wavs: torch.Tensor) -> torch.Tensor:
        lengths = lengths_of(wavs)
        states, frames = self.encoder.encode(wavs, lengths)
        return self.head(torch.stack(states, dim=2).float(), frames, wavs, lengths)
