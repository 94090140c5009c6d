"""A class of one's own is tried, checked, and then as good as any encoder."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn import OwnEmbedding, OwnModel


class Own(nn.Module):
    """Frames of 20 ms, projected twice."""

    sample_rate, hop, window = 16000, 320, 400
    longest_seconds = 2.0

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(400, 8), nn.Linear(8, 8)])

    def encode(self, wavs, lengths):
        """States of both layers."""
        states = [self.layers[0](wavs.unfold(1, self.window, self.hop))]
        return [*states, self.layers[1](states[0])], (lengths - 400) // 320 + 1

    def embed(self, wavs, lengths):
        """The level, twice."""
        level = (wavs.square().sum(1) / lengths).sqrt()
        return torch.stack([level, level], 1)


class Leaky(Own):
    """Whose states know the mean of all samples, padding too."""

    def encode(self, wavs, lengths):
        """Of a waveform without its mean."""
        return super().encode(wavs - wavs.mean(1, keepdim=True) + 1, lengths)


class Plain:
    """No module: without weights, and no list of states."""

    sample_rate, hop, window = 8000, 80, 80

    def encode(self, wavs, lengths):
        """The samples."""
        return wavs.unfold(1, 80, 80), lengths // 80


def encoder_of(own) -> SpeechEncoder:
    """As a folder of ours would build it."""
    model = OwnModel(own)
    embedding = OwnEmbedding() if model.front_end.colour_dim else None
    return SpeechEncoder(model, own.sample_rate, embedding)


@pytest.mark.parametrize("kind", [Own, Leaky])
def test_alone_and_padded_are_equal(kind):
    torch.manual_seed(0)
    encoder = encoder_of(kind())
    wavs, lengths = torch.randn(2, 16000), torch.tensor([16000, 7000])
    wavs[1, 7000:] = 0
    states, counts = encoder.encode(wavs, lengths)
    vectors = encoder.embed(wavs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, (count,) = encoder.encode(wavs[row : row + 1, :length], lengths[row : row + 1])
        assert count == counts[row]
        for one, many in zip(alone, states, strict=True):
            torch.testing.assert_close(one[0], many[row, :count], atol=1e-5, rtol=0)
        one = encoder.embed(wavs[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(one[0], vectors[row], atol=1e-5, rtol=0)
    assert encoder.speech_model.encoder.one_by_one == (kind is Leaky)


def test_all_that_an_encoder_can():
    own = Own()
    encoder = encoder_of(own)
    assert (encoder.dim, encoder.num_states, encoder.hop) == (8, 2, 320)
    assert encoder.speech_model.encoder.layers is own.layers
    names = [f"speech_model.encoder.own.{name}" for name in own.state_dict()]
    assert list(encoder.state_dict()) == names  # each weight once
    (one,) = encoder.represent(0.1 * torch.ones(80000), 16000)  # five seconds, two at a time
    assert one.states.shape == (2, 249, 8) and len(one.times) == 249
    torch.testing.assert_close(one.embedding, torch.tensor([0.1, 0.1]))
    encoder.statistics(torch.randn(1, 8000), torch.tensor([8000])).sum().backward()
    assert own.layers[0].weight.grad.abs().sum() > 0


def test_an_object_without_weights():
    encoder = encoder_of(Plain())
    states, counts = encoder.encode(torch.randn(1, 800), torch.tensor([800]))
    assert states[0].shape == (1, 10, 80) and counts.tolist() == [10]
    assert encoder.device.type == "cpu" and not encoder.state_dict()
    assert encoder.embed(torch.randn(1, 800), torch.tensor([800])).shape == (1, 160)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"hop": None}, "lacks hop, a whole number"),
        ({"sample_rate": 16e3}, "lacks sample_rate"),
        ({"encode": None}, "lacks encode"),
        ({"encode": lambda self, w, n: w}, "no pair of states"),
        ({"encode": lambda self, w, n: (w, n // 80)}, r"states \[\[2, 8000\]\]"),
        ({"encode": lambda self, w, n: (w.unfold(1, 80, 80), n)}, "8000.* frames of"),
        ({"encode": lambda self, w, n: (w.unfold(1, 160, 160), n // 80)}, "not .2, 100, D. each"),
        ({"encode": lambda self, w, n: ([], n // 80)}, r"states \[\]"),
        ({"embed": lambda self, w, n: w[0]}, "embed returns no tensor"),
    ],
)
def test_what_is_missing_is_named(changed, words):
    with pytest.raises(UserError, match=words):
        OwnModel(type("Mine", (Plain,), changed)())
