"""BEST-RQ's labels against a loop and SpeechBrain's quantiser, and the loss on top of them."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torchaudio.functional import melscale_fbanks

from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import EDGES, LogMel, MelBands
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform
from mgf_brain.objectives.base import Encoded
from mgf_brain.objectives.bestrq import RandomQuantiser, RandomTargets
from mgf_brain.objectives.parts.label_figures import label_figures
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.spectrum import normalise_frames

CODES = 50
FRONT_ENDS = {
    "logmel": lambda: (LogMel(16, stack=4), {"bins": 804, "spectra": 4}),
    "waveform": lambda: (
        Waveform([8, 8], (400, 4), (160, 4), gabor=True),
        {"bins": 441},
    ),
}


def noises(samples: tuple[int, ...] = (16000, 9000)) -> SpeechBatch:
    generator = torch.Generator().manual_seed(0)
    wavs = [0.1 * torch.randn(n, generator=generator) for n in samples]
    return make_batch([(f"utt{i}", i, wav) for i, wav in enumerate(wavs)])


def model_of(front_end: str) -> PretrainingModel:
    torch.manual_seed(0)
    module, options = FRONT_ENDS[front_end]()
    speech = SpeechModel(
        module, TransformerEncoder(module.dim, 32, 1, 4, 64, 0.0, position_kernel=8)
    )
    objectives = {"bestrq": RandomTargets(32, **options, codes=CODES)}
    return PretrainingModel(speech, objectives, {"bestrq": 1.0}, SpanMask(3, 0.5)).eval()


def labels_of(model: PretrainingModel, batch: SpeechBatch) -> tuple[torch.Tensor, Encoded]:
    with torch.no_grad():
        encoded = model.encode(batch)
    return model.objectives["bestrq"].labels(encoded), encoded


def test_labels_against_a_loop_over_normalised_distances():
    torch.manual_seed(0)
    quantiser, x = RandomQuantiser(12, CODES), torch.randn(2, 9, 12)
    projection, codes = quantiser.projection.double(), quantiser.codebook.double()
    for row, labels in zip(x.double(), quantiser(x), strict=True):
        for frame, label in zip(row, labels, strict=True):
            y = frame @ projection
            distances = [((y / y.norm() - code / code.norm()) ** 2).sum().item() for code in codes]
            assert distances[label] == min(distances)


def test_labels_are_those_of_speechbrain():
    quantisers = pytest.importorskip("speechbrain.nnet.quantisers")
    torch.manual_seed(0)
    theirs, ours = quantisers.RandomProjectionQuantizer(12, 16, CODES), RandomQuantiser(12, CODES)
    ours.load_state_dict({"projection": theirs.P, "codebook": theirs.CB})
    x = torch.randn(2, 30, 12)
    assert torch.equal(ours(x), theirs(x))


def test_projection_and_codebook_are_drawn_as_in_the_paper():
    torch.manual_seed(0)
    quantiser = RandomQuantiser(320, codes=8192)
    bound = math.sqrt(6 / (320 + 16))  # Xavier, uniform
    assert 0.99 * bound < quantiser.projection.abs().max() <= bound
    torch.testing.assert_close(quantiser.codebook.norm(dim=1), torch.ones(8192))
    torch.testing.assert_close(quantiser.codebook.mean(0), torch.zeros(16), atol=0.02, rtol=0)


@pytest.mark.parametrize("codes, code_dim", [(1, 16), (0, 16), (64, 0)])
def test_a_codebook_that_tells_nothing_is_refused(codes: int, code_dim: int):
    with pytest.raises(UserError, match=f"codes: {codes}, code_dim: {code_dim}"):
        RandomQuantiser(16, codes, code_dim)


def test_the_quantiser_is_frozen_and_saved():
    objective, other = (RandomTargets(32, 201, codes=CODES) for _ in range(2))
    assert {name.split(".")[0] for name, _ in objective.named_parameters()} == {"classifier"}
    x = torch.randn(2, 9, 80)
    assert not torch.equal(objective.quantiser(x), other.quantiser(x))
    other.load_state_dict(objective.state_dict())
    assert torch.equal(objective.quantiser(x), other.quantiser(x))


def test_log_mel_frames_are_what_the_front_end_reads():
    model = model_of("logmel")
    labels, encoded = labels_of(model, noises())
    expected = model.objectives["bestrq"].quantiser(encoded.frames.inputs)
    assert torch.equal(labels, expected)


def test_waveform_frames_are_the_mel_bands_of_their_windows():
    model = model_of("waveform")
    labels, encoded = labels_of(model, noises((16000,)))
    [wav] = noises((16000,)).wavs.double()
    wav = (wav - wav.mean()) / wav.std(correction=0)
    window, bank = torch.hann_window(880).double(), melscale_fbanks(441, *EDGES, 80, 16000)
    rows = []
    for start in range(0, 16000 - 880 + 1, 640):
        power = torch.fft.rfft(wav[start : start + 880] * window).abs() ** 2 / (window**2).sum()
        rows.append((power @ bank.double() + MelBands.FLOOR).log())
    x = torch.stack(rows)
    x = (x - x.mean(0)) / (x.std(0, correction=0) + 0.01)
    assert (labels[0] == model.objectives["bestrq"].quantiser(x)).float().mean() > 0.95


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_labels_do_not_depend_on_padding(front_end: str):
    model, batch = model_of(front_end), noises()
    together, encoded = labels_of(model, batch)
    alone, _ = labels_of(model, noises()._map(lambda x: x[1:, :9000] if x.dim() > 1 else x[1:]))
    frames = int(encoded.frames.lengths[1])
    assert frames == alone.shape[1]
    assert torch.equal(together[1, :frames], alone[0])


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_labels_do_not_depend_on_the_level(front_end: str):
    model, batch = model_of(front_end), noises()
    quiet = copy.deepcopy(batch)
    quiet.wavs *= 0.3
    same = labels_of(model, batch)[0] == labels_of(model, quiet)[0]
    assert same.float().mean() > 0.95  # but for rounding and the floor


def test_normalisation_keeps_the_codebook_in_use():
    torch.manual_seed(0)
    quantiser, colour = RandomQuantiser(80, codes=CODES), 5 * torch.randn(80)
    x, valid = torch.randn(4, 100, 80) + colour, torch.ones(4, 100).bool()
    raw = label_figures(quantiser(x), valid, CODES)["usage"]
    assert label_figures(quantiser(normalise_frames(x, valid)), valid, CODES)["usage"] > 2 * raw


def test_labels_do_not_depend_on_autocast():
    model, batch = model_of("logmel"), noises()
    exact, encoded = labels_of(model, batch)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.objectives["bestrq"].labels(encoded), exact)


def test_the_loss_is_the_cross_entropy_of_masked_labels():
    model = model_of("logmel")
    objective = model.objectives["bestrq"]
    encoded, terms = model(noises())
    labels, sums = objective.labels(encoded), [0.0, 0.0]
    for b, t in encoded.mask.nonzero().tolist():
        logits = objective.classifier(encoded.states[-1][b, t]).double()
        sums[b] += (logits.logsumexp(0) - logits[labels[b, t]]).item()
    assert terms["bestrq"].sums.tolist() == pytest.approx(sums, rel=1e-5)
    assert terms["bestrq"].counts.tolist() == encoded.mask.sum(1).tolist()


def test_the_constant_reference_is_at_most_that_of_even_labels():
    model = model_of("logmel")
    objective = model.objectives["bestrq"]
    nn.init.zeros_(objective.classifier.weight)
    nn.init.zeros_(objective.classifier.bias)
    encoded, terms = model(noises())
    assert terms["bestrq"].mean().item() == pytest.approx(math.log(CODES), rel=1e-5)
    _, trained = model.train()(noises())  # the marginal is that of what was trained on
    assert objective.references(encoded)["constant"] < math.log(CODES)
    assert set(terms["bestrq"].figures) == {"accuracy"}
    assert set(trained["bestrq"].figures) == {"accuracy", "perplexity", "usage"}


def test_usage_is_of_all_labels_of_the_training_so_far(monkeypatch: pytest.MonkeyPatch):
    model = model_of("logmel")
    objective, used = model.objectives["bestrq"], []
    labels = objective.labels(model(noises())[0])
    monkeypatch.setattr(objective, "labels", lambda encoded: labels)
    for label in range(3):
        labels.fill_(label)
        used.append(model.train()(noises())[1]["bestrq"].figures["usage"].item())
    assert used == pytest.approx([100 * n / CODES for n in (1, 2, 3)])


def test_a_few_steps_learn_a_few_utterances():
    model = model_of("logmel").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(40):
        encoded, terms = model(noises())
        optimizer.zero_grad()
        terms["bestrq"].mean().backward()
        optimizer.step()
    constant = model.objectives["bestrq"].references(encoded)["constant"]
    assert terms["bestrq"].mean() < constant
