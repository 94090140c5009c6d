"""Span masks: their share, their least and most, and what they depend on."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.keyed_random import uniform
from mgf_brain.nn.masking import SpanMask, valid_frames


def test_valid_frames_against_a_loop():
    valid = valid_frames(torch.tensor([0, 2, 5]), 5)
    assert valid.tolist() == [[t < length for t in range(5)] for length in (0, 2, 5)]


@pytest.mark.parametrize("span, share", [(1, 0.3), (3, 0.5), (5, 0.5), (10, 0.65)])
def test_share(span: int, share: float):
    mask = SpanMask(span, share)(torch.arange(100), torch.ones(100, 500).bool())
    assert mask.float().mean().item() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("frames", [25, 100, 780])
@pytest.mark.parametrize("span", [3, 10])
@pytest.mark.parametrize("share", [0.49, 0.57])
def test_the_share_is_what_is_asked_for_at_every_length(frames: int, span: int, share: float):
    mask = SpanMask(span, share)(torch.arange(8000), torch.ones(8000, frames).bool())
    # Two masked frames at least: of 25, one in ten would have none with spans of 10.
    assert mask.float().mean().item() == pytest.approx(share, abs=0.01)
    if frames > 25:
        each = mask.float().mean(0)  # the first frame as often as the others
        assert (each - share).abs().max() < 0.03


def test_a_mask_against_a_loop():
    masking, key, frames = SpanMask(4, 0.5), 5, 40
    draws = uniform(torch.tensor([key]), frames + 3)[0].tolist()
    expected = [False] * frames
    for start, draw in enumerate(draws, -3):
        if draw < 1 - 0.5 ** (1 / 4):
            for t in range(max(0, start), min(frames, start + 4)):
                expected[t] = True
    assert 2 <= sum(expected) < frames
    mask = masking(torch.tensor([key]), torch.ones(1, frames).bool())
    assert mask[0].tolist() == expected


def test_masked_frames_come_in_spans():
    span, frames = 4, 300
    mask = SpanMask(span, 0.4)(torch.arange(20), torch.ones(20, frames).bool())
    for row in mask.int().tolist():
        runs = "".join(map(str, row)).split("0")[1:-1]  # the ends may cut the first and the last
        assert all(len(run) >= span for run in runs if run)


def test_a_mask_does_not_depend_on_the_batch():
    masking, keys, lengths = SpanMask(3, 0.5), torch.arange(30), torch.arange(1, 31)
    together = masking(keys, valid_frames(lengths, 33))
    assert together.shape == (30, 33)
    for b in range(30):
        alone = masking(keys[b : b + 1], torch.ones(1, b + 1).bool())[0]
        assert torch.equal(together[b, : lengths[b]], alone)
        assert not together[b, lengths[b] :].any()


def test_other_keys_give_other_masks():
    mask = SpanMask(3, 0.5)(torch.arange(10), torch.ones(10, 50).bool())
    assert len({tuple(row) for row in mask.int().tolist()}) == 10


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_two_masked_frames_and_a_visible_one(share: float):
    lengths = torch.arange(0, 12).repeat_interleave(50)
    valid = valid_frames(lengths, 11)
    masked = SpanMask(5, share)(torch.arange(len(lengths)), valid).sum(1)
    assert torch.equal(masked[lengths < 3], lengths[lengths < 3])
    assert (masked[lengths >= 2] >= 2).all()
    assert (masked[lengths >= 3] < lengths[lengths >= 3]).all()


@pytest.mark.parametrize("share", [-0.1, 0, 1, 2, float("nan")])
def test_an_impossible_share_is_named(share: float):
    with pytest.raises(UserError, match=f"mask_share: {share} "):
        SpanMask(5, share)


@pytest.mark.parametrize("span", [0, -3.0, float("nan")])
def test_a_span_of_no_frame_is_named(span: float):
    with pytest.raises(UserError, match="mask_seconds: spans of"):
        SpanMask(span, 0.5)
