"""What --pretrained may name."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.baselines import EcapaTdnn, XVector
from mgf_brain.pretrained import BASELINES, FROM_SCRATCH, load_extractor, pretrained_name
from tests.small_runs import weights


@pytest.mark.parametrize("name, kind", [("xvector", XVector), ("ecapa", EcapaTdnn)])
def test_networks_from_scratch_follow_the_seed_and_leave_the_random_state(name: str, kind: type):
    before = torch.get_rng_state()
    first, same, other = (load_extractor(name, "hparams/mgf.yaml", seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(first.encoder, kind) and not first.encoder.training
    values = [weights(extractor.encoder) for extractor in (first, same, other)]
    assert all(torch.equal(values[0][key], values[1][key]) for key in values[0])
    assert not all(torch.equal(values[0][key], values[2][key]) for key in values[0])
    assert first.name == name == pretrained_name(name)


def test_networks_are_those_of_the_papers_size():
    for name, millions in (("xvector", 4.4), ("ecapa", 6.2)):
        extractor = load_extractor(name, "hparams/mgf.yaml", seed=0)
        count = sum(p.numel() for p in extractor.encoder.network.parameters())
        assert count / 1e6 == pytest.approx(millions, abs=0.1)


def test_names_of_baselines():
    assert set(FROM_SCRATCH) < set(BASELINES) and {"fbank", "random"} < set(BASELINES)
