"""Offline targets against torchaudio's HuBERT and a loop in float64."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
import torchaudio
from torch import nn
from torch.nn import functional as F

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.data.labels.tracks import IGNORE
from mgf_brain.keyed_random import make_key, uniform
from mgf_brain.nn.frontends import Frames
from mgf_brain.objectives.base import Encoded
from mgf_brain.objectives.cluster_prediction import ClusterPrediction, CosineClassifier
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.scales import find_scales

DIM, CLUSTERS, FRAMES = 16, 7, 20
KEYS = torch.tensor([make_key("utt", i) for i in range(3)])
LENGTHS = torch.tensor([20, 13, 17])


def encoded_of(states: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor) -> Encoded:
    """Of rows of LENGTHS frames."""
    valid = torch.arange(states.shape[1])[None] < LENGTHS[: len(states), None]
    empty = states[..., :0]
    frames = Frames(empty, LENGTHS, empty, empty, empty[:, 0], empty)
    keys, groups = KEYS[: len(states)], torch.arange(len(states))
    batch = SpeechBatch([], states[..., 0], LENGTHS, keys, groups, tracks={"labels": labels})
    return Encoded(batch, frames, mask & valid, valid, [states])


def example(classifier: nn.Module | None = None) -> tuple[ClusterPrediction, Encoded]:
    """Labels end a frame before the longest row does, and one row lacks some in its middle."""
    torch.manual_seed(0)
    objective = ClusterPrediction(classifier or nn.Linear(DIM, CLUSTERS), CLUSTERS)
    labels = torch.randint(CLUSTERS, (3, FRAMES - 1))
    labels = labels.masked_fill(torch.arange(FRAMES - 1)[None] >= LENGTHS[:, None], IGNORE)
    labels[2, 4:7] = IGNORE
    mask = uniform(KEYS, FRAMES) < 0.5
    mask[0, -1] = True  # without a label
    return objective, encoded_of(torch.randn(3, FRAMES, DIM), labels, mask)


def chosen(encoded: Encoded, masked: bool = True) -> list[tuple[int, int, int]]:
    """Row, frame and label of all (un)masked frames that have a label."""
    labels = encoded.batch.tracks["labels"]
    return [
        (b, t, labels[b, t].item())
        for b in range(3)
        for t in range(min(int(LENGTHS[b]), labels.shape[1]))
        if bool(encoded.mask[b, t]) == masked and labels[b, t] != IGNORE
    ]


# -- torchaudio -------------------------------------------------------------------------------


def their_model() -> nn.Module:
    """A small HuBERT without anything random but its mask; its logits' inputs are kept."""
    torch.manual_seed(0)
    model = torchaudio.models.hubert_pretrain_model(
        extractor_mode="layer_norm",
        extractor_conv_layer_config=[(8, 10, 5), (8, 3, 4)],
        extractor_conv_bias=True,
        encoder_embed_dim=DIM,
        encoder_projection_dropout=0.0,
        encoder_pos_conv_kernel=4,
        encoder_pos_conv_groups=2,
        encoder_num_layers=1,
        encoder_num_heads=2,
        encoder_attention_dropout=0.0,
        encoder_ff_interm_features=32,
        encoder_ff_interm_dropout=0.0,
        encoder_dropout=0.0,
        encoder_layer_norm_first=False,
        encoder_layer_drop=0.0,
        mask_prob=0.5,
        mask_selection="static",
        mask_other=0.0,
        mask_length=3,
        no_mask_overlap=False,
        mask_min_space=1,
        mask_channel_prob=0.0,
        mask_channel_selection="static",
        mask_channel_other=0.0,
        mask_channel_length=3,
        no_mask_channel_overlap=False,
        mask_channel_min_space=1,
        skip_masked=False,
        skip_nomask=False,
        num_classes=CLUSTERS,
        final_dim=6,
        feature_grad_mult=None,
    )
    return model.train()


def test_logits_loss_and_gradients_are_those_of_torchaudios_hubert():
    """Theirs are of the positive and of all classes, with -inf where a class is the positive."""
    model, inputs = their_model(), []
    model.logit_generator.register_forward_pre_hook(lambda _, given: inputs.extend(given))
    labels = torch.randint(CLUSTERS, (3, FRAMES))
    masked, visible, _ = model(torch.randn(3, 5 * 4 * FRAMES + 10), labels)
    states, _, mask, _ = inputs

    classifier = CosineClassifier(DIM, CLUSTERS, projection=6, temperature=0.1)
    classifier.projection.load_state_dict(model.logit_generator.final_proj.state_dict())
    classifier.classes.data = model.logit_generator.label_embeddings.data.clone()
    objective, encoded = ClusterPrediction(classifier, CLUSTERS), encoded_of(states, labels, mask)
    encoded.mask, encoded.valid = mask, torch.ones_like(mask)
    terms = objective(encoded)

    positive = labels[mask][:, None]
    ours = classifier(states[mask])
    torch.testing.assert_close(ours.gather(1, positive), masked[:, :1])
    others = ours.scatter(1, positive, -torch.inf)
    torch.testing.assert_close(others, masked[:, 1:])
    loss = F.cross_entropy(masked, torch.zeros(len(masked), dtype=torch.long))
    torch.testing.assert_close(terms.mean(), loss)
    accuracy = 100 * (visible.argmax(1) == 0).float().mean()
    torch.testing.assert_close(terms.figures["visible_accuracy"], accuracy)

    pairs = [
        (classifier.classes, model.logit_generator.label_embeddings),
        (classifier.projection.weight, model.logit_generator.final_proj.weight),
    ]
    gradients = torch.autograd.grad(terms.mean(), [a for a, _ in pairs], retain_graph=True)
    reference = torch.autograd.grad(loss, [b for _, b in pairs])
    for x, y in zip(gradients, reference, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-6)


# -- by itself --------------------------------------------------------------------------------


def test_the_loss_against_a_loop():
    objective, encoded = example()
    terms, sums = objective(encoded), [0.0, 0.0, 0.0]
    for b, t, label in chosen(encoded):
        logits = objective.classifier(encoded.states[-1][b, t]).double()
        sums[b] += (logits.logsumexp(0) - logits[label]).item()
    assert terms.sums.tolist() == pytest.approx(sums, rel=1e-5)
    counts = Counter(b for b, _, _ in chosen(encoded))
    assert terms.counts.tolist() == [counts[b] for b in range(3)]
    assert terms.counts.sum() < encoded.mask.sum()  # some masked frames have no label


@pytest.mark.parametrize("masked", [True, False])
def test_accuracies_against_a_loop(masked: bool):
    objective, encoded = example()
    figures = objective(encoded).figures
    hits = [
        objective.classifier(encoded.states[-1][b, t]).argmax().item() == label
        for b, t, label in chosen(encoded, masked)
    ]
    name = "accuracy" if masked else "visible_accuracy"
    assert 0 < sum(hits) < len(hits)
    assert figures[name].item() == pytest.approx(100 * sum(hits) / len(hits))
    assert not any(value.requires_grad for value in figures.values())


def test_the_constant_comes_to_the_entropy_of_the_masked_labels_in_training():
    objective, encoded = example()
    labels = [label for _, _, label in chosen(encoded)]
    shares = [n / len(labels) for n in Counter(labels).values()]
    entropy = -sum(share * math.log(share) for share in shares)
    objective.eval()(encoded)
    before = objective.references(encoded)["constant"].item()
    assert before == pytest.approx(math.log(CLUSTERS))  # nothing was trained on
    for _ in range(300):
        objective.train()(encoded)
    assert objective.references(encoded)["constant"].item() == pytest.approx(entropy, rel=1e-3)


def test_usage_is_of_all_labels_of_the_training_so_far():
    objective, encoded = example()
    labels, used = encoded.batch.tracks["labels"], []
    for label in range(3):
        labels[labels != IGNORE] = label
        used.append(objective.train()(encoded).figures["usage"].item())
    assert used == pytest.approx([100 * n / CLUSTERS for n in (1, 2, 3)])
    assert not {"usage", "perplexity"} & objective.eval()(encoded).figures.keys()


def test_visible_frames_count_as_much_as_asked():
    objective, encoded = example()
    masked = objective(encoded)
    objective.visible_weight = 0.25
    both = objective(encoded)
    states, sums = encoded.states[-1], [0.0, 0.0, 0.0]
    for b, t, label in chosen(encoded, masked=False):
        sums[b] -= objective.classifier(states[b, t]).log_softmax(0)[label].item()
    counts = Counter(b for b, _, _ in chosen(encoded, masked=False))
    for b in range(3):
        extra = (both.sums - masked.sums)[b].item()
        assert extra == pytest.approx(0.25 * sums[b], rel=1e-4)
        assert (both.counts - masked.counts)[b].item() == 0.25 * counts[b]
    assert both.figures["masked_accuracy"] == masked.figures["accuracy"]
    assert both.figures["masked_loss"] == masked.mean()


def test_references_are_over_the_frames_of_the_loss_with_its_weights():
    """A constant that is right about visible frames alone is told from the one of both."""
    objective, encoded = example()
    objective.train()(encoded)
    objective.visible_weight = 0.25
    counts = objective.marginal.counts.tolist()
    sums, total = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for masked, weight in ((True, 1.0), (False, 0.25)):
        for _, _, label in chosen(encoded, masked):
            sums[masked] -= weight * math.log(counts[label] / sum(counts))
            total[masked] += weight
    references = objective.references(encoded)
    assert references.keys() == {"constant", "masked_constant"}
    assert references["constant"].item() == pytest.approx(
        (sums[True] + sums[False]) / (total[True] + total[False])
    )
    assert references["masked_constant"].item() == pytest.approx(sums[True] / total[True])
    assert sum(total.values()) == objective(encoded).counts.sum()


def test_naming_visible_frames_alone_is_not_learning():
    objective, encoded = example(nn.Identity())
    objective.visible_weight = 1.0
    labels = F.pad(encoded.batch.tracks["labels"], (0, 1), value=IGNORE).clamp(min=0)
    told = 20.0 * F.one_hot(labels, CLUSTERS)
    encoded.states = [told * ~encoded.mask[..., None]]  # of masked frames, nothing is known
    for _ in range(100):
        objective.train()(encoded)
    figures = {**objective(encoded).figures, **objective.references(encoded)}
    figures |= {"loss": objective(encoded).mean()}
    learns = {s.name: s.verdict for s in find_scales({f"x_{k}": v for k, v in figures.items()})}
    assert learns == {"x": "yes", "x_masked": "no"}


@pytest.mark.parametrize("weight", [0.0, 0.25])
def test_validation_weighs_a_figure_by_the_frames_that_it_is_of(weight: float):
    """Rows one by one come to what they come to together, though one is masked much more."""
    objective, encoded = example()
    objective.visible_weight = weight
    encoded.mask[1, 2:] = False
    together = validation(objective.eval(), [encoded])
    rows = []
    for b, frames in enumerate(LENGTHS.tolist()):
        row, labels = slice(b, b + 1), encoded.batch.tracks["labels"]
        alone = encoded_of(
            encoded.states[-1][row, :frames], labels[row, :frames], encoded.mask[row, :frames]
        )
        alone.mask, alone.valid = encoded.mask[row, :frames], encoded.valid[row, :frames]
        rows.append(alone)
    apart = validation(objective, rows)
    names = {"loss", "constant", "visible_accuracy"}
    names |= {"masked_loss", "masked_constant", "masked_accuracy"} if weight else {"accuracy"}
    for name in names:
        assert apart[f"offline_{name}"] == pytest.approx(together[f"offline_{name}"], rel=1e-5)


def validation(objective: ClusterPrediction, batches: list[Encoded]) -> dict[str, float]:
    """A Brain's figures of batches that are encoded already."""

    class Model:
        objectives, current_weights = {"offline": objective}, {"offline": 1.0}

        def start_step(self, progress: float) -> None:
            assert progress == 0.0

        def __call__(self, x: Encoded) -> tuple[Encoded, dict]:
            return x, {"offline": objective(x)}

    brain = PretrainingBrain.__new__(PretrainingBrain)
    brain.modules = SimpleNamespace(model=Model())
    brain.hparams = SimpleNamespace(monitor_from=1, optimizer_step_limit=10)
    brain.device, brain.optimizer_step = "cpu", 0
    brain.valid_loader = [SimpleNamespace(to=lambda device, x=x: x) for x in batches]
    return brain.validate()


def test_states_of_visible_and_padded_frames_do_not_matter():
    objective, encoded = example()
    before = objective(encoded).sums
    spoilt = torch.where(encoded.mask[..., None], encoded.states[-1], torch.tensor(9.0))
    encoded.states[-1] = spoilt
    torch.testing.assert_close(objective(encoded).sums, before)


def test_padding_changes_no_term():
    objective, encoded = example()
    labels, together = encoded.batch.tracks["labels"], objective(encoded)
    for b, frames in enumerate(LENGTHS.tolist()):
        row = slice(b, b + 1)
        alone = encoded_of(
            encoded.states[-1][row, :frames], labels[row, :frames], encoded.mask[row, :frames]
        )
        alone.mask, alone.valid = encoded.mask[row, :frames], encoded.valid[row, :frames]
        torch.testing.assert_close(objective(alone).sums[0], together.sums[b])


def test_cosines_do_not_depend_on_lengths_or_precision():
    torch.manual_seed(0)
    classifier, states = CosineClassifier(DIM, CLUSTERS, projection=6), torch.randn(9, DIM)
    exact = classifier(states)
    assert exact.abs().max() <= 10 + 1e-4
    classifier.classes.data *= torch.rand(CLUSTERS, 1) + 0.1
    torch.testing.assert_close(classifier(states), exact)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = classifier(states)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.2)


def test_nothing_masked_is_a_loss_of_zero():
    objective, encoded = example()
    encoded.mask = torch.zeros_like(encoded.mask)
    terms = objective(encoded)
    assert terms.mean() == 0.0 and all(x.isfinite() for x in terms.figures.values())


def test_a_state_and_a_track_of_choice():
    """As the top one and "labels" would be, had they what these have."""
    objective, encoded = example()
    expected = objective(encoded).sums
    low = ClusterPrediction(objective.classifier, CLUSTERS, layer=1, track="prosody")
    encoded.states[:] = [torch.zeros_like(encoded.states[-1]), encoded.states[-1], torch.zeros(1)]
    encoded.batch.tracks["prosody"] = encoded.batch.tracks.pop("labels")
    torch.testing.assert_close(low(encoded).sums, expected)
    assert low.state == 1 and low.tracks == ("prosody",)
