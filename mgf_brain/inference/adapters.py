"""Models as ``speechbrain.inference`` calls its modules, for ``mgf_brain.interchange.speechbrain``.

Its classes hand over waveforms (B, N) and relative lengths (B,), the longest being 1.
"""

from __future__ import annotations

from typing import Any, Generic

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from mgf_brain.data.resampling import resample
from mgf_brain.inference.batches import check_batch
from mgf_brain.inference.classification import UtteranceClassifier
from mgf_brain.inference.recognition import SpeechRecognizer
from mgf_brain.inference.task import SpeechTask, Task
from mgf_brain.inference.tokens import best_path
from mgf_brain.inference.verification import SpeakerVerifier


class PassOn(nn.Module):
    """In place of SpeechBrain's features and normalisation, which our encoders have inside.

    Example
    -------
    >>> PassOn()(torch.ones(2), torch.ones(1)).tolist()
    [1.0, 1.0]
    """

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """x itself."""
        return x


class MonoAudio:
    """``audio_normalizer``: channels are averaged and resampled as ``read_audio`` does it.

    SpeechBrain's resampling differs by 1e-6, which the logarithm of faint bands makes more of.

    Arguments
    ---------
    sample_rate : int
        In Hz.

    Example
    -------
    >>> MonoAudio(sample_rate=16000)(torch.randn(8000, 2), 8000).shape
    torch.Size([16000])
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate

    def __call__(self, audio: torch.Tensor, sample_rate: int) -> torch.Tensor:
        """(N,) or (N, channels) of any rate, in Hz -> (N',)."""
        wav = audio if audio.dim() == 1 else audio.mean(1)
        return resample(wav, sample_rate, self.sample_rate)  # wav itself where rates are equal


class _Adapter(nn.Module, Generic[Task]):
    """A model of ours, called as SpeechBrain calls its modules.

    Arguments
    ---------
    model : SpeechTask
    """

    def __init__(self, model: Task) -> None:
        super().__init__()
        self.model = model

    def samples(self, wavs: torch.Tensor, wav_lens: torch.Tensor) -> torch.Tensor:
        """(B, N) waveforms and (B,) relative lengths -> (B,) int64 lengths in samples."""
        return check_batch(wavs, wav_lens, self.model.encoder.window, relative=True)


class LayerStates(_Adapter[SpeechTask]):
    """``encoder`` of ``WaveformEncoder``.

    Example
    -------
    >>> from mgf_brain.inference import SpeakerVerifier, example_encoder
    >>> states = LayerStates(SpeakerVerifier(example_encoder(), embedding_dim=64))
    >>> made = states(torch.randn(1, 8000), torch.ones(1))
    >>> made["embeddings"].shape, len(made["states"]), made["lengths"].tolist()
    (torch.Size([1, 12, 32]), 3, [12])
    """

    def forward(self, wavs: torch.Tensor, wav_lens: torch.Tensor) -> dict[str, Any]:
        """Encode waveforms.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N).
        wav_lens : torch.Tensor
            (B,), relative.

        Returns
        -------
        dict
            ``embeddings`` (B, T, D), the top state, which ``encode_file`` returns; ``states``, the
            list of all; ``lengths`` (B,), valid frames.
        """
        states, lengths = self.model.encoder.encode(wavs, self.samples(wavs, wav_lens))
        return {"embeddings": states[-1], "states": states, "lengths": lengths}


class Embedding(_Adapter[SpeakerVerifier]):
    """``embedding_model`` of ``SpeakerRecognition``: what ``SpeakerVerifier`` compares.

    Example
    -------
    >>> from mgf_brain.inference import SpeakerVerifier, example_encoder
    >>> embedding = Embedding(SpeakerVerifier(example_encoder(), embedding_dim=64))
    >>> embedding(torch.randn(2, 8000), torch.ones(2)).shape
    torch.Size([2, 1, 64])
    """

    def forward(self, wavs: torch.Tensor, wav_lens: torch.Tensor) -> torch.Tensor:
        """(B, N) waveforms and (B,) relative lengths -> (B, 1, E)."""
        rows = self.model.encoder.embed(wavs, self.samples(wavs, wav_lens))
        return self.model.standardiser(rows.float())[:, None]


class ProbeInput(_Adapter[UtteranceClassifier]):
    """``embedding_model`` of ``EncoderClassifier``: the weighted sum that the head classifies.

    Example
    -------
    >>> from mgf_brain.inference import UtteranceClassifier, example_encoder
    >>> from mgf_brain.nn import Probe
    >>> model = UtteranceClassifier(example_encoder(), Probe(3, 224, classes=2), ["calm", "angry"])
    >>> ProbeInput(model)(torch.randn(2, 8000), torch.ones(2)).shape
    torch.Size([2, 1, 224])
    """

    def forward(self, wavs: torch.Tensor, wav_lens: torch.Tensor) -> torch.Tensor:
        """(B, N) waveforms and (B,) relative lengths -> (B, 1, F)."""
        statistics = self.model.encoder.statistics(wavs, self.samples(wavs, wav_lens))
        return self.model.head.weighted_sum(statistics)[:, None]


class ProbeOutput(_Adapter[UtteranceClassifier]):
    """``classifier`` of ``EncoderClassifier``, after ``ProbeInput``.

    Example
    -------
    >>> from mgf_brain.inference import UtteranceClassifier, example_encoder
    >>> from mgf_brain.nn import Probe
    >>> model = UtteranceClassifier(example_encoder(), Probe(3, 224, classes=2), ["calm", "angry"])
    >>> ProbeOutput(model)(torch.randn(2, 1, 224)).exp().sum(-1).shape
    torch.Size([2, 1])
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, F) -> log-probabilities (B, 1, classes)."""
        return self.model.head.classifier(x).log_softmax(-1)


class TokenLogProbabilities(_Adapter[SpeechRecognizer]):
    """``encoder`` of ``EncoderASR``: log-probabilities of the tokens, long files in chunks.

    Each row goes through the model by itself, as in ``SpeechRecognizer.transcribe``.

    Example
    -------
    >>> from mgf_brain.nn.ctc_head import CTCHead
    >>> from mgf_brain.inference import example_encoder
    >>> from mgf_brain.inference.tokens import Tokens
    >>> head = CTCHead(num_states=3, dim=32, hop=640, tokens=3)
    >>> encoder = TokenLogProbabilities(SpeechRecognizer(example_encoder(), head, Tokens("AB")))
    >>> encoder(torch.randn(2, 16000), torch.tensor([1.0, 0.5])).shape
    torch.Size([2, 48, 3])
    """

    def forward(self, wavs: torch.Tensor, wav_lens: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the tokens.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N).
        wav_lens : torch.Tensor
            (B,), relative.

        Returns
        -------
        torch.Tensor
            (B, slots, tokens); padding is a certain blank, so that decoders may ignore lengths.
        """
        lengths = self.samples(wavs, wav_lens).tolist()
        rows = [
            self.model.log_probabilities(wav[None, :length])
            for wav, length in zip(wavs, lengths, strict=True)
        ]
        padded = pad_sequence(rows, batch_first=True, padding_value=-torch.inf)
        blank = padded[..., :1]
        return torch.cat([blank.masked_fill(blank.isneginf(), 0.0), padded[..., 1:]], dim=-1)


class SymbolDecoder:
    """``tokenizer`` of ``EncoderASR`` where tokens are symbols of a list.

    Arguments
    ---------
    model : SpeechRecognizer

    Example
    -------
    >>> from types import SimpleNamespace
    >>> from mgf_brain.inference.tokens import Tokens
    >>> model = SimpleNamespace(tokens=Tokens(["AA", "B"], separator=" "))
    >>> SymbolDecoder(model).decode_ids([2, 1])
    'B AA'
    """

    def __init__(self, model: SpeechRecognizer) -> None:
        self.tokens = model.tokens

    def decode_ids(self, numbers: list[int]) -> str:
        """The text of symbols."""
        return self.tokens.decode(numbers)


def best_paths(
    log_probabilities: torch.Tensor, wav_lens: torch.Tensor, blanks: int = 0
) -> list[list[int]]:
    """``decoding_function`` of ``EncoderASR``: the best path of every row.

    Arguments
    ---------
    log_probabilities : torch.Tensor
        (B, slots, tokens), padded with a certain blank; number 0 is the blank.
    wav_lens : torch.Tensor
        Not used.
    blanks : int
        Subtracted from the numbers: 1 for a tokenizer that does not count the blank.

    Returns
    -------
    list of list of int

    Example
    -------
    >>> best_paths(torch.eye(3)[[0, 2, 2, 0, 2, 1]][None], torch.ones(1))
    [[2, 2, 1]]
    """
    rows = log_probabilities.argmax(-1).tolist()
    return [[number - blanks for number in best_path(row)] for row in rows]
