"""Phones as stretches of utterances, and the frames that fall into them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mgf_brain.data.labels.phone_tokens import frames_within, not_speech, phone_tokens
from mgf_brain.data.manifest import Utterance


def draw(seed: int, utterances: int = 6):
    rng = np.random.default_rng(seed)
    rows = [Utterance(f"u{i}", 1.0, "/a.wav", f"s{i % 3}") for i in range(utterances)]
    labels = {
        u.id: torch.from_numpy(np.repeat(rng.integers(5, size=20), rng.integers(1, 4, size=20)))
        for u in rows
    }
    return rows, labels


@pytest.mark.parametrize("span", ["triphone", "phone"])
def test_tokens_are_those_of_a_plain_loop(span: str):
    rows, labels = draw(0)
    expected = []
    for place, u in enumerate(rows):
        ids = labels[u.id].tolist()
        edges = [0, *(i for i in range(1, len(ids)) if ids[i] != ids[i - 1]), len(ids)]
        for k in range(1, len(edges) - 2):
            before, phone, after = (ids[edges[k + j]] for j in (-1, 0, 1))
            if 0 in (before, phone, after):
                continue
            start, stop = (edges[k - 1], edges[k + 2]) if span == "triphone" else edges[k : k + 2]
            expected.append((place, 160 * start, 160 * stop, phone, (before, after), place % 3))
    tokens = phone_tokens(rows, labels, {0}, span)
    assert len(expected) > 20
    for k in (0, 1, 2, 3, 5):
        assert tokens[k].tolist() == [row[k] for row in expected]
    numbers = {}
    for row, number in zip(expected, tokens.context.tolist(), strict=True):
        assert numbers.setdefault(row[4], number) == number
    assert len(set(numbers.values())) == len(numbers)  # another context, another number


def test_an_utterance_without_phones_has_no_tokens():
    rows, _ = draw(0, utterances=1)
    assert phone_tokens(rows, {"u0": torch.zeros(9).long()}, {0}).phone.shape == (0,)
    assert phone_tokens([], {}, {0}).phone.shape == (0,)


@pytest.mark.parametrize("hop, window", [(160, 400), (320, 400), (640, 880), (441, 1000)])
def test_frames_are_those_with_their_middle_inside(hop: int, window: int):
    rng = np.random.default_rng(hop)
    start = 160 * rng.integers(200, size=300)
    stop = start + 160 * rng.integers(1, 30, size=300)
    count = (30_000 - window) // hop + 1  # shorter than some labels reach
    first, frames = frames_within(start, stop, np.full(300, count), hop, window)
    centres = np.arange(count) * hop + window / 2
    for a, b, i, n in zip(start, stop, first, frames, strict=True):
        inside = np.flatnonzero((centres >= a) & (centres < b))
        if len(inside):
            assert inside.tolist() == list(range(i, i + n))
        else:
            assert n == 1
            away = np.abs(centres - (a + b) / 2)
            assert away[i] == pytest.approx(away.min())


def test_what_is_no_phone():
    assert not_speech(["AA", "SIL", "B", "spn"]) == {1, 3}
    assert not_speech(["0", "1"]) == {0}
