"""A pretrained encoder: waveforms to the states of every layer, and to one vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.resampling import HIGHEST_RATE, LOWEST_RATE
from mgf_brain.errors import UserError
from mgf_brain.folder.read import load_model
from mgf_brain.folder.source import Source
from mgf_brain.foreign.source import open_model
from mgf_brain.inference.audio import Audio, read_inputs
from mgf_brain.inference.batches import check_batch
from mgf_brain.nn.chunks import (
    CHUNK_SECONDS,
    OVERLAP_SECONDS,
    WHOLE_SECONDS,
    Encoded,
    Pool,
    chunks_of,
    cut_chunks,
    each_row,
    joined_pools,
    joined_states,
    padded_rows,
)
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel, Perturb
from mgf_brain.nn.interfaces import Encoder, UtteranceEmbedding
from mgf_brain.nn.low_rank import LowRank
from mgf_brain.nn.masking import lengths_of, valid_frames
from mgf_brain.nn.own_model import OwnInput
from mgf_brain.nn.pooling import StandardisedStatistics, beside_layers, layer_pools
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.spectrum import frame_count

LONGEST_FRAME = 30  # seconds


class Representation(NamedTuple):
    """What an encoder makes of one recording."""

    states: torch.Tensor  # (L, T, D), from the first layer's input to the top
    embedding: torch.Tensor  # (E,), to be compared by cosine
    times: torch.Tensor  # (T,), the middle of each frame in seconds


class SpeechEncoder(Encoder):
    """A pretrained speech encoder: waveforms to the states of every layer.

    Arguments
    ---------
    speech_model : SpeechModel
    sample_rate : int
        In Hz, a whole number.
    embedding : UtteranceEmbedding, optional
        That was trained, see ``mgf_brain.nn.pooling``; without one ``embed`` gives the read-out's.
    low_rank : LowRank, optional
        Which of its linear layers are adapted.
    readout : StandardisedStatistics, optional
        The read-out that every model has; by default one that is not fitted yet.

    Raises
    ------
    UserError
        If the sampling rate is none, or not the front-end's, or frames last over half a minute.

    Example
    -------
    >>> from mgf_brain.nn.encoder import TransformerEncoder
    >>> from mgf_brain.nn.frontends import LogMel
    >>> speech = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    >>> encoder = SpeechEncoder(speech, sample_rate=16000)
    >>> states, lengths = encoder.encode(torch.randn(1, 8000), torch.tensor([8000]))
    >>> len(states), states[0].shape, encoder.hop
    (3, torch.Size([1, 24, 32]), 320)
    """

    def __init__(
        self,
        speech_model: SpeechModel,
        sample_rate: int,
        embedding: UtteranceEmbedding | None = None,
        low_rank: LowRank | None = None,
        readout: StandardisedStatistics | None = None,
    ) -> None:
        super().__init__()
        self.speech_model, self.sample_rate = speech_model, sample_rate
        self.register_module("embedding", embedding)
        self.readout = readout or StandardisedStatistics()
        self.hop, self.window = speech_model.front_end.hop, speech_model.front_end.window
        self.dim, self.num_states = speech_model.encoder.dim, speech_model.encoder.num_states
        _check_times(sample_rate, self.hop, self.window)
        expected = getattr(speech_model.front_end, "sample_rate", sample_rate)
        if expected != sample_rate:
            raise UserError(f"sample_rate: {sample_rate} is not the front-end's {expected}.")
        self.low_rank = low_rank
        if low_rank:
            low_rank.insert(self)
        self.eval()

    @classmethod
    def from_pretrained(
        cls, folder: str | Path | Source, device: str = "cpu", trust: bool = False
    ) -> SpeechEncoder:
        """Load a pretrained folder, or a published model.

        Arguments
        ---------
        folder : str or Path
            "mgf-mini", which comes with the package; a folder with ``hyperparams.yaml`` and
            ``model.safetensors``, or a run that left one; a name on the hub, ``user/name`` or
            ``user/name@revision``, which is downloaded; or a model of another library,
            see ``mgf_brain.foreign.source.open_model``.
        device : str
            Where the encoder is to run, such as "cuda:0".
        trust : bool
            Build whatever the yaml names, which can run any program, instead of mgf_brain's models
            alone: for folders of your own that name classes of your own.

        Returns
        -------
        SpeechEncoder
            In evaluation mode, its features bit-identical to the trained model's.

        Raises
        ------
        UserError
            If there is no such folder, it lacks a file, names what is refused, or its weights are
            another architecture's.
        """
        return load_model(cls, open_model(folder, trust), device, trust, try_out=cls._try_out)

    def _try_out(self) -> object:
        return self.represent(some_sound(self), self.sample_rate)

    @torch.no_grad()
    def represent(
        self, audio: Audio | Sequence[Audio], sample_rate: int | None = None
    ) -> list[Representation]:
        """States, embedding and frame times of recordings, each encoded alone.

        Beyond ``WHOLE_SECONDS`` in chunks, see ``mgf_brain.nn.chunks``.

        Arguments
        ---------
        audio : path, array or a sequence of those
            Files of any rate and length; or samples (N,), whose rate is ``sample_rate``.
        sample_rate : int, optional
            Of arrays, in Hz.

        Returns
        -------
        list of Representation
            On the encoder's device, one for each file or array.

        Raises
        ------
        UserError
            If a file cannot be read, an array comes without its rate, or audio is too short.

        Example
        -------
        >>> (one,) = example_encoder().represent(torch.randn(8000), sample_rate=8000)
        >>> one.states.shape, one.embedding.shape, round(one.times[0].item(), 4)
        (torch.Size([3, 24, 32]), torch.Size([64]), 0.0275)
        """
        found = []
        for wav in read_inputs(audio, sample_rate, self.sample_rate, self.window):
            wavs = wav[None].to(self.device)  # (1, N)
            parts = list(self._parts(wavs, lengths_of(wavs)))
            join = self.speech_model.front_end.joined_colour
            pooled, colour = joined_pools(parts, self.embedder.pooled, join)
            embedding = self.embedder.project(pooled, colour)[0]
            states, (count,) = joined_states(parts)
            centres = [self.frame_centre(frame) for frame in range(int(count))]
            found.append(Representation(torch.cat(states), embedding, torch.tensor(centres)))
        return found

    @property
    def device(self) -> torch.device:
        """Where the encoder runs."""
        return next(chain(self.parameters(), self.buffers())).device

    @torch.no_grad()
    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """States of every layer.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N) in [-1, 1], padded at the end.
        lengths : torch.Tensor
            (B,) int64, in samples.

        Returns
        -------
        states : list of torch.Tensor
            ``num_states`` tensors (B, T, ``dim``); values at padding are meaningless.
        frame_lengths : torch.Tensor
            (B,) valid frames.

        Raises
        ------
        UserError
            If they are no such tensors, or a row is shorter than a frame.
        """
        check_batch(wavs, lengths, self.window)
        if len(wavs) > 1 and self._is_long(lengths):
            states, counts = zip(
                *(self.encode(*row) for row in each_row(wavs, lengths)), strict=True
            )
            return padded_rows(states), torch.cat(counts)
        return joined_states(list(self._parts(wavs, lengths)))

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> torch.Tensor:
        """One vector an utterance, with gradients: (B, N) -> (B, E)."""
        return self.embedder.project(*self._pooled(self.embedder.pooled, wavs, lengths, perturb))

    @torch.no_grad()
    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """One vector an utterance, to be compared by cosine: (B, N) -> (B, E); see ``encode``.

        Example
        -------
        >>> wavs, lengths = torch.randn(2, 8000), torch.tensor([8000, 4000])
        >>> example_encoder().embed(wavs, lengths).shape
        torch.Size([2, 64])
        """
        check_batch(wavs, lengths, self.window)
        return self(wavs, lengths)

    @torch.no_grad()
    def moments(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What ``readout`` standardises, statistics and then the colour: (B, N) -> (B, 2 D + C)."""
        pooled, colour = self._pooled(self.readout.pooled, wavs, lengths)
        if isinstance(self.speech_model.front_end, OwnInput):  # whose colour is an embedding
            return pooled
        return torch.cat([pooled, colour.to(pooled.dtype)], dim=1)

    def statistics(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> torch.Tensor:
        """Statistics over time of every layer, and the colour: (B, N) -> (B, L, 2 D + C).

        With gradients, so that the encoder can be fine-tuned through it; the colour is that of the
        input before ``perturb``.

        Example
        -------
        >>> wavs, lengths = torch.randn(2, 8000), torch.tensor([8000, 4000])
        >>> example_encoder().statistics(wavs, lengths).shape
        torch.Size([2, 3, 224])
        """
        return beside_layers(*self._pooled(layer_pools, wavs, lengths, perturb))

    def _pooled(
        self,
        pool: Pool,
        wavs: torch.Tensor,
        lengths: torch.Tensor,
        perturb: Perturb | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What ``pool`` makes of each row, and the colour of each: see ``joined_pools``."""
        if len(wavs) > 1 and self._is_long(lengths):
            rows = [self._pooled(pool, *row, perturb) for row in each_row(wavs, lengths)]
            pooled, colours = zip(*rows, strict=True)
            return torch.cat(pooled), torch.cat(colours)
        parts = self._parts(wavs, lengths, perturb)
        return joined_pools(parts, pool, self.speech_model.front_end.joined_colour)

    def _is_long(self, lengths: torch.Tensor) -> bool:
        """Whether a row is, however far it is padded."""
        return int(lengths.max()) > self._whole_seconds * self.sample_rate

    @property
    def _whole_seconds(self) -> float:
        """Up to which a recording is encoded at once: some front-ends take no more."""
        return getattr(self.speech_model.front_end, "longest_seconds", WHOLE_SECONDS)

    def _parts(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> Iterator[Encoded]:
        """What the speech model makes of a batch; or of a long recording, chunk after chunk."""
        if not self._is_long(lengths):
            frames, states = self.speech_model(wavs, lengths, perturb)
            valid = valid_frames(frames.lengths, states[0].shape[1])
            yield Encoded(states, valid, frames.colour)
            return
        count = frame_count(int(lengths), self.window, self.hop)
        share = min(1.0, self._whole_seconds / CHUNK_SECONDS)
        size, overlap = (
            round(share * seconds * self.sample_rate / self.hop)
            for seconds in (CHUNK_SECONDS, OVERLAP_SECONDS)
        )
        chunks = cut_chunks(count, size, overlap)
        for piece, kept in chunks_of(wavs, chunks, self.hop, self.window - self.hop):
            frames, states = self.speech_model(piece, lengths_of(piece), perturb)
            states = [x[:, kept].clone() for x in states]  # nothing holds on to the rest
            valid = torch.ones(states[0].shape[:2], dtype=torch.bool, device=wavs.device)
            yield Encoded(states, valid, frames.colour)

    def frame_centre(self, frame: int) -> float:
        """Time in seconds of the middle of what frame ``frame`` sees locally."""
        return (frame * self.hop + self.window / 2) / self.sample_rate


def some_sound(encoder: Encoder) -> torch.Tensor:
    """A quarter of a second, or a few frames if these are long, for a trial: (samples,).

    Example
    -------
    >>> some_sound(example_encoder()).shape
    torch.Size([4000])
    """
    return torch.linspace(
        -0.1, 0.1, max(encoder.sample_rate // 4, encoder.window + 2 * encoder.hop)
    )


def _check_times(sample_rate: int, hop: int, window: int) -> None:
    low, high = LOWEST_RATE, HIGHEST_RATE
    if type(sample_rate) is not int or not low <= sample_rate <= high:
        raise UserError(f"sample_rate: {sample_rate!r} is no whole number from {low} to {high}.")
    for name, samples in (("hop", hop), ("window", window)):
        if not 0 < samples <= LONGEST_FRAME * sample_rate:
            raise UserError(f"the front-end has a {name} of {samples} samples.")


def example_encoder(layers: int = 2, stack: int = 4) -> SpeechEncoder:
    """A tiny encoder with random weights, for doctests and tests.

    Example
    -------
    >>> example_encoder(layers=3).num_states
    4
    """
    encoder = TransformerEncoder(16, 32, layers, 4, 64, dropout=0.0, position_kernel=8)
    return SpeechEncoder(SpeechModel(LogMel(16, stack=stack), encoder), SAMPLE_RATE)
