"""Utterance mixing: how often, how much, how loud, and whose; all of it drawn from the key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy import stats

from mgf_brain.data.augment.utterance_mixing import UtteranceMixing
from mgf_brain.data.batches.crops import CropDataset, SeparateCrops
from mgf_brain.data.labels.tracks import FrameTrack
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

SAMPLES = 1000
ROWS = [Utterance(name, 1.0, f"{name}.wav", "one speaker") for name in "abcd"]


def constant(path: str, start: int, frames: int) -> torch.Tensor:
    """Stands for a file of one value, of constant energy wherever it is cut."""
    return torch.full((frames,), 0.3)


def mixing_of(read=constant, rows=ROWS, **options) -> UtteranceMixing:
    return UtteranceMixing(**{"probability": 1.0, **options}).for_corpus(rows, read)


@pytest.fixture
def wav() -> torch.Tensor:
    """Of constant energy, so that a ratio can be read off any piece."""
    return 1.0 - 2.0 * (torch.arange(SAMPLES) % 2)


@pytest.fixture
def noise_folder(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "hum.wav", np.full(5000, 0.25), 16000)
    return tmp_path


def added(mixing: UtteranceMixing, wav: torch.Tensor, keys: range = range(400)) -> torch.Tensor:
    """(K, N): what each key adds."""
    return torch.stack([mixing(wav, key) - wav for key in keys])


def test_a_share_of_the_crops_is_mixed(wav):
    mixed = [mixing_of(probability=0.2)(wav, key) is not wav for key in range(1000)]
    assert abs(np.mean(mixed) - 0.2) < 0.04
    assert all(mixing_of(probability=0.0)(wav, key) is wav for key in range(20))


def test_one_piece_of_up_to_half_the_crop_anywhere_in_it(wav):
    pieces = added(mixing_of(), wav).abs() > 1e-6
    lengths, starts = pieces.sum(1), pieces.int().argmax(1)
    ends = SAMPLES - pieces.flip(1).int().argmax(1)
    assert torch.equal(ends - starts, lengths)  # one piece, without a hole
    assert stats.kstest(lengths, "uniform", args=(1, SAMPLES / 2)).pvalue > 1e-3
    shares = starts / (SAMPLES - lengths)
    assert stats.kstest(shares, "uniform").pvalue > 1e-3


def test_energy_ratios_of_speech(wav):
    ratios = -20 * torch.log10(added(mixing_of(), wav).abs().amax(1))
    assert stats.kstest(ratios, "uniform", args=(-5, 10)).pvalue > 1e-3


def test_a_share_of_the_pieces_is_noise_with_ratios_of_its_own(wav, noise_folder):
    def tone(path: str, start: int, frames: int) -> torch.Tensor:
        return -constant(path, start, frames)  # to be told from the noise

    pieces = added(mixing_of(tone, noise_folder=noise_folder), wav, range(2000))
    noisy = pieces[pieces.sum(1) > 0]
    assert abs(len(noisy) / 2000 - 0.1) < 0.02
    ratios = -20 * torch.log10(noisy.amax(1))
    assert stats.kstest(ratios, "uniform", args=(-5, 25)).pvalue > 1e-3


def test_without_a_folder_all_is_speech(wav):
    pieces = added(mixing_of(noise_share=1.0), wav, range(20))
    assert (pieces.abs().amax(1) > 0.5).all()


def test_the_ratio_is_that_of_the_whole_crops_not_of_the_piece(wav):
    """A quiet place of the source stays quiet: algorithm 1 of the paper."""

    def half(path: str, start: int, frames: int) -> torch.Tensor:
        return (torch.arange(frames) >= frames // 2).float()

    pieces = added(mixing_of(half, speech_ratio=(0.0, 0.0)), wav)
    loudest = pieces.abs().amax(1)
    assert ((loudest < 1e-5) | ((loudest - 2**0.5).abs() < 1e-4)).all()
    assert 0.1 < (loudest < 1e-5).float().mean() < 0.6


def test_all_other_utterances_are_heard_and_never_the_own(wav):
    read = []

    def note(path: str, start: int, frames: int) -> torch.Tensor:
        read.append(path)
        return constant(path, start, frames)

    mixing = mixing_of(note)
    for key in range(60):
        mixing(wav, key, path="b.wav")
    assert set(read) == {"a.wav", "c.wav", "d.wav"}
    assert torch.equal(mixing_of(rows=ROWS[:1])(wav, 0, path="a.wav"), wav)


def test_the_key_alone_decides_and_the_crop_stays_as_it_was(wav):
    read = lambda path, start, frames: torch.arange(start, start + frames).float().sin()  # noqa: E731
    first, second, before = mixing_of(read), mixing_of(read), wav.clone()
    expected = [first(wav, key) for key in range(20)]
    state = torch.get_rng_state()
    assert all(torch.equal(second(wav, k), expected[k]) for k in reversed(range(20)))
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(wav, before)
    assert len({x.sum().item() for x in expected}) == 20


@pytest.mark.parametrize("samples", [1, 2, 400])
def test_silence_and_short_files_stay_finite_and_of_their_length(samples):
    silent = mixing_of(lambda path, start, frames: torch.zeros(frames))
    short = mixing_of(lambda path, start, frames: torch.ones(min(frames, 7)))
    for wav in (torch.zeros(samples), torch.ones(samples)):
        for key in range(20):
            assert torch.equal(silent(wav, key), wav)
            out = short(wav, key)
            assert out.shape == wav.shape and out.isfinite().all()


def test_labels_stay_those_of_the_first_utterance():
    rows = [Utterance(name, 3.0, f"{name}.wav", "s") for name in "ab"]
    labels = FrameTrack(np.arange(146), {"a": 73, "b": 73}, hop=640, window=880)
    plan = SeparateCrops(1, 1.0, 0.5)
    plain, mixed = (
        CropDataset(rows, 0, plan, constant, augmentation, {"labels": labels})
        for augmentation in (None, mixing_of(rows=rows))
    )
    for index in range(2):
        (a,), (b,) = plain[1, index][0], mixed[1, index][0]
        assert not torch.equal(a.wav, b.wav)
        assert torch.equal(a.tracks["labels"], b.tracks["labels"])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"noise_folder": "nowhere"}, "noise_folder: no audio found in nowhere"),
        ({"probability": 1.5}, "mixing_probability"),
        ({"noise_share": -0.1}, "noise_share"),
        ({"speech_ratio": [5.0, -5.0]}, "speech_ratio"),
        ({"noise_ratio": [5.0]}, "noise_ratio"),
    ],
)
def test_impossible_settings_are_named(options, message):
    with pytest.raises(UserError, match=message):
        UtteranceMixing(**options)
