"""What published encoders are compared with: log-mel bands, and layers that nothing trained."""

from __future__ import annotations

import torch

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.nn.chunks import WHOLE_SECONDS, chunks_of, cut_chunks
from mgf_brain.nn.frontends import MelBands
from mgf_brain.nn.interfaces import Encoder, UtteranceEmbedding
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import StandardisedStatistics, layer_pools, mean_and_deviation
from mgf_brain.spectrum import frame_count, normalise_frames, power_spectrum


class LogMelFeatures(Encoder):
    """80 log-mel bands every 10 ms, as an ``Encoder``: the baseline.

    As frames each band is normalised over the utterance; an utterance's moments are mean and
    deviation over time of the bands as they are, level and channel included.

    Arguments
    ---------
    bands : int
        Mel bands.
    embedding : StandardisedStatistics, optional
        One that is not fitted, so that ``embed`` gives the moments as they are.
    readout : StandardisedStatistics, optional
        What standardises them where there is no ``embedding``; by default one that is not fitted.

    Example
    -------
    >>> features = LogMelFeatures()
    >>> states, lengths = features.encode(torch.randn(1, 16000), torch.tensor([16000]))
    >>> len(states), states[0].shape, lengths.tolist()
    (1, torch.Size([1, 98, 80]), [98])
    >>> features.embed(torch.randn(2, 16000), torch.tensor([16000, 8000])).shape
    torch.Size([2, 160])
    """

    num_states, sample_rate = 1, SAMPLE_RATE

    def __init__(
        self,
        bands: int = 80,
        embedding: StandardisedStatistics | None = None,
        readout: StandardisedStatistics | None = None,
    ) -> None:
        super().__init__()
        self.register_module("embedding", embedding)
        self.readout = readout or StandardisedStatistics()
        self.mel = MelBands(bands, self.sample_rate)
        self.hop, self.window, self.dim = self.mel.short_hop, self.mel.short_window, bands

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Normalised bands: (B, N) samples -> one state (B, T, bands), and (B,) valid frames."""
        bands, frame_lengths = self._log_mel(wavs, lengths)
        return [normalise_frames(bands, valid_frames(frame_lengths, bands.shape[1]))], frame_lengths

    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The moments, standardised if ``readout`` is fitted: (B, N) samples -> (B, 2 bands)."""
        moments = self.moments(wavs, lengths)
        return self.embedder.project(moments, moments[:, :0])

    def moments(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Mean and deviation of the bands over time: (B, N) samples -> (B, 2 bands)."""
        bands, frame_lengths = self._log_mel(wavs, lengths)
        return mean_and_deviation(bands, valid_frames(frame_lengths, bands.shape[1]))

    def statistics(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The moments as the statistics of one layer: (B, N) samples -> (B, 1, 2 bands)."""
        return self.moments(wavs, lengths)[:, None]

    def _log_mel(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count = frame_count(wavs.shape[1], self.window, self.hop)
        chunks = cut_chunks(count, round(WHOLE_SECONDS * self.sample_rate / self.hop), overlap=0)
        bands = [  # each frame for itself: chunks are as good as the whole, in less memory
            self.mel.log_mel(power_spectrum(piece, self.window, self.hop))
            for piece, _ in chunks_of(wavs, chunks, self.hop, self.window - self.hop)
        ]
        bands = torch.cat(bands, dim=1)  # (B, T, bands)
        return bands, frame_count(lengths, self.window, self.hop)


class LayerStatistics(UtteranceEmbedding):
    """Mean and deviation over time of every layer: the embedding of older folders of ``random``.

    Example
    -------
    >>> states = [torch.randn(2, 5, 8) for _ in range(3)]
    >>> LayerStatistics()(states, torch.ones(2, 5).bool(), torch.zeros(2, 0)).shape
    torch.Size([2, 48])
    """

    def pooled(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """L of (B, T, D) -> (B, L, 2 D)."""
        return layer_pools(states, valid)

    def project(self, pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """(B, L, 2 D) -> (B, 2 D L)."""
        return pooled.flatten(1)
