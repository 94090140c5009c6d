"""ProgRE's encoder: what is subtracted where, in which order the states come, and padding."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.f0 import batch_f0
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.pitch_encoder import PitchEncoder
from mgf_brain.nn.progressive import ProgressiveEncoder, ProgressiveModel, SpeakerExtractor

DIM, LATENT, STACK = 32, 16, 4


def encoder(pitch: bool = True, speaker: bool = True, **options) -> ProgressiveEncoder:
    torch.manual_seed(0)
    settings = {"layers": 4, "heads": 4, "ffn": 64, "dropout": 0.0, "position_kernel": 8}
    return ProgressiveEncoder(
        PitchEncoder(DIM, channels=8, kernel=5, hidden=4, per_frame=STACK) if pitch else None,
        SpeakerExtractor(DIM, attention=8) if speaker else None,
        speaker_layer=2,
        input_dim=LATENT,
        dim=DIM,
        **settings | options,
    ).eval()


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([9, 5])
    latents = torch.randn(2, 9, LATENT, generator=generator)
    latents[1, 5:] = 0.0
    pitch = torch.randn(2, 9 * STACK, generator=generator)
    pitch[1, 5 * STACK :] = 0.0
    return latents, lengths, pitch


def test_speaker_extractor_against_a_loop():
    torch.manual_seed(0)
    extractor, x = SpeakerExtractor(6, attention=4).double(), torch.randn(1, 5, 6).double()
    first, _, second = extractor.attention
    scores = [second.weight @ torch.tanh(first.weight @ x[0, t]) for t in range(4)]
    total = sum(s.exp() for s in scores)
    rows = []
    for t in range(4):
        weight = scores[t].exp() / total
        mean = weight * x[0, t]
        deviation = (weight * x[0, t] ** 2 - mean**2 + 1e-5).sqrt()
        rows.append(extractor.norm(extractor.out(torch.cat([mean, deviation]))))
    valid = torch.tensor([[True] * 4 + [False]])
    found = extractor.float()(x.float(), valid)[0, :4].double()
    torch.testing.assert_close(found, torch.stack(rows), rtol=1e-4, atol=1e-4)


def test_states_are_in_the_papers_order():
    model = encoder()
    latents, lengths, pitch = inputs()
    layers, speakers = [], []
    for layer in model.layers:
        layer.register_forward_hook(lambda _, args, out: layers.append((args[0], out)))
    model.speaker.register_forward_hook(lambda _, args, out: speakers.append(out))
    states = model(latents, lengths, pitch=pitch)
    assert len(states) == model.num_states == 6
    torch.testing.assert_close(states[0], model.pitch(pitch, lengths))
    torch.testing.assert_close(states[1], layers[0][1])
    torch.testing.assert_close(states[model.speaker_state], speakers[0])
    torch.testing.assert_close(states[3], layers[1][1] - speakers[0])
    torch.testing.assert_close(layers[2][0], states[3])  # the upper layers read the difference


def test_pitch_is_subtracted_before_positions():
    """Subtracting a pitch embedding is the same as projecting latents that lack it."""
    model = encoder()
    latents, lengths, pitch = inputs()
    placed = []
    model.positions.register_forward_hook(lambda _, args, out: placed.append(args[0]))
    model(latents, lengths, pitch=pitch)
    plain = model.pitch_norm(model.projection(latents) - model.pitch(pitch, lengths))
    valid = torch.arange(9) < lengths[:, None]
    torch.testing.assert_close(placed[0], plain * valid[..., None])


@pytest.mark.parametrize(("residual", "sign"), [("subtract", -1.0), ("add", 1.0), ("none", 0.0)])
def test_residuals(residual, sign):
    model = encoder(residual=residual)
    latents, lengths, pitch = inputs()
    outputs = []
    model.layers[1].register_forward_hook(lambda _, args, out: outputs.append(out))
    states = model(latents, lengths, pitch=pitch)
    torch.testing.assert_close(states[3], outputs[0] + sign * states[2])


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_the_stopped_gradient(stop_gradient):
    """What the upper layers learn reaches the extractor only if it is not stopped."""
    model = encoder(stop_gradient=stop_gradient)
    latents, lengths, pitch = inputs()
    model(latents, lengths, pitch=pitch)[-1].square().sum().backward()
    gradient = model.speaker.out.weight.grad
    assert (gradient is None or not gradient.any()) == stop_gradient


@pytest.mark.parametrize(("pitch", "speaker"), [(False, True), (True, False), (False, False)])
def test_steps_can_be_left_out(pitch, speaker):
    model = encoder(pitch, speaker)
    latents, lengths, f0 = inputs()
    states = model(latents, lengths, pitch=f0 if pitch else None)
    assert len(states) == model.num_states == 5 + speaker


@pytest.mark.parametrize("relative_buckets", [None, 16])
def test_padding_changes_nothing(relative_buckets):
    model = encoder(relative_buckets=relative_buckets)
    latents, lengths, pitch = inputs()
    batch = model(latents, lengths, pitch=pitch)
    alone = model(latents[1:, :5], lengths[1:], pitch=pitch[1:, : 5 * STACK])
    for together, single in zip(batch, alone, strict=True):
        torch.testing.assert_close(together[1:, :5], single, rtol=1e-4, atol=1e-5)


def test_a_row_without_frames_spoils_nothing():
    model = encoder()
    latents, lengths, pitch = inputs()
    expected = model(latents, lengths, pitch=pitch)
    states = model(latents, torch.tensor([9, 0]), pitch=pitch)
    for state, other in zip(states, expected, strict=True):
        assert state.isfinite().all()
        torch.testing.assert_close(state[0], other[0])


def test_f0_comes_from_the_track_or_from_the_waveform():
    model = ProgressiveModel(LogMel(LATENT, stack=STACK), encoder()).eval()
    time = torch.arange(16000) / 16000
    wav = torch.stack([torch.sin(2 * torch.pi * f * time).sign() * 0.3 for f in (120.0, 220.0)])
    lengths = torch.tensor([16000, 12000])
    frames, states = model(wav, lengths)
    assert len(states) == model.encoder.num_states
    assert all(state.isfinite().all() for state in states)
    tracked = model.encode(frames, tracks={"pitch": batch_f0(wav, lengths)})
    torch.testing.assert_close(tracked[-1], states[-1])
    glide = model.encode(frames, tracks={"pitch": torch.linspace(-2, 2, 98).expand(2, -1)})
    assert not torch.allclose(glide[-1], states[-1], atol=1e-3)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UserError, match="residual: must be one of"):
        encoder(residual="divide")
    with pytest.raises(UserError, match="speaker_layer: must be 1 to 1"):
        encoder(layers=1)
