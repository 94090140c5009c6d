"""The mask over the spectrum: its transforms, padding that changes nothing, and learning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.augment.noise import Noise
from mgf_brain.data.augment.noisy_speech import Mixed, Mixtures, make_mixture_loader
from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.finetuning import train_head
from mgf_brain.inference import example_encoder
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.mask_head import (
    HOP,
    WINDOW,
    MaskHead,
    analyse,
    at_times,
    log_power,
    spectrum_frames,
    synthesise,
)
from mgf_brain.nn.masking import valid_frames
from mgf_brain.run.log import TrainingLog, read_metrics
from mgf_brain.tasks.enhancement.brain import EnhancementBrain, snr_loss
from tests.data.miniatures import write_noise
from tests.small_runs import changed, experiment, settings, weights

LENGTHS = [4000, 2561, 1000]  # samples, one a multiple of the hop and one above


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_head(encoder: torch.nn.Module, **options) -> MaskHead:
    torch.manual_seed(0)
    sizes = (encoder.num_states, encoder.dim, encoder.hop, encoder.window)
    head = MaskHead(*sizes, **{"hidden": 8, "layers": 2, "dropout": 0.5} | options).eval()
    head.mean.fill_(0.5)  # padding is then no longer 0
    return head


def test_frames_are_centred_on_multiples_of_the_hop():
    wav = noise(1000).double()
    padded = np.concatenate([np.zeros(WINDOW // 2), wav.numpy(), np.zeros(2 * WINDOW)])
    taper = np.sin(np.pi * np.arange(WINDOW) / WINDOW) ** 2
    expected = [
        np.fft.rfft(padded[t * HOP : t * HOP + WINDOW] * taper)
        for t in range(spectrum_frames(1000))
    ]
    np.testing.assert_allclose(analyse(wav[None])[0].numpy(), np.array(expected), atol=1e-4)


@pytest.mark.parametrize("samples", [400, 1024, 1025, 16001])
def test_synthesis_undoes_analysis(samples: int):
    wavs = noise(2, samples)
    torch.testing.assert_close(synthesise(analyse(wavs), samples), wavs, atol=1e-5, rtol=0)


def test_states_between_frames_are_interpolated():
    x, frames, hop, window = noise(2, 7, 3), torch.tensor([7, 4]), 320, 400
    times = HOP * torch.arange(40)
    found = at_times(x, frames, times, hop, window)
    for row, count in enumerate(frames.tolist()):
        centres = np.arange(count) * hop + window / 2
        for channel in range(3):
            expected = np.interp(times.numpy(), centres, x[row, :count, channel].numpy())
            np.testing.assert_allclose(found[row, :, channel], expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("spectrum", [True, False])
@pytest.mark.parametrize("make", [example_encoder, LogMelFeatures])
def test_an_utterance_alone_and_in_a_batch(make, spectrum: bool):
    encoder = make().eval()
    head = make_head(encoder, spectrum=spectrum)
    wavs, lengths = noise(3, max(LENGTHS)), torch.tensor(LENGTHS)
    wavs = wavs * valid_frames(lengths, wavs.shape[1])

    def enhance(wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        states, frames = encoder.encode(wavs, lengths)
        return head(torch.stack(states, dim=2), frames, wavs, lengths)

    together = enhance(wavs, lengths)
    for i, length in enumerate(LENGTHS):
        alone = enhance(wavs[i : i + 1, :length], lengths[i : i + 1])[0]
        torch.testing.assert_close(together[i, :length], alone, atol=1e-5, rtol=0)
        assert not together[i, length:].any()


@torch.no_grad()
def test_the_mask_only_takes_away():
    """What is kept of each bin has the noisy phase and no more than the noisy magnitude."""
    encoder = LogMelFeatures()
    head, seen = make_head(encoder), []
    head.mask.register_forward_hook(lambda module, inputs, mask: seen.append(mask))
    wavs, lengths = noise(1, 4000), torch.tensor([4000])
    states, frames = encoder.encode(wavs, lengths)
    made = head(torch.stack(states, dim=2), frames, wavs, lengths)
    (mask,) = seen
    assert 0 <= mask.min() < mask.max() <= 1
    torch.testing.assert_close(made, synthesise(mask * analyse(wavs), 4000))


def test_the_level_does_not_count():
    valid, wavs = torch.ones(1, spectrum_frames(4000)).bool(), noise(1, 4000)
    loud, soft = (log_power(analyse(gain * wavs), valid) for gain in (1.0, 0.01))
    torch.testing.assert_close(loud, soft, atol=1e-3, rtol=0)


def test_loss_is_the_ratio_until_it_is_good_enough():
    clean, error = noise(3, 500), noise(3, 500, seed=1)
    clean[2] = 0
    gains = torch.tensor([1.0, 1e-4, 0.1])
    enhanced = (clean + gains[:, None] * error).requires_grad_()
    loss = snr_loss(enhanced, clean)
    ratio = error[0].double().square().sum() / clean[0].double().square().sum()
    assert loss[0].item() == pytest.approx(10 * np.log10(ratio.item() + 1e-3), abs=1e-4)
    assert loss[1].item() == pytest.approx(-30.0, abs=1e-3)  # 80 dB are no better than 40
    loss.sum().backward()
    assert torch.isfinite(enhanced.grad).all()  # for silent speech too


@pytest.mark.parametrize("tune", [False, True])
def test_a_head_learns_and_the_encoder_only_if_asked(tmp_path: Path, tune: bool):
    """A few steps take some of the noise away from a tone."""
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(0.2 * np.arange(8000)), 16000)
    hiss = Recordings.of_files([write_noise(tmp_path / "hiss.wav", 2.0)], cache_mb=1.0)
    rows = [Utterance(f"u{i}", 0.5, str(tmp_path / "tone.wav"), "s") for i in range(4)]
    given = settings(tune, epochs=12)
    loader = make_mixture_loader(Mixtures(rows, Mixed(Noise(hiss, (0.0, 0.0)))), given, seed=0)
    encoder, log = example_encoder(), TrainingLog(tmp_path)
    head = make_head(encoder, dropout=0.0)
    before = weights(encoder)
    train_head(EnhancementBrain, experiment(tmp_path), encoder, head, loader, {}, log, given)
    losses = [row["loss"] for row in read_metrics(log.path)]
    assert losses[-1] < losses[0] - 2.0  # dB
    assert bool(changed(before, [encoder])) == tune
