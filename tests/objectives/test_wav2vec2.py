"""wav2vec 2.0's loss against transformers' and what its figures and references say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mgf_brain.data.batches.speech import SpeechBatch, example_batch
from mgf_brain.keyed_random import make_key, uniform
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import Frames, LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded
from mgf_brain.objectives.parts.contrastive import draw_negatives
from mgf_brain.objectives.parts.quantiser import ProductQuantiser, diversity_loss, gumbel_noise
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.objectives.wav2vec2 import QuantisedContrastive

NEGATIVES = 10
KEYS = torch.tensor([make_key("utt", i) for i in range(3)])


def encoded_of(latents: torch.Tensor, states: torch.Tensor, mask: torch.Tensor) -> Encoded:
    rows, frames, _ = latents.shape
    lengths = torch.full((rows,), frames)
    front = Frames(latents, lengths, latents, latents, latents[:, 0, :0], latents)
    batch = SpeechBatch([], latents[..., 0], lengths, KEYS[:rows], torch.arange(rows))
    return Encoded(batch, front, mask, torch.ones_like(mask), [states])


def example(entries: int = 5, **options) -> tuple[QuantisedContrastive, Encoded]:
    torch.manual_seed(0)
    quantiser = ProductQuantiser(8, 2, entries, code_dim=6)
    objective = QuantisedContrastive(16, quantiser, 4, NEGATIVES, **options)
    mask = uniform(KEYS, 20) < 0.5
    return objective, encoded_of(torch.randn(3, 20, 8), torch.randn(3, 20, 16), mask)


# -- transformers ---------------------------------------------------------------------------


def their_model(entries: int):
    """A small Wav2Vec2ForPreTraining without anything random but the Gumbel noise."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8, 8),
        conv_kernel=(10, 3),
        conv_stride=(5, 4),
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        num_codevectors_per_group=entries,
        codevector_dim=6,
        proj_codevector_dim=4,
        hidden_dropout=0.0,
        activation_dropout=0.0,
        attention_dropout=0.0,
        feat_proj_dropout=0.0,
        layerdrop=0.0,
    )
    return transformers.Wav2Vec2ForPreTraining(config)


def negative_indices(mask: torch.Tensor) -> torch.Tensor:
    """Our negatives as transformers wants them: (B, T, n) places among all frames of the batch."""
    counts = mask.sum(1)
    drawn = draw_negatives(KEYS, counts, int(counts.max()), NEGATIVES)
    index = torch.zeros(*mask.shape, NEGATIVES, dtype=torch.long)
    for b, row in enumerate(mask):
        places = row.nonzero()[:, 0]
        index[b, places] = places[drawn[b, : counts[b]]] + b * mask.shape[1]
    return index


def both(entries: int, training: bool, monkeypatch: pytest.MonkeyPatch):
    """The same batch through both, with the same weights, masks, negatives and noise."""
    model = their_model(entries).train(training)
    if not training:
        # transformers finds negatives with the positive's codes by comparing projected vectors.
        # A product with this matrix is exact; rounding would hide many of them.
        nn.init.eye_(model.project_q.weight)
        nn.init.zeros_(model.project_q.bias)
    wavs = torch.randn(3, 400)
    frames = int(model._get_feat_extract_output_lengths(400))
    mask = uniform(KEYS, frames) < 0.5
    quantiser = ProductQuantiser(8, 2, entries, code_dim=6)
    objective = QuantisedContrastive(16, quantiser, 4, NEGATIVES).train(training)
    quantiser.logits.load_state_dict(model.quantizer.weight_proj.state_dict())
    quantiser.codebook.data = model.quantizer.codevectors.data.view(2, entries, 3).clone()
    objective.context.load_state_dict(model.project_hid.state_dict())
    objective.target.load_state_dict(model.project_q.state_dict())

    noise = gumbel_noise(KEYS, (frames, 2, entries)).view(-1, entries)
    monkeypatch.setattr(torch.Tensor, "exponential_", lambda x: x.copy_((-noise).exp()))
    negatives = negative_indices(mask)
    theirs = model(wavs, mask_time_indices=mask, sampled_negative_indices=negatives)
    out = model.wav2vec2(wavs, mask_time_indices=mask)
    encoded = encoded_of(out.extract_features.detach(), out.last_hidden_state.detach(), mask)
    return model, theirs, objective, encoded


def test_training_loss_and_gradients_are_those_of_transformers(monkeypatch: pytest.MonkeyPatch):
    model, theirs, objective, encoded = both(320, True, monkeypatch)
    terms = objective(encoded)
    codes = objective._quantise(encoded).codes[encoded.mask]
    assert len(codes.unique(dim=0)) == len(codes)  # for the other case see the next test
    torch.testing.assert_close(terms.sums.sum(), theirs.loss, rtol=1e-5, atol=0)
    diversity = theirs.diversity_loss / encoded.mask.sum()
    torch.testing.assert_close(terms.figures["diversity"], diversity, rtol=1e-5, atol=0)

    pairs = [
        (objective.quantiser.logits.weight, model.quantizer.weight_proj.weight),
        (objective.quantiser.codebook, model.quantizer.codevectors),
        (objective.context.weight, model.project_hid.weight),
        (objective.target.weight, model.project_q.weight),
    ]
    ours = torch.autograd.grad(terms.sums.sum(), [pair[0] for pair in pairs])
    reference = torch.autograd.grad(theirs.loss, [pair[1] for pair in pairs])
    for x, y in zip(ours, reference, strict=True):
        torch.testing.assert_close(x, y.view_as(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("entries", [2, 20])
def test_evaluation_loss_is_that_of_transformers(entries: int, monkeypatch: pytest.MonkeyPatch):
    _, theirs, objective, encoded = both(entries, False, monkeypatch)
    objective.diversity = 0.0  # in evaluation theirs is of the chosen codes, not of the softmax
    terms = objective(encoded)
    torch.testing.assert_close(terms.sums.sum(), theirs.contrastive_loss, rtol=1e-5, atol=0)
    perplexity = theirs.codevector_perplexity / 2
    torch.testing.assert_close(terms.figures["perplexity"], perplexity, rtol=1e-5, atol=0)
    codes = objective._quantise(encoded).codes[encoded.mask]
    assert len(codes.unique(dim=0)) < len(codes)


# -- by itself ------------------------------------------------------------------------------


def test_diversity_is_added_once_a_frame():
    objective, encoded = example()
    plain, _ = example(diversity=0.0)
    shares = objective._quantise(encoded).shares
    difference = objective(encoded).mean() - plain(encoded).mean()
    torch.testing.assert_close(difference, 0.1 * diversity_loss(shares))


def test_noise_is_the_utterances_own_and_absent_in_evaluation():
    objective, encoded = example()
    torch.manual_seed(1)
    drawn = objective._quantise(encoded).codes
    torch.manual_seed(2)
    assert torch.equal(objective._quantise(encoded).codes, drawn)  # not from the running stream
    encoded.batch.keys = encoded.batch.keys + 1
    assert not torch.equal(objective._quantise(encoded).codes, drawn)
    chosen = objective.eval()._quantise(encoded).codes
    encoded.batch.keys = encoded.batch.keys + 1
    assert torch.equal(objective._quantise(encoded).codes, chosen)


def test_only_masked_frames_matter_to_the_loss():
    objective, encoded = example()
    before = objective(encoded).sums
    spoilt = torch.where(encoded.mask[..., None], encoded.frames.latents, torch.tensor(9.0))
    encoded.frames.latents = spoilt
    torch.testing.assert_close(objective(encoded).sums, before)


def test_references_are_of_the_same_candidates_with_the_same_diversity():
    objective, encoded = example(entries=320)
    quantised = objective._quantise(encoded)
    assert len(quantised.codes[encoded.mask].unique(dim=0)) == encoded.mask.sum()
    extra = 0.1 * diversity_loss(quantised.shares).item()
    references = objective.references(encoded)
    assert references["constant"].item() == pytest.approx(math.log(1 + NEGATIVES) + extra)

    few, encoded = example(entries=1)  # one code: no negative is left
    assert few.references(encoded)["constant"].item() == pytest.approx(0.0, abs=1e-6)


def test_padding_and_other_utterances_change_no_contrastive_term():
    objective, encoded = example(diversity=0.0)  # the diversity couples them
    together = objective.eval()(encoded).sums
    encoded.mask[0, 12:] = False
    shorter = objective(encoded).sums[0]
    cut = encoded_of(encoded.frames.latents[:1, :12], encoded.states[0][:1, :12], encoded.mask)
    cut.mask, cut.valid = encoded.mask[:1, :12], encoded.valid[:1, :12]
    torch.testing.assert_close(objective(cut).sums[0], shorter)
    assert not torch.isclose(together[0], shorter)
    torch.testing.assert_close(objective(encoded).sums[1:], together[1:])


def test_one_code_for_everything_is_seen_in_the_figures():
    objective, encoded = example(entries=5)
    objective.quantiser.logits.bias.data[::5] = 1e3
    figures = objective(encoded).figures
    assert figures["perplexity"].item() == pytest.approx(1.0)
    assert figures["usage"].item() == pytest.approx(20.0)
    assert figures["accuracy"] == 0.0
    assert figures["diversity"].item() == pytest.approx(0.8)
    assert figures["temperature"] == 2.0
    assert not any(value.requires_grad for value in figures.values())


def test_a_whole_model_trains_every_parameter():
    torch.manual_seed(0)
    speech = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 1, 4, 64, position_kernel=8))
    quantiser = ProductQuantiser(16, 2, 20, code_dim=8)
    objectives = {"wav2vec2": QuantisedContrastive(32, quantiser, 8)}
    model = PretrainingModel(speech, objectives, {"wav2vec2": 1.0}, SpanMask(3, 0.5))
    model.start_step(0.5)
    assert 0.5 < quantiser.temperature < 2.0
    _, terms = model(example_batch())
    terms["wav2vec2"].mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
