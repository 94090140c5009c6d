"""The table of differences from transformers: that it would show one."""

from __future__ import annotations

import pytest
import torch

from experiments.parity import Case, compare, difference

pytest.importorskip("transformers")


def test_the_largest_difference_of_a_layer_by_its_size():
    states = [torch.tensor([[4.0, 2.0]]), torch.tensor([[1.0, -8.0]])]
    others = [torch.tensor([[4.0, 1.0]]), torch.tensor([[1.0, -8.0]])]
    assert difference(states, others) == 0.25
    with pytest.raises(AssertionError):
        difference(states, [x[:0] for x in states])  # another number of frames


def test_a_model_that_computes_otherwise_would_be_seen(monkeypatch: pytest.MonkeyPatch):
    case = Case("wavlm", "small", "group")
    assert max(compare(case, 1.0).values()) < 1e-5
    monkeypatch.setattr(
        "mgf_brain.nn.relative_positions.PositionGate.forward",
        lambda self, x: x.new_ones(1, 1, 1, 1),
    )
    assert compare(case, 1.0)["from transformers"] > 1e-3
