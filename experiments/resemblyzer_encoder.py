"""Resemblyzer as an encoder: `--pretrained experiments.resemblyzer_encoder:Encoder --trust`.

`pip install --no-deps Resemblyzer` (Apache-2) brings the weights of a speaker encoder of 1.4
million, an LSTM on 40 mel bands after Wan et al. (2018, arXiv 1710.10467). Of the package only the
file of weights is used: its code asks for libraries that need a compiler.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

import torch
from torch import nn
from torchaudio.functional import melscale_fbanks

WEIGHTS = "resemblyzer/pretrained.pt"  # in the package


class Encoder(nn.Module):
    """The LSTM's states of each 10 ms, 256 channels, and the embedding of the speaker."""

    sample_rate, hop, window = 16000, 160, 160
    bins, piece, step = 400, 160, 80  # of a spectrum; frames of what is embedded at once

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.linear = nn.LSTM(40, 256, 3, batch_first=True), nn.Linear(256, 256)
        path = Path(str(distribution("Resemblyzer").locate_file(WEIGHTS)))
        weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        self.load_state_dict(weights, strict=False)  # beside them those of its loss
        bank = melscale_fbanks(201, 0.0, 8000.0, 40, 16000, norm="slaney", mel_scale="slaney")
        self.register_buffer("bank", bank, persistent=False)

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N) samples -> the top layer's states (B, T, 256)."""
        return self.lstm(self._bands(wavs, lengths))[0][:, : wavs.shape[1] // self.hop], (
            lengths // self.hop
        )

    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(1, N) samples -> (1, 256): the mean over pieces of 1.6 s, as its authors do."""
        bands = self._bands(wavs, lengths)
        short = max(0, self.piece - bands.shape[1])
        pieces = nn.functional.pad(bands, (0, 0, 0, short)).unfold(1, self.piece, self.step)
        _, (hidden, _) = self.lstm(pieces[0].transpose(1, 2))  # (pieces, 160, 40)
        each = nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)
        return nn.functional.normalize(each.mean(0, keepdim=True), dim=1)

    def _bands(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Mel power (B, T + 1, 40) of speech that is raised to -30 dB if it is fainter."""
        power = wavs.square().sum(1, keepdim=True) / lengths[:, None]
        wavs = wavs * (10**-1.5 / power.sqrt().clamp(min=1e-6)).clamp(min=1.0)
        taper = torch.hann_window(self.bins, device=wavs.device)
        padded = nn.functional.pad(wavs, (self.bins // 2, self.bins // 2))  # as librosa pads: by 0
        spectra = padded.unfold(1, self.bins, self.hop) * taper  # (B, T + 1, bins)
        return torch.fft.rfft(spectra).abs().square() @ self.bank
