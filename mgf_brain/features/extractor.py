"""Frozen features of utterances: log-mel bands, an untrained encoder or a pretrained one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import read_patiently
from mgf_brain.errors import UserError
from mgf_brain.features.cache import Extract, FeatureCache, cached
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.throughput import Throughput

Pool = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # waveforms, lengths -> rows

BATCH_SECONDS = 60.0  # padded audio encoded at once: keeps a large model within a few GB


class FeatureExtractor:
    """Frozen features of utterances, read from their files.

    Arguments
    ---------
    encoder : Encoder
        ``SpeechEncoder`` or ``LogMelFeatures``, say.
    name : str
        For tables and folders.
    device : str
        Where the encoder runs; features come back to the CPU.
    cache_gb : float
        Size limit of the cache on disk, see ``mgf_brain.features.cache``; 0 for none. Set to 0
        before the encoder is changed.

    Example
    -------
    >>> from mgf_brain.nn import LogMelFeatures
    >>> extractor = FeatureExtractor(LogMelFeatures(), "fbank")
    >>> extractor.num_states, extractor.dim, extractor.hop
    (1, 80, 160)
    """

    def __init__(
        self, encoder: Encoder, name: str, device: str = "cpu", cache_gb: float = 0.0
    ) -> None:
        self.encoder, self.name, self.device = encoder.eval().to(device), name, device
        self.cache_gb, self._caches = cache_gb, {}
        self.hop, self.window = encoder.hop, encoder.window
        self.num_states, self.dim = encoder.num_states, encoder.dim
        self.throughput = Throughput()  # of what was encoded: the cache's is not

    def states(self, utterances: Sequence[Utterance]) -> Iterator[torch.Tensor]:
        """States of each utterance, in their order.

        Arguments
        ---------
        utterances : sequence of Utterance
            Best sorted by duration: neighbours are padded together.

        Yields
        ------
        torch.Tensor
            (T, num_states, dim) float32.
        """
        return self._cached(self._encode, utterances, "states")

    def _cached(
        self, extract: Extract, utterances: Sequence[Utterance], kind: str
    ) -> Iterator[torch.Tensor]:
        """Features from the cache, or else extracted while the clock runs."""
        return cached(
            lambda rows: self.throughput.timed(extract(rows)),
            utterances,
            self._cache(kind),
            lambda rows: cut_batches(rows, BATCH_SECONDS),
        )

    def _encode(self, utterances: Sequence[Utterance]) -> Iterator[torch.Tensor]:
        for wavs, lengths in self._batches(utterances):
            with torch.inference_mode():
                states, frames = self.encoder.encode(wavs, lengths)
                stacked = torch.stack(states, dim=2).float().cpu()  # (B, T, L, D)
            yield from (rows[:count].clone() for rows, count in zip(stacked, frames, strict=True))

    def embeddings(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        """One vector an utterance, to be compared by cosine: what ``Encoder.embed`` gives.

        Arguments
        ---------
        utterances : sequence of Utterance
            In any order.

        Returns
        -------
        torch.Tensor
            (utterances, E) float32, in their order.
        """
        if self.encoder.embedding is None:
            return self.read_out(utterances)
        return self._pooled(utterances, self.encoder.embed, "embedding")

    def read_out(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        """One vector an utterance by the encoder's ``readout``, in their order: (utterances, E)."""
        moments = [x.to(self.device) for x in self._moments(utterances)]
        return self.encoder.readout.project(*moments).cpu()

    def fit_readout(self, utterances: Sequence[Utterance]) -> None:
        """Standardise the encoder's ``readout`` by training utterances."""
        self.encoder.readout.fit(*self._moments(utterances))
        self.encoder.readout.to(self.device)

    def _moments(self, utterances: Sequence[Utterance]) -> tuple[torch.Tensor, ...]:
        """Statistics (utterances, 2 D) and colour (utterances, C), which no fit changes."""
        rows = self._pooled(utterances, self.encoder.moments, "moments")
        return rows[:, : 2 * self.dim], rows[:, 2 * self.dim :]

    def statistics(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        """Statistics over time of every layer: what a linear head on time averages needs.

        Arguments
        ---------
        utterances : sequence of Utterance
            In any order.

        Returns
        -------
        torch.Tensor
            (utterances, layers, F) float32, in their order.
        """
        return self._pooled(utterances, self.encoder.statistics, "statistics")

    def _pooled(self, utterances: Sequence[Utterance], pool: Pool, kind: str) -> torch.Tensor:
        """One tensor an utterance, in the order given; neighbours in length share a batch."""

        def extract(rows: Sequence[Utterance]) -> Iterator[torch.Tensor]:
            """Pooled features, a tensor an utterance."""
            for wavs, lengths in self._batches(rows):
                with torch.inference_mode():
                    pooled = pool(wavs, lengths).float().cpu()
                yield from (row.clone() for row in pooled)

        order = sorted(range(len(utterances)), key=lambda i: utterances[i].duration)
        rows = self._cached(extract, [utterances[i] for i in order], kind)
        return torch.stack(list(rows))[torch.tensor(order).argsort()]

    def _cache(self, kind: str) -> FeatureCache | None:
        if not self.cache_gb:
            return None
        if kind not in self._caches:
            fingerprint = encoder_fingerprint(self.encoder, kind)
            self._caches[kind] = FeatureCache(None, fingerprint, self.cache_gb)
        return self._caches[kind]

    def _batches(
        self, utterances: Sequence[Utterance]
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        bar = tqdm(total=len(utterances), desc=f"{self.name} features", unit="utt", leave=False)
        with bar, ThreadPoolExecutor() as pool:  # decoding releases the interpreter's lock
            for batch in cut_batches(utterances, BATCH_SECONDS):
                wavs = list(pool.map(self._read, batch))
                lengths = torch.tensor([len(wav) for wav in wavs], device=self.device)
                self.throughput.audio_s += sum(map(len, wavs)) / self.encoder.sample_rate
                yield pad_sequence(wavs, batch_first=True).to(self.device), lengths
                bar.update(len(batch))

    def _read(self, utterance: Utterance) -> torch.Tensor:
        wav = read_patiently(utterance.wav, self.encoder.sample_rate)
        if len(wav) < self.window:
            raise UserError(f"{utterance.wav} is shorter than a frame. Remove it from the corpus.")
        return wav


def cut_batches(utterances: Sequence[Utterance], seconds: float) -> list[list[Utterance]]:
    """Cut a sequence so that each piece, padded, lasts no longer than asked.

    Arguments
    ---------
    utterances : sequence of Utterance
    seconds : float
        Longest padded duration; an utterance that is longer makes a piece of its own.

    Returns
    -------
    list of list of Utterance
        In the order given.

    Example
    -------
    >>> rows = [Utterance(id, d, "a.wav", "s") for id, d in zip("abcd", (1.0, 2.0, 3.0, 9.0))]
    >>> [[u.id for u in batch] for batch in cut_batches(rows, 6.0)]
    [['a', 'b'], ['c'], ['d']]
    """
    batches: list[list[Utterance]] = []
    longest = 0.0
    for utterance in utterances:
        longest = max(longest, utterance.duration)
        if batches and longest * (len(batches[-1]) + 1) <= seconds:
            batches[-1].append(utterance)
        else:
            batches.append([utterance])
            longest = utterance.duration
    return batches
