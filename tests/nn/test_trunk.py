"""Speaker networks as front-ends: what a front-end promises, and padding that changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import SpeechEncoder
from mgf_brain.spectrum import frame_count
from mgf_brain.tasks.verification.margin import AngularMarginHead
from tests.small_runs import TRUNKS, small_network

LENGTHS = [16000, 9000, 15900, 600]  # in samples; 15,900 are one frame less, 600 are two frames


def noise(lengths: list[int], seed: int = 0) -> torch.Tensor:
    """Padded noise of changing level."""
    generator = torch.Generator().manual_seed(seed)
    wavs = torch.zeros(len(lengths), max(lengths))
    for wav, length in zip(wavs, lengths, strict=True):
        level = torch.rand(length // 800 + 1, generator=generator).repeat_interleave(800)
        wav[:length] = level[:length] * torch.randn(length, generator=generator)
    return wavs


@pytest.fixture(params=TRUNKS)
def network(request: pytest.FixtureRequest) -> SpeechEncoder:
    """In evaluation mode, BatchNorm's statistics far from their initial 0 and 1."""
    network = small_network(request.param).train()
    with torch.no_grad():
        for seed in range(3):
            network(noise([8000] * 4, seed), torch.full((4,), 8000))
    return network.eval()


@torch.no_grad()
def test_it_keeps_what_a_front_end_promises(network: SpeechEncoder):
    trunk, lengths = network.speech_model.front_end, torch.tensor([*LENGTHS, 399])
    frames = trunk(torch.nn.functional.pad(noise(LENGTHS), (0, 0, 0, 1)), lengths)
    assert frames.lengths.tolist() == frame_count(lengths, trunk.window, trunk.hop).tolist()
    assert frames.latents.shape == (5, frames.lengths.max(), trunk.dim)
    assert frames.seen is frames.latents and torch.isfinite(frames.latents).all()
    assert frames.colour.shape == (5, trunk.colour_dim) == (5, 0)
    for latents, count in zip(frames.latents, frames.lengths, strict=True):
        assert latents[:count].abs().amax(1).gt(0).all() and not latents[count:].any()
    spectra = frames.lengths.max() * trunk.stride
    assert frames.inputs.shape == (5, frames.lengths.max(), trunk.stride * trunk.bands)
    assert frames.power.shape == (5, spectra, 201)
    shown = frames.inputs[0].unflatten(1, (trunk.stride, -1)).flatten(0, 1)  # (spectra, bands)
    assert not shown[98:].any() and shown[:98].abs().amax(1).gt(0).all()  # 98 frames of 10 ms


@torch.no_grad()
def test_a_perturbation_is_seen_but_the_latents_stay(network: SpeechEncoder):
    trunk, wavs, lengths = network.speech_model.front_end, noise(LENGTHS), torch.tensor(LENGTHS)
    plain = trunk(wavs, lengths)
    frames = trunk(wavs, lengths, lambda log_mel, valid: log_mel.flip(2))
    assert torch.equal(frames.latents, plain.latents)
    assert not torch.allclose(frames.seen, plain.latents)
    same = trunk(wavs, lengths, lambda log_mel, valid: log_mel)
    assert torch.equal(same.seen, plain.latents)


@torch.no_grad()
def test_padding_changes_no_frame_whatever_the_length(network: SpeechEncoder):
    lengths = [400 + 160 * frames for frames in range(9, 18)] + [8000]  # all remainders by 8
    wavs = noise(lengths)
    together = network.speech_model.front_end(wavs, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = network.speech_model.front_end(wavs[row, None, :length], torch.tensor([length]))
        count = int(alone.lengths)
        assert count == int(together.lengths[row]) == alone.latents.shape[1]
        torch.testing.assert_close(
            together.latents[row, :count], alone.latents[0], atol=1e-5, rtol=1e-5
        )


def test_padding_does_not_change_an_embedding(network: SpeechEncoder):
    wavs, lengths = noise(LENGTHS), torch.tensor(LENGTHS)
    together = network.embed(wavs, lengths)
    alone = [
        network.embed(w[None, :n], torch.tensor([n])) for w, n in zip(wavs, LENGTHS, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)
    longer = torch.cat([wavs, torch.zeros(4, 20000)], dim=1)
    torch.testing.assert_close(network.embed(longer, lengths), together, atol=1e-5, rtol=1e-4)
    spoilt = torch.where(torch.arange(16000) < lengths[:, None], wavs, torch.tensor(0.5))
    torch.testing.assert_close(network.embed(spoilt, lengths), together, atol=1e-5, rtol=1e-4)


def test_embeddings_are_the_same_every_time_and_differ_between_utterances(network: SpeechEncoder):
    wavs, lengths = noise([8000] * 3), torch.full((3,), 8000)
    first = network.embed(wavs, lengths)
    assert first.shape == (3, 24) and torch.equal(network.embed(wavs, lengths), first)
    assert torch.pdist(first).min() > 1e-3  # a hundred times what padding may do


def test_a_few_steps_with_the_margin_lower_the_loss(network: SpeechEncoder):
    head = AngularMarginHead(24, classes=4)
    wavs, lengths, labels = noise([8000] * 8), torch.full((8,), 8000), torch.arange(8) % 4
    trained = [*network.parameters(), *head.parameters()]
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


def test_features_of_files(network: SpeechEncoder, tmp_path: Path):
    rows = []
    for i, length in enumerate(LENGTHS):
        soundfile.write(tmp_path / f"{i}.wav", noise([length], i)[0].numpy(), 16000)
        rows.append(Utterance(f"u{i}", length / 16000, str(tmp_path / f"{i}.wav"), "s"))
    extractor = FeatureExtractor(network, "supervised")
    embeddings = extractor.embeddings(rows)
    assert embeddings.shape == (4, 24) and np.isfinite(embeddings.numpy()).all()
    one = extractor.embeddings(rows[1:2])
    torch.testing.assert_close(embeddings[1:2], one, atol=1e-5, rtol=1e-4)
    counts = [len(states) for states in extractor.states(rows)]
    assert counts == frame_count(torch.tensor(LENGTHS), extractor.window, extractor.hop).tolist()
