"""DistillMOS as an encoder: `--pretrained experiments.distillmos_encoder:Encoder --trust`.

`pip install distillmos` (Microsoft, MIT) brings 4.1 million weights, distilled from XLS-R to tell
the quality of speech. What its Transformer makes of 20 ms each are good features of emotion.
"""

from __future__ import annotations

import contextlib
import io

import torch
from torch import nn


class Encoder(nn.Module):
    """States before and behind each of the Transformer's layers, 200 channels every 20 ms."""

    sample_rate, hop, window = 16000, 320, 320
    samples = 122880  # that it takes, no more and no less
    longest_seconds = samples / sample_rate  # longer recordings come in chunks

    def __init__(self) -> None:
        from distillmos import ConvTransformerSQAModel  # which nothing else needs

        super().__init__()
        with contextlib.redirect_stdout(io.StringIO()):  # it prints where its weights are
            model = ConvTransformerSQAModel()
        self.cnn, self.norm = model.cnn, model.transformer_pool_attn.norm_input
        self.transformer = model.transformer_pool_attn.transformer
        self.layers = self.transformer.transformer_encoder.layers

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(B, N) samples -> 8 states (B, 384, 200), of which the first ones are valid."""
        wavs = nn.functional.pad(wavs, (0, self.samples - wavs.shape[1]))
        wavs = wavs / (wavs.abs().amax(1, keepdim=True) + 1e-8)
        x = self.transformer.norm(self.norm(self.cnn(wavs)))  # (B, C, T)
        x = self.transformer.linear_proj(x.transpose(1, 2))
        states = [self.transformer.position_encoding(x)]
        for layer in self.layers:
            states.append(layer(states[-1]))
        return states, lengths // self.hop
