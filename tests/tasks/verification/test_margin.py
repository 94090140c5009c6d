"""AAM-softmax against the definition, at every angle."""

from __future__ import annotations

import math

import pytest
import torch
from speechbrain.nnet.losses import AdditiveAngularMargin, LogSoftmaxWrapper

from mgf_brain.tasks.verification.margin import AngularMarginHead


def plain_loss(head: AngularMarginHead, embeddings: torch.Tensor, labels: torch.Tensor) -> float:
    """Deng et al. 2019, equation 3, one angle at a time in float64."""
    total = 0.0
    for x, label in zip(embeddings.double(), labels.tolist(), strict=True):
        logits = []
        for k, w in enumerate(head.weight.detach().double()):
            cosine = float(x @ w / (x.norm() * w.norm()))
            logits.append(head.scale * (own(cosine, head.margin) if k == label else cosine))
        total += math.log(sum(math.exp(z) for z in logits)) - logits[label]
    return total / len(labels)


def own(cosine: float, margin: float) -> float:
    angle = math.acos(cosine)
    if angle <= math.pi - margin:
        return math.cos(angle + margin)
    return cosine - margin * math.sin(margin)


def at_angles(angles: torch.Tensor, margin: float) -> tuple[AngularMarginHead, torch.Tensor]:
    """A head of two opposite classes in the plane, and embeddings at these angles to the first."""
    head = AngularMarginHead(2, 2, margin)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    return head, torch.stack([angles.cos(), angles.sin()], dim=1)


@pytest.mark.parametrize("margin, scale", [(0.2, 30.0), (0.0, 30.0), (0.5, 64.0), (0.3, 1.0)])
def test_the_loss_against_the_definition(margin: float, scale: float):
    torch.manual_seed(0)
    head = AngularMarginHead(8, 5, margin, scale)
    embeddings, labels = 3.0 * torch.randn(40, 8), torch.arange(40) % 5
    expected = plain_loss(head, embeddings, labels)
    assert head(embeddings, labels).item() == pytest.approx(expected, rel=1e-4)


def test_every_angle_against_the_definition_also_beyond_pi_minus_the_margin():
    angles = torch.linspace(0.01, math.pi - 0.01, 200)
    head, x = at_angles(angles, margin=0.4)
    zeros = torch.zeros(1, dtype=torch.long)
    losses = [head(row[None], zeros).item() for row in x]
    expected = [plain_loss(head, row[None], zeros) for row in x]
    assert losses == pytest.approx(expected, rel=1e-4, abs=1e-6)
    rising = [b - a for a, b in zip(losses, losses[1:], strict=False)]
    assert min(rising) >= -1e-6  # a larger angle never costs less


def test_it_is_speechbrains_loss():
    head, embeddings = AngularMarginHead(8, 5), torch.randn(6, 8)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    reference = LogSoftmaxWrapper(AdditiveAngularMargin(margin=0.2, scale=30.0))
    expected = reference((head.logits(embeddings) / 30.0)[:, None], labels[:, None])
    torch.testing.assert_close(head(embeddings, labels), expected)


def test_the_margin_can_be_raised_and_logits_never_have_one():
    torch.manual_seed(0)
    head, embeddings, labels = AngularMarginHead(8, 5, 0.0), torch.randn(6, 8), torch.arange(6) % 5
    logits = head.logits(embeddings)
    losses = [head(embeddings, labels).item()]
    assert losses[0] == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item())
    for margin in (0.1, 0.2):
        head.margin = margin
        assert head.margin == margin
        losses.append(head(embeddings, labels).item())
        fresh = AngularMarginHead(8, 5, margin)
        fresh.load_state_dict(head.state_dict())
        assert fresh(embeddings, labels).item() == losses[-1]
    assert losses == sorted(losses) and len(set(losses)) == 3
    assert torch.equal(head.logits(embeddings), logits)


def test_the_length_of_an_embedding_says_nothing():
    head, embeddings, labels = AngularMarginHead(8, 5), torch.randn(6, 8), torch.arange(6) % 5
    torch.testing.assert_close(head(100.0 * embeddings, labels), head(embeddings, labels))


@pytest.mark.parametrize("angle", [0.0, math.pi])
def test_gradients_are_finite_where_the_sine_vanishes(angle: float):
    head, x = at_angles(torch.tensor([angle]), margin=0.2)
    x.requires_grad_()
    head(x, torch.tensor([0])).backward()
    assert x.grad.isfinite().all() and head.weight.grad.isfinite().all()


def test_autocast_leaves_the_cosines_in_full_precision():
    head, embeddings, labels = AngularMarginHead(64, 50), torch.randn(6, 64), torch.arange(6)
    with torch.autocast("cpu", torch.bfloat16):
        loss = head(embeddings, labels)
    assert torch.equal(loss, head(embeddings, labels))
