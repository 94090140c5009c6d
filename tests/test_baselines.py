"""Supervised extractors: the interface of encoders, and padding that changes nothing."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain import baselines
from mgf_brain.baselines import EcapaTdnn, SpeakerNetwork, XVector, mirrored_ends
from mgf_brain.data.manifest import Utterance
from mgf_brain.features import FeatureExtractor
from mgf_brain.margin import AngularMarginHead

LENGTHS = [16000, 9000, 15900, 600]  # in samples; 15,900 are one frame less, 600 are two frames


def noise(lengths: list[int], seed: int = 0) -> torch.Tensor:
    """Padded noise of changing level."""
    generator = torch.Generator().manual_seed(seed)
    wavs = torch.zeros(len(lengths), max(lengths))
    for wav, length in zip(wavs, lengths, strict=True):
        level = torch.rand(length // 800 + 1, generator=generator).repeat_interleave(800)
        wav[:length] = level[:length] * torch.randn(length, generator=generator)
    return wavs


def small(name: str) -> SpeakerNetwork:
    """In evaluation mode, BatchNorm's statistics far from their initial 0 and 1."""
    torch.manual_seed(0)
    if name == "x-vector":
        network = XVector(embedding_dim=24, channels=16, pooled=32)
    else:
        network = EcapaTdnn(embedding_dim=24, channels=16, pooled=32, attention=8)
    with torch.no_grad():
        for seed in range(5):
            network(noise([8000] * 4, seed), torch.full((4,), 8000))
    return network.eval()


@pytest.fixture(params=["x-vector", "ECAPA-TDNN"])
def network(request: pytest.FixtureRequest) -> SpeakerNetwork:
    return small(request.param)


def alone(network: SpeakerNetwork, wavs: torch.Tensor) -> torch.Tensor:
    rows = [
        network.embed(wav[None, :length], torch.tensor([length]))
        for wav, length in zip(wavs, LENGTHS, strict=True)
    ]
    return torch.cat(rows)


def test_padding_does_not_change_an_embedding(network: SpeakerNetwork):
    wavs, lengths = noise(LENGTHS), torch.tensor(LENGTHS)
    together = network.embed(wavs, lengths)
    torch.testing.assert_close(together, alone(network, wavs), atol=1e-5, rtol=1e-4)
    longer = torch.cat([wavs, torch.zeros(4, 20000)], dim=1)
    torch.testing.assert_close(network.embed(longer, lengths), together, atol=1e-5, rtol=1e-4)
    spoilt = torch.where(torch.arange(16000) < lengths[:, None], wavs, torch.tensor(0.5))
    torch.testing.assert_close(network.embed(spoilt, lengths), together, atol=1e-5, rtol=1e-4)


def test_without_mirrored_ends_padding_would(
    network: SpeakerNetwork, monkeypatch: pytest.MonkeyPatch
):
    wavs = noise(LENGTHS)
    expected = alone(network, wavs)
    monkeypatch.setattr(baselines, "mirrored_ends", lambda *_: nullcontext())
    off = (network.embed(wavs, torch.tensor(LENGTHS)) - expected).abs()
    assert off.max() > 1e-3


def test_an_utterance_alone_goes_through_speechbrains_network_as_it_stands():
    network, wavs = small("ECAPA-TDNN"), noise([16000])
    frames = network.features.encode(wavs, torch.tensor([16000]))[0][0]
    expected = network.network(frames)[:, 0]
    assert torch.equal(network.embed(wavs, torch.tensor([16000])), expected)


def test_mirrored_ends_leave_nothing_behind(network: SpeakerNetwork):
    with mirrored_ends(network.network, torch.tensor([3]), 20):
        assert any(module._forward_pre_hooks for module in network.modules())
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_embeddings_are_the_same_every_time_and_differ_between_utterances(
    network: SpeakerNetwork,
):
    wavs, lengths = noise([8000] * 3), torch.full((3,), 8000)
    first = network.embed(wavs, lengths)
    assert first.shape == (3, 24) and torch.equal(network.embed(wavs, lengths), first)
    assert torch.pdist(first).min() > 1e-3  # a hundred times what padding may do


def test_a_few_steps_with_the_margin_lower_the_loss(network: SpeakerNetwork):
    head = AngularMarginHead(24, classes=4)
    wavs, lengths, labels = noise([8000] * 8), torch.full((8,), 8000), torch.arange(8) % 4
    trained = [p for p in [*network.parameters(), *head.parameters()] if p.requires_grad]
    optimizer, losses = torch.optim.Adam(trained, lr=0.01), []
    network.train()
    for _ in range(8):
        loss = head(network(wavs, lengths), labels)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in trained)  # torchrun refuses unused parameters
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_features_of_files(network: SpeakerNetwork, tmp_path: Path):
    rows = []
    for i, length in enumerate(LENGTHS):
        soundfile.write(tmp_path / f"{i}.wav", noise([length], i)[0].numpy(), 16000)
        rows.append(Utterance(f"u{i}", length / 16000, str(tmp_path / f"{i}.wav"), "s"))
    extractor = FeatureExtractor(network, "supervised")
    embeddings = extractor.embeddings(rows)
    assert embeddings.shape == (4, extractor.dim) and np.isfinite(embeddings.numpy()).all()
    one = extractor.embeddings(rows[1:2])
    torch.testing.assert_close(embeddings[1:2], one, atol=1e-5, rtol=1e-4)
