"""Time-delay layers: SpeechBrain's networks, and utterances mirrored where they end."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.lobes.models.Xvector import Xvector
from torch import nn

from mgf_brain.nn import tdnn
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import AffineEmbedding, AttentivePooling, StatisticsPooling
from mgf_brain.nn.tdnn import EcapaTrunk, XVectorTrunk, mirrored_ends
from mgf_brain.spectrum import normalise_frames, power_spectrum
from tests.small_runs import small_trunk


def disturbed(network: nn.Module) -> nn.Module:
    """In evaluation mode, BatchNorm's statistics and weights drawn at random."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            for value in (module.running_mean, module.running_var, module.weight, module.bias):
                value.data.uniform_(0.5, 1.5, generator=generator)
    return network.eval()


def embedded(trunk: nn.Module, embedding: nn.Module, wavs: torch.Tensor) -> torch.Tensor:
    frames = trunk(wavs, torch.full((len(wavs),), wavs.shape[1]))
    valid = valid_frames(frames.lengths, frames.latents.shape[1])
    return embedding([frames.latents], valid, frames.colour)


def log_mel(trunk: nn.Module, wavs: torch.Tensor) -> torch.Tensor:
    bands = trunk.log_mel(power_spectrum(wavs, 400, 160))
    return normalise_frames(bands, torch.ones(bands.shape[:2]).bool())


@torch.no_grad()
def test_ecapa_is_speechbrains_network():
    torch.manual_seed(0)
    sizes = {"channels": [16] * 4 + [32], "attention_channels": 8, "se_channels": 8}
    whole = disturbed(ECAPA_TDNN(80, lin_neurons=24, **sizes))
    trunk = EcapaTrunk(channels=16, dim=32, squeeze=8).eval()
    trunk.network.load_state_dict(whole.state_dict(), strict=False)
    embedding = AffineEmbedding(AttentivePooling(32, attention=8), 24, norm_input=True).eval()
    embedding.pool.pool.load_state_dict(whole.asp.state_dict())
    embedding.norm_input.load_state_dict(whole.asp_bn.norm.state_dict())
    embedding.affine.weight[:] = whole.fc.conv.weight[:, :, 0]
    embedding.affine.bias[:] = whole.fc.conv.bias
    wavs = torch.randn(2, 16000)
    expected = whole(log_mel(trunk, wavs))[:, 0]
    torch.testing.assert_close(embedded(trunk, embedding, wavs), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_x_vector_is_speechbrains_network_but_for_the_noise():
    torch.manual_seed(0)
    whole = disturbed(Xvector(tdnn_channels=[16] * 4 + [32], lin_neurons=24, in_channels=80))
    whole.blocks[-2]._get_gauss_noise = lambda size, device: torch.zeros(size, device=device)
    trunk = XVectorTrunk(channels=16, dim=32).eval()
    trunk.network.load_state_dict(whole.state_dict(), strict=False)
    embedding = AffineEmbedding(StatisticsPooling(32), 24).eval()
    embedding.affine.load_state_dict(whole.blocks[-1].w.state_dict())
    wavs = torch.randn(2, 80000)  # long: SpeechBrain's deviation is divided by one frame less
    expected = whole(log_mel(trunk, wavs))[:, 0]
    torch.testing.assert_close(embedded(trunk, embedding, wavs), expected, atol=2e-3, rtol=0)
    assert expected.std() > 0.1


@pytest.mark.parametrize("name", ["xvector", "ecapa"])
@torch.no_grad()
def test_without_mirrored_ends_padding_would_matter(name: str, monkeypatch: pytest.MonkeyPatch):
    trunk = disturbed(small_trunk(name))
    wavs, lengths = torch.randn(2, 16000), torch.tensor([16000, 9000])
    alone = trunk(wavs[1:, :9000], lengths[1:]).latents[0]
    right = trunk(wavs, lengths).latents[1, : len(alone)]
    torch.testing.assert_close(right, alone, atol=1e-5, rtol=1e-5)
    monkeypatch.setattr(tdnn, "mirrored_ends", lambda *_: nullcontext())
    wrong = trunk(wavs, lengths).latents[1, : len(alone)]
    assert (wrong - alone).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["xvector", "ecapa"])
def test_mirrored_ends_leave_nothing_behind(name: str):
    trunk = small_trunk(name)
    with mirrored_ends(trunk.network, torch.tensor([3]), 20):
        assert any(module._forward_pre_hooks for module in trunk.modules())
    assert not any(module._forward_pre_hooks for module in trunk.modules())
