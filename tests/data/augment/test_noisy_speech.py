"""Noisy speech with its clean version: what is drawn, what is held out, what is read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.data.augment.noise import Noise
from mgf_brain.data.augment.noisy_speech import (
    Mixed,
    MixtureDataset,
    Mixtures,
    Recorded,
    make_mixture_batch,
    make_mixture_loader,
    split_files,
)
from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.data.batches.crops import SeparateCrops
from mgf_brain.data.corpora.own import prepare_clean_folder
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.errors import UserError
from mgf_brain.tasks.enhancement.data import own_mixtures
from tests.data.miniatures import write_noise

SETTINGS = {"crop_plan": SeparateCrops(1, 0.3, 0.1), "batch_seconds": 1.0}


@pytest.fixture
def mixtures(tmp_path: Path) -> Mixtures:
    """Six utterances of 0.5 s and four noises, at 5 to 10 dB."""
    files = [write_noise(tmp_path / "noise" / f"n{i}.wav", 1.0) for i in range(4)]
    wavs = [write_noise(tmp_path / "speech" / f"u{i}.wav", 0.5) for i in range(6)]
    rows = [Utterance(wav.stem, 0.5, str(wav), wav.stem) for wav in wavs]
    return Mixtures(rows, Mixed(Noise(Recordings.of_files(files, cache_mb=1.0), (5.0, 10.0))))


def snr(noisy: torch.Tensor, clean: torch.Tensor) -> float:
    """In dB."""
    return float(10 * (clean.square().sum() / (noisy - clean).square().sum()).log10())


def test_the_ratio_is_within_its_range_and_the_clean_file_as_it_is(mixtures: Mixtures):
    ratios = set()
    for u in mixtures.utterances:
        noisy, clean = mixtures.fixed(u)
        assert torch.equal(clean, read_audio(u.wav))
        ratios.add(round(snr(noisy, clean), 3))
    assert len(ratios) > 1 and 5.0 - 1e-3 <= min(ratios) <= max(ratios) <= 10.0 + 1e-3


def test_what_is_scored_is_always_the_same(mixtures: Mixtures):
    first, again = ([mixtures.fixed(u)[0] for u in mixtures.utterances] for _ in range(2))
    assert all(map(torch.equal, first, again))


@pytest.mark.parametrize("hours", [0.0, 1.0])
def test_an_epoch_is_drawn_from_its_number(mixtures: Mixtures, hours: float):
    """Whatever was drawn before; files from the cache or not."""

    def epoch(number: int, seed: int = 0) -> dict[str, torch.Tensor]:
        loader = make_mixture_loader(mixtures, SETTINGS | {"audio_cache_hours": hours}, seed)
        loader.batch_sampler.set_epoch(number)
        rows = [row for b in loader for row in zip(b.ids, b.noisy, b.lengths, strict=True)]
        return {id: wav[:length] for id, wav, length in rows}

    one, two, again, other = epoch(1), epoch(2), epoch(1), epoch(1, seed=1)
    assert set(one) == {u.id for u in mixtures.utterances}
    for id in one:
        assert len(one[id]) == 4800  # 0.3 s
        assert torch.equal(one[id], again[id])
        assert not torch.equal(one[id], two[id]) and not torch.equal(one[id], other[id])


def test_noisy_and_clean_are_the_same_piece(mixtures: Mixtures):
    data = MixtureDataset(mixtures, seed=0, plan=SETTINGS["crop_plan"])
    _, noisy, clean = data[1, 0]
    whole = read_audio(mixtures.utterances[0].wav)
    pieces = whole.unfold(0, len(clean), 1)
    assert (pieces == clean).all(1).any()
    assert 5.0 - 1e-3 <= snr(noisy, clean) <= 10.0 + 1e-3


def test_recorded_pairs_are_cut_to_the_shorter_file(tmp_path: Path):
    noisy, clean = (
        write_noise(tmp_path / "noisy.wav", 0.5),
        write_noise(tmp_path / "clean.wav", 0.4),
    )
    pair = Recorded({"u": str(clean)})
    found = pair(Utterance("u", 0.5, str(noisy), "s"), key=0)
    assert torch.equal(found[0], read_audio(noisy)[:6400])
    assert torch.equal(found[1], read_audio(clean))


def test_batches_are_padded_at_the_end():
    batch = make_mixture_batch(
        [("a", torch.ones(3), torch.ones(3)), ("b", torch.ones(5), torch.ones(5))]
    )
    assert batch.ids == ["a", "b"] and batch.lengths.tolist() == [3, 5]
    assert batch.noisy.tolist() == batch.clean.tolist() == [[1, 1, 1, 0, 0], [1] * 5]
    assert batch.seconds == 8 / 16000


def test_noise_is_held_out_by_file():
    paths = [Path(f"{i}.wav") for i in range(15)]
    stay, held_out = split_files(paths, 0.2, seed=0)
    assert sorted(stay + held_out) == sorted(paths) and len(held_out) == 3
    assert split_files(paths, 0.2, seed=0) == (stay, held_out)
    assert split_files(paths, 0.2, seed=1)[1] != held_out
    with pytest.raises(UserError, match="noise_folder: no noise is left"):
        split_files(paths[:1], 0.2, seed=0)


def test_a_folder_is_a_speaker(tmp_path: Path):
    for name in ("anna/1/a.wav", "anna/2/a.opus", "ben/b.flac", "carl.wav"):
        write_noise(tmp_path / "speech" / name)
    manifest = prepare_clean_folder(tmp_path / "speech", tmp_path / "out", workers=1)["all"]
    found = {u.id: u.speaker for u in read_manifest(manifest)}
    assert found == {"anna/1/a": "anna", "anna/2/a": "anna", "ben/b": "ben", "carl": "carl"}


@pytest.mark.parametrize("valid_share", [0.0, 0.4])
def test_own_speech_shares_nothing_with_the_test(tmp_path: Path, valid_share: float):
    for i in range(10):
        write_noise(tmp_path / "speech" / f"s{i}" / "a.wav")
        write_noise(tmp_path / "noise" / f"n{i}.wav")

    def parts(seed: int) -> tuple[Mixtures, Mixtures]:
        return own_mixtures(
            {
                "manifest": None,
                "data_folder": str(tmp_path / "speech"),
                "output_folder": str(tmp_path / "out"),
                "noise_folder": str(tmp_path / "noise"),
                "noise_cache_mb": 1.0,
                "max_bad_share": 0.0,
                "snr": [0.0, 5.0],
                "test_share": 0.2,
                "valid_share": valid_share,
                "seed": seed,
            }
        )

    train, test = parts(seed=1)
    for kind in ("speakers", "noises"):
        ours, theirs = (getattr(_used(part), kind) for part in (train, test))
        assert not ours & theirs
        assert (len(ours), len(theirs)) == ((5, 3) if valid_share else (8, 2))
    same_test = _used(parts(seed=2)[1]) == _used(test)
    assert same_test == (not valid_share)  # the test is every seed's, what validates is not


def test_two_links_to_a_noise_are_one(tmp_path: Path):
    for i in range(2):
        write_noise(tmp_path / "speech" / f"s{i}" / "a.wav")
        (tmp_path / "noise").mkdir(exist_ok=True)
        (tmp_path / "noise" / f"n{i}.wav").symlink_to(tmp_path / "speech" / "s0" / "a.wav")
    given = {"manifest": None, "data_folder": str(tmp_path / "speech"), "snr": [0.0, 5.0]}
    given |= {"output_folder": str(tmp_path / "out"), "noise_folder": str(tmp_path / "noise")}
    given |= {
        "max_bad_share": 0.0,
        "noise_cache_mb": 1.0,
        "test_share": 0.5,
        "valid_share": 0.0,
        "seed": 1,
    }
    with pytest.raises(UserError, match="noise_folder: no noise is left to hold out"):
        own_mixtures(given)


class Used(NamedTuple):
    """What a part draws from."""

    speakers: set[str]
    noises: set[str]


def _used(part: Mixtures) -> Used:
    return Used({u.speaker for u in part.utterances}, set(part.pair.noise.recordings.paths))
