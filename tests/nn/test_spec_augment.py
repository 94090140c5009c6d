"""SpecAugment's masks: of the lengths asked for, within the utterance, from its key."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.spec_augment import SpecAugment


def masked(
    valid: torch.Tensor, keys: torch.Tensor, **settings: int
) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(*valid.shape, 80, generator=torch.Generator().manual_seed(0))
    return x, SpecAugment(**settings)(x, valid, keys)


def test_masks_have_the_lengths_asked_for():
    keys, valid = torch.arange(500), torch.ones(500, 200).bool()
    x, y = masked(valid, keys, time_masks=1, longest=40)
    lengths = (x != y).all(2).sum(1)
    assert lengths.min() == 0 and lengths.max() == 40 and abs(lengths.float().mean() - 20) < 2
    assert torch.equal((x != y).any(2).sum(1), lengths)
    x, y = masked(valid, keys, band_masks=1, widest=10)
    widths = (x != y).all(1).sum(1)
    assert widths.min() == 0 and widths.max() == 10
    assert (x != y).any(0).all()  # everywhere, in one utterance or another


def test_two_masks_are_two_draws():
    keys, valid = torch.arange(200), torch.ones(200, 300).bool()
    x, y = masked(valid, keys, time_masks=2, longest=40)
    edges = (x != y).all(2).int().diff(dim=1).clamp(min=0).sum(1)
    assert edges.max() == 2
    assert not torch.equal(*(masked(valid, k, time_masks=1)[1] for k in (keys, keys + 1)))


def test_what_is_masked_is_the_mean_of_the_frames_that_are_left():
    valid = torch.arange(150) < torch.tensor([60, 150])[:, None]
    x, y = masked(valid, torch.tensor([3, 4]), time_masks=2, band_masks=2, longest=20)
    for row, out, count in zip(x.double(), y.double(), (60, 150), strict=True):
        row, out = row[:count], out[:count]
        changed = row != out
        left = ~changed.all(1)
        assert 0 < left.sum() < count and 0 < changed[left].sum() < changed[left].numel()
        mean = row[left].mean(0).expand_as(row)
        torch.testing.assert_close(out[changed], mean[changed], rtol=0, atol=1e-6)


def test_nothing_may_be_left():
    valid = torch.ones(30, 3).bool()
    x, y = masked(valid, torch.arange(30), time_masks=9)
    assert torch.isfinite(y).all() and (x != y).all(2).all(1).any()


def test_padding_changes_nothing_and_stays():
    keys, lengths = torch.tensor([3, 4]), torch.tensor([60, 150])
    valid = torch.arange(150) < lengths[:, None]
    x, y = masked(valid, keys, time_masks=2, band_masks=2)
    alone = SpecAugment(time_masks=2, band_masks=2)(x[:1, :60], valid[:1, :60], keys[:1])
    torch.testing.assert_close(y[:1, :60], alone)
    assert torch.equal(y[0, 60:], x[0, 60:])


def test_no_frame_and_no_mask():
    valid, keys = torch.zeros(1, 5).bool(), torch.tensor([1])
    x, y = masked(valid, keys, time_masks=2, band_masks=2)
    assert torch.equal(x, y)
    x, y = masked(~valid, keys)
    assert torch.equal(x, y) and not SpecAugment()


@pytest.mark.parametrize("stack", [1, 2])
def test_a_front_end_shows_masked_frames_to_the_encoder_alone(stack: int):
    torch.manual_seed(0)
    front_end, wavs = LogMel(8, stack=stack), torch.randn(20, 16000)
    lengths, keys = torch.full((20,), 16000), torch.arange(20)
    masks = SpecAugment(time_masks=2, longest=30)
    hidden = []

    def hide(log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        out = masks(log_mel, valid, keys)
        hidden.append((out != log_mel).all(2))
        return out

    plain, frames = front_end(wavs, lengths), front_end(wavs, lengths, hide)
    assert torch.equal(frames.latents, plain.latents) and torch.equal(frames.colour, plain.colour)
    inside = hidden[0].unflatten(1, (-1, stack)).all(2)
    nothing = front_end.norm(front_end.projection(torch.zeros(80 * stack)))
    close = (frames.seen - nothing).abs().amax(2) < 1e-2
    assert torch.equal(close, inside) and inside.any() and not inside.all()


@pytest.mark.parametrize("key", ["time_masks", "band_masks"])
@pytest.mark.parametrize("value", [-1, 1.5, "two", None])
def test_no_number_of_masks(key: str, value: object):
    with pytest.raises(UserError, match=f"{key}: .* is no number of masks"):
        SpecAugment(**{key: value})
