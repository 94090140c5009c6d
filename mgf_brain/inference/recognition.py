"""Writing down what is said, in files of any length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import torch

from mgf_brain.errors import UserError
from mgf_brain.inference.audio import Audio
from mgf_brain.inference.encoder import some_sound
from mgf_brain.inference.task import SpeechTask
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens, best_path
from mgf_brain.nn.chunks import CHUNK_SECONDS, OVERLAP_SECONDS, chunks_of, cut_chunks
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.masking import lengths_of
from mgf_brain.spectrum import frame_count


class SpeechRecognizer(SpeechTask):
    """An encoder, a CTC head on its layers, and the symbols that it writes.

    Arguments
    ---------
    encoder : Encoder
        Its ``encode`` is read.
    head : CTCHead
    tokens : Tokens or SentencePieceTokens
        Characters, phones or units. In a folder, SentencePiece's model is a file of its own.
    chunk_seconds, overlap_seconds : float
        Longer files are cut into chunks of this length that overlap so much.

    Raises
    ------
    UserError
        If chunks would be nothing but overlap.

    Example
    -------
    >>> from mgf_brain.nn.ctc_head import CTCHead
    >>> from mgf_brain.inference.encoder import example_encoder
    >>> head = CTCHead(num_states=3, dim=32, hop=640, tokens=3)
    >>> recognizer = SpeechRecognizer(example_encoder(stack=4), head, Tokens("AB")).eval()
    >>> set(recognizer.transcribe(torch.randn(16000), sample_rate=16000)) <= set("AB")
    True
    """

    def __init__(
        self,
        encoder: Encoder,
        head: CTCHead,
        tokens: Tokens | SentencePieceTokens,
        chunk_seconds: float = CHUNK_SECONDS,
        overlap_seconds: float = OVERLAP_SECONDS,
    ) -> None:
        super().__init__(encoder)
        self.head, self.tokens = head, tokens
        self.unit = encoder.hop * head.stack  # samples of a stacked frame
        self.chunk, self.overlap = (
            max(1, round(seconds * encoder.sample_rate / self.unit))
            for seconds in (chunk_seconds, overlap_seconds)
        )
        if self.overlap >= self.chunk:
            raise UserError(
                f"overlap_seconds: {overlap_seconds} s is no part of chunk_seconds, "
                f"{chunk_seconds} s. Make it shorter."
            )

    def _try_out(self) -> object:
        return self.transcribe(some_sound(self.encoder), self.encoder.sample_rate)

    @classmethod
    def _completed(cls, parts: dict[str, Any], folder: str | Path) -> dict[str, Any]:
        if isinstance(parts["tokens"], str):  # a file beside the yaml, whatever path it claims
            path = Path(folder) / Path(parts["tokens"]).name
            try:
                parts["tokens"] = SentencePieceTokens(path)
            except (OSError, RuntimeError) as error:
                raise UserError(
                    f"{path} holds no units ({error}). Copy the folder anew."
                ) from error
        return parts

    @overload
    def transcribe(self, audio: Audio, sample_rate: int | None = None) -> str: ...

    @overload
    def transcribe(self, audio: Sequence[Audio], sample_rate: int | None = None) -> list[str]: ...

    def transcribe(
        self, audio: Audio | Sequence[Audio], sample_rate: int | None = None
    ) -> str | list[str]:
        """Write down an utterance, or several, by the best path of CTC.

        Arguments
        ---------
        audio : path, array or a list of those
            Files of any rate and length; or samples (N,), with their rate.
        sample_rate : int, optional
            Of arrays, in Hz.

        Returns
        -------
        str
            Words, or phones with spaces between them; for a list of audio a list of those.

        Raises
        ------
        UserError
            If audio cannot be read or is too short.
        """
        texts = [
            self.tokens.decode(best_path(self.log_probabilities(wavs).argmax(-1).tolist()))
            for wavs in self.waveforms(audio, sample_rate)
        ]
        return texts if isinstance(audio, (list, tuple)) else texts[0]

    @torch.inference_mode()
    def log_probabilities(self, wavs: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the tokens, those of chunks joined where the file is long.

        Of each overlap the first half comes from the chunk before and the second from the one
        after, so that what is kept has seen at least half an overlap on either side. If that is
        all that encoder and head see, the result is that of the whole file.

        Arguments
        ---------
        wavs : torch.Tensor
            (1, N) at the encoder's rate.

        Returns
        -------
        torch.Tensor
            (slots, tokens).
        """
        window, hop = self.encoder.window, self.encoder.hop
        frames = frame_count(wavs.shape[1], window, hop)
        count, margin = -(-frames // self.head.stack), window - hop
        if count <= self.chunk:
            return self._log_probabilities(wavs)
        chunks, slots = cut_chunks(count, self.chunk, self.overlap), self.head.slots
        pieces = [
            self._log_probabilities(piece)[kept.start * slots : kept.stop * slots]
            for piece, kept in chunks_of(wavs, chunks, self.unit, margin)
        ]
        return torch.cat(pieces)

    def _log_probabilities(self, wavs: torch.Tensor) -> torch.Tensor:
        states, lengths = self.encoder.encode(wavs, lengths_of(wavs))
        return self.head(torch.stack(states, dim=2).float(), lengths)[0][0]
