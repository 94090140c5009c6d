"""Crops: where they lie, and that nothing but seed, epoch and utterance decides it."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from scipy import stats

from mgf_brain.data.crops import CropDataset, crop_length, crop_starts
from mgf_brain.data.manifest import Utterance
from mgf_brain.keyed_random import make_key

LONGEST, SHORTEST = 4.0, 1.0


def ramp(path: str, start: int, frames: int) -> torch.Tensor:
    """Stands for a file whose samples are their own positions."""
    return torch.arange(start, start + frames)


def dataset(samples: list[int], seed: int = 0, crops: int = 2, reader=ramp) -> CropDataset:
    rows = [Utterance(f"utt{i}", n / 16000, f"{i}.wav", "s") for i, n in enumerate(samples)]
    return CropDataset(rows, seed, crops, LONGEST, SHORTEST, reader)


def spans(items: list[tuple[str, int, torch.Tensor]]) -> list[tuple[int, int]]:
    return [(int(wav[0]), int(wav[-1]) + 1) for _, _, wav in items]


@pytest.mark.parametrize("crops", [1, 2, 3])
def test_crops_are_disjoint_when_there_is_room(crops: int):
    """Odd numbers of samples too, which no two equal halves make up."""
    lengths = [*range(16000 * crops, 16000 * crops + 50), *range(60000, 400000, 7919)]
    data = dataset(lengths, crops=crops)
    for i, samples in enumerate(lengths):
        if samples < crops * SHORTEST * 16000:
            continue
        ordered = sorted(spans(data[1, i]))
        assert ordered[0][0] >= 0 and ordered[-1][1] <= samples
        assert all(a[1] <= b[0] for a, b in zip(ordered, ordered[1:], strict=False))
        expected = min(LONGEST * 16000, samples / crops)
        assert all(expected - 1 <= end - start <= expected for start, end in ordered)


@pytest.mark.parametrize("samples", [10, 8000, 15999, 16000, 24001, 31999])
def test_short_utterances_overlap_but_stay_inside(samples: int):
    for start, end in spans(dataset([samples])[1, 0]):
        assert 0 <= start and end <= samples
        assert end - start == pytest.approx(min(samples, 16000), abs=1)


def test_starts_are_spread_over_the_utterance():
    starts = [s for key in range(2000) for s in crop_starts(make_key(key), 100000, 64000, 1)]
    assert stats.kstest(starts, "uniform", args=(0, 36001)).pvalue > 1e-3


def test_either_crop_may_come_first():
    first = [a < b for a, b in (crop_starts(make_key(k), 200000, 64000, 2) for k in range(1000))]
    assert 0.4 < sum(first) / 1000 < 0.6


def test_hours_long_files_are_cropped_to_full_length():
    """Float32 does not count their samples exactly."""
    samples = 16000 * 3600 * 3 + 1
    for key in range(200):
        assert max(crop_starts(make_key(key), samples, 64000, 2)) <= samples - 64000


@pytest.mark.parametrize("duration", [0.5, 1.0, 1.9, 2.0, 5.0, 8.0, 30.0])
def test_crop_length_bounds(duration: float):
    length = crop_length(duration, 2, LONGEST, SHORTEST)
    assert length <= min(duration, LONGEST) and length >= min(duration, SHORTEST)


def same(a: list, b: list) -> bool:
    return all(x[:2] == y[:2] and torch.equal(x[2], y[2]) for x, y in zip(a, b, strict=True))


def test_reproducible_and_independent_of_order_and_neighbours():
    lengths = [100000 + 1000 * i for i in range(20)]
    data, again, fewer = dataset(lengths), dataset(lengths), dataset(lengths[:5])
    for i in reversed(range(5)):
        assert same(data[3, i], again[3, i]) and same(data[3, i], fewer[3, i])


def test_new_in_every_epoch_and_with_every_seed():
    data, other = dataset([300000]), dataset([300000], seed=1)
    drawn = [data[1, 0], data[2, 0], data[0, 0], other[1, 0]]
    assert len({tuple(spans(items)) for items in drawn}) == 4
    assert len({key for items in drawn for _, key, _ in items}) == 8  # masks differ as well


def test_crop_seconds_are_what_is_cut():
    lengths = [9000, 20000, 50001, 100000, 500000]
    data = dataset(lengths)
    for i, seconds in enumerate(data.crop_seconds()):
        assert all(abs(len(wav) - 16000 * seconds) <= 1 for _, _, wav in data[1, i])


def test_batch_of_crops():
    data = dataset([300000, 40000])
    batch = data.collate([data[1, 0], data[1, 1]])
    assert batch.ids == ["utt0", "utt0", "utt1", "utt1"]
    assert batch.groups.tolist() == [0, 0, 1, 1] and len(set(batch.keys.tolist())) == 4
    assert batch.lengths.tolist() == [64000, 64000, 20000, 20000]
    assert batch.wavs.shape == (4, 64000) and not batch.wavs[2:, 20000:].any()


def test_from_a_file(tmp_path: Path):
    wav = torch.linspace(-0.5, 0.5, 90000)
    soundfile.write(tmp_path / "a.wav", wav.numpy(), 16000, subtype="FLOAT")
    row = Utterance("utt0", 90000 / 16000, str(tmp_path / "a.wav"), "s")
    read = CropDataset([row], 0, 2, LONGEST, SHORTEST)[1, 0]
    for (_, _, crop), (start, end) in zip(read, spans(dataset([90000])[1, 0]), strict=True):
        assert torch.equal(crop, wav[start:end])
