"""Rooms: convolution without a shift, and impulse responses that decay as they should."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.augment.recordings import room_files
from mgf_brain.data.augment.rooms import SimulatedRooms, reverberate
from mgf_brain.data.augment.waveform import WaveformAugmentation
from mgf_brain.errors import UserError

RATE = 16000


@pytest.fixture
def wav():
    return 0.1 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))


def test_reverberation_is_a_linear_convolution_at_the_same_time_and_level(wav):
    rng = np.random.default_rng(1)
    response = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 400)
    response[:60], response[60] = 0.01 * response[:60], 9.0
    got = reverberate(wav, torch.from_numpy(response).float())
    expected = np.convolve(wav.double().numpy(), response)[60 : 60 + len(wav)]
    expected *= np.linalg.norm(wav.double()) / np.linalg.norm(expected)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-5)


def test_the_end_does_not_echo_in_the_beginning():
    wav = torch.zeros(1000)
    wav[990] = 1.0
    out = reverberate(wav, torch.tensor([1.0] + 99 * [0.0] + [0.5]))
    torch.testing.assert_close(out, wav, atol=1e-6, rtol=0)


@pytest.mark.parametrize("samples", [1, 50, 3000])
def test_a_delay_and_a_level_change_nothing(samples):
    wav = torch.randn(samples)
    response = torch.zeros(2000)
    response[700] = -0.01
    torch.testing.assert_close(reverberate(wav, response), -wav, atol=1e-5, rtol=0)


def test_the_decay_is_60_db_in_the_reverberation_time():
    """By Schroeder's backward integration, between -5 and -25 dB as ISO 3382 has it for T20."""
    for number in range(5):
        tail = SimulatedRooms(5, rt60=(0.6, 0.6))[number][1:].double().numpy()
        energy = np.cumsum(tail[::-1] ** 2)[::-1]
        decibels = 10 * np.log10(energy / energy[0])
        at = [np.argmax(decibels < level) / RATE for level in (-5, -25)]
        assert 3 * (at[1] - at[0]) == pytest.approx(0.6, rel=0.1)


def test_times_and_ratios_fill_their_ranges():
    rooms = SimulatedRooms(200, rt60=(0.1, 0.5), ratio=(-3.0, 9.0))
    responses = [rooms[number] for number in range(200)]
    times = [len(response) / RATE for response in responses]
    ratios = [-10 * response[1:].double().square().sum().log10().item() for response in responses]
    for values, low, high in ((times, 0.1, 0.5), (ratios, -3.0, 9.0)):
        assert low - 1e-3 < min(values) and max(values) < high + 1e-3
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=0.1 * (high - low))
    # What ``reverberate`` takes for the direct sound.
    assert all(response.abs().argmax() == 0 for response in responses)


def test_rooms_differ_and_are_the_same_every_time():
    first, second = SimulatedRooms(3), SimulatedRooms(30)
    assert all(torch.equal(first[number], second[number]) for number in range(3))
    assert len({len(second[number]) for number in range(30)}) > 25
    assert not torch.equal(first[0][:100], SimulatedRooms(3, seed=1)[0][:100])


def test_a_folder_of_noises_is_no_folder_of_rooms(tmp_path: Path):
    (tmp_path / "noise-1.wav").touch()
    with pytest.raises(UserError, match="reverb_folder: .* no small, medium or real room"):
        room_files(tmp_path)


def test_kinds_of_rooms_are_equally_likely(tmp_path: Path):
    """Though there are many small ones; large ones are never heard."""
    for folder, files, delay in (
        ("simulated_rirs/smallroom/Room001", 20, 1),
        ("simulated_rirs/mediumroom/Room001", 2, 2),
        ("simulated_rirs/largeroom/Room001", 9, 3),
        ("real_rirs_isotropic_noises", 1, 4),
    ):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(files):  # an echo tells the kind
            response = np.zeros(8)
            response[0], response[delay] = 1.0, 0.5
            soundfile.write(tmp_path / folder / f"rir{number}.wav", response, 16000)
    augment = WaveformAugmentation(reverb_folder=tmp_path, reverb_probability=1.0)
    wav = torch.zeros(16).index_fill(0, torch.tensor(0), 1.0)
    delays = [int(augment(wav, key)[1:].abs().argmax()) + 1 for key in range(300)]
    assert set(delays) == {1, 2, 4}
    assert all(abs(delays.count(delay) - 100) < 30 for delay in (1, 2, 4))
