"""Crops: where they lie, and that nothing but seed, epoch and utterance decides it."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy import stats

from mgf_brain.data.batches.crops import CropDataset, MultiCrop, SeparateCrops
from mgf_brain.data.labels.tracks import IGNORE, FrameTrack
from mgf_brain.data.manifest import Utterance
from mgf_brain.keyed_random import make_key

LONGEST, SHORTEST = 4.0, 1.0


def ramp(path: str, start: int, frames: int) -> torch.Tensor:
    """Stands for a file whose samples are their own positions."""
    return torch.arange(start, start + frames)


def dataset(samples: list[int], seed: int = 0, plan=None, reader=ramp) -> CropDataset:
    rows = [Utterance(f"utt{i}", n / 16000, f"{i}.wav", "s") for i, n in enumerate(samples)]
    return CropDataset(rows, seed, plan or SeparateCrops(2, LONGEST, SHORTEST), reader)


def starts_of(key: int, samples: int, crops: int) -> list[int]:
    return [start for start, _ in SeparateCrops(crops, LONGEST, SHORTEST).places(key, samples)[0]]


def spans(items: tuple[list, list]) -> list[tuple[int, int]]:
    return [(int(wav[0]), int(wav[-1]) + 1) for crops in items for _, _, wav, _ in crops]


@pytest.mark.parametrize("crops", [1, 2, 3])
def test_crops_are_disjoint_when_there_is_room(crops: int):
    """Odd numbers of samples too, which no two equal halves make up."""
    lengths = [*range(16000 * crops, 16000 * crops + 50), *range(60000, 400000, 7919)]
    data = dataset(lengths, plan=SeparateCrops(crops, LONGEST, SHORTEST))
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
    starts = [s for key in range(2000) for s in starts_of(make_key(key), 100000, crops=1)]
    assert stats.kstest(starts, "uniform", args=(0, 36001)).pvalue > 1e-3


def test_either_crop_may_come_first():
    first = [a < b for a, b in (starts_of(make_key(k), 200000, 2) for k in range(1000))]
    assert 0.4 < sum(first) / 1000 < 0.6


def test_hours_long_files_are_cropped_to_full_length():
    """Float32 does not count their samples exactly."""
    samples = 16000 * 3600 * 3 + 1
    for key in range(200):
        assert max(starts_of(make_key(key), samples, 2)) <= samples - 64000


@pytest.mark.parametrize("duration", [0.5, 1.0, 1.9, 2.0, 5.0, 8.0, 30.0])
def test_crop_length_bounds(duration: float):
    length = SeparateCrops(2, LONGEST, SHORTEST).length(duration)
    assert length <= min(duration, LONGEST) and length >= min(duration, SHORTEST)


def same(a: tuple[list, list], b: tuple[list, list]) -> bool:
    pairs = [pair for i in (0, 1) for pair in zip(a[i], b[i], strict=True)]
    return all(x[:2] == y[:2] and torch.equal(x[2], y[2]) for x, y in pairs)


def test_reproducible_and_independent_of_order_and_neighbours():
    lengths = [100000 + 1000 * i for i in range(20)]
    data, again, fewer = dataset(lengths), dataset(lengths), dataset(lengths[:5])
    for i in reversed(range(5)):
        assert same(data[3, i], again[3, i]) and same(data[3, i], fewer[3, i])


def test_new_in_every_epoch_and_with_every_seed():
    data, other = dataset([300000]), dataset([300000], seed=1)
    drawn = [data[1, 0], data[2, 0], data[0, 0], other[1, 0]]
    assert len({tuple(spans(items)) for items in drawn}) == 4
    assert len({key for items, _ in drawn for _, key, _, _ in items}) == 8  # masks differ as well


def test_crop_seconds_are_what_is_cut():
    lengths = [9000, 20000, 50001, 100000, 500000]
    data = dataset(lengths)
    for i, seconds in enumerate(data.crop_seconds()):
        assert abs(sum(len(wav) for _, _, wav, _ in data[1, i][0]) - 16000 * seconds) <= 2


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
    read, _ = CropDataset([row], 0, SeparateCrops(2, LONGEST, SHORTEST))[1, 0]
    for (_, _, crop, _), (start, end) in zip(read, spans(dataset([90000])[1, 0]), strict=True):
        assert torch.equal(crop, wav[start:end])


MULTI = MultiCrop(2, 4, global_seconds=4.0, local_seconds=2.0)


@pytest.mark.parametrize("samples", [9, 16000, 48001, 64000, 64001, 400000])
def test_long_and_short_crops_lie_inside_and_short_ones_are_half(samples: int):
    long, short = dataset([samples], plan=MULTI)[1, 0]
    assert len(long) == 2 and len(short) == 4
    assert all(len(wav) == min(samples, 64000) for _, _, wav, _ in long)
    assert all(abs(len(wav) - len(long[0][2]) / 2) <= 0.5 for _, _, wav, _ in short)
    assert all(0 <= start and end <= samples for start, end in spans((long, short)))


def test_long_and_short_crops_lie_anywhere_and_independently():
    drawn = [MULTI.places(make_key(k), 100000) for k in range(2000)]
    for crop, room in ((0, 36001), (1, 36001)):
        starts = [long[crop][0] for long, _ in drawn]
        assert stats.kstest(starts, "uniform", args=(0, room)).pvalue > 1e-3
    starts = [[place[0] for place in (*long, *short)] for long, short in drawn]
    correlation = torch.corrcoef(torch.tensor(starts, dtype=torch.float64).T) - torch.eye(6)
    assert correlation.abs().max() < 0.1


DISJOINT = MultiCrop(2, 4, global_seconds=4.0, local_seconds=2.0, disjoint=True)


@pytest.mark.parametrize("samples", [96000, 96001, 400000])
def test_disjoint_crops_share_nothing(samples: int):
    first = []
    for key in range(200):
        long, short = DISJOINT.places(make_key(key), samples)
        assert len(long) == 2 and len(short) == 4
        spans = [[(a, a + n) for a, n in crops] for crops in (long, short)]
        low, high = ((min(a for a, _ in s), max(b for _, b in s)) for s in spans)
        assert low[1] <= high[0] or high[1] <= low[0]
        assert min(low[0], high[0]) >= 0 and max(low[1], high[1]) <= samples
        assert long[0][1] == 64000 and short[0][1] == 32000
        assert low[1] - low[0] <= 2 * samples / 3 + 1 and high[1] - high[0] <= samples / 3 + 1
        first.append(low[0] < high[0])
    assert 0.3 < sum(first) / 200 < 0.7


@pytest.mark.parametrize("samples", [9, 16000, 48001, 64000, 95999])
def test_without_room_for_disjoint_crops_they_lie_anywhere(samples: int):
    """In parts of their own, all long crops would be the same samples, and all short ones too."""
    for key in range(200):
        assert DISJOINT.places(make_key(key), samples) == MULTI.places(make_key(key), samples)


@pytest.mark.parametrize("samples", [16000, 95999, 96000, 96001, 400000])
def test_seconds_of_long_and_short_crops_are_what_is_cut(samples: int):
    long, short = DISJOINT.places(make_key(1), samples)
    cut = sum(length for _, length in (*long, *short))
    assert DISJOINT.seconds(samples / 16000) == pytest.approx(cut / 16000, abs=1e-3)


def test_batch_of_long_and_short_crops():
    data = dataset([300000, 40000], plan=MULTI)
    batch = data.collate([data[1, 0], data[1, 1]])
    assert batch.groups.tolist() == [0, 0, 1, 1]
    assert batch.local.groups.tolist() == [0] * 4 + [1] * 4
    assert batch.local.ids == ["utt0"] * 4 + ["utt1"] * 4
    keys = [*batch.keys.tolist(), *batch.local.keys.tolist()]
    assert len(set(keys)) == 12  # each crop is augmented on its own
    assert batch.seconds == pytest.approx(sum(data.crop_seconds()), abs=1e-3)
    moved = batch.to("cpu")
    assert torch.equal(moved.local.wavs, batch.local.wavs)


def test_each_crop_is_augmented_on_its_own():
    heard = []

    def note(wav: torch.Tensor, key: int, path: str) -> torch.Tensor:
        heard.append((key, path))
        return wav

    rows = [Utterance("utt0", 10.0, "0.wav", "s")]
    CropDataset(rows, 0, MULTI, ramp, note)[1, 0]
    assert len({key for key, _ in heard}) == 6 and {path for _, path in heard} == {"0.wav"}


HOP, WINDOW = 640, 880


def labels_of(wav: torch.Tensor) -> torch.Tensor:
    """Labels that look at one frame only: (samples,) -> (frames,)."""
    return wav.unfold(0, WINDOW, HOP).sum(1) % 997


@pytest.mark.parametrize("plan", [SeparateCrops(1, LONGEST, SHORTEST), MULTI])
@pytest.mark.parametrize("on_grid", [True, False])
def test_labels_of_a_crop_are_those_of_its_own_frames(plan, on_grid: bool):
    """Wherever it begins; without the grid they would be those of other samples."""
    samples = [100003, 64001, 20000, 300000]
    pieces = [labels_of(ramp("", 0, n)) for n in samples]
    counts = {f"utt{i}": len(piece) for i, piece in enumerate(pieces)}
    track = FrameTrack(torch.cat(pieces).numpy(), counts, HOP, WINDOW)
    rows = [Utterance(f"utt{i}", n / 16000, "", "s") for i, n in enumerate(samples)]
    data = CropDataset(rows, 0, plan, ramp, tracks={"labels": track})
    data.grid = data.grid if on_grid else 1
    agree, starts = [], set()
    for epoch in range(1, 21):
        for crop in chain(*data[epoch, epoch % 4]):
            starts.add(int(crop.wav[0]))
            agree.append(torch.equal(crop.tracks["labels"], labels_of(crop.wav)))
    assert len(starts) > 5 and all(agree) == on_grid
    batch = data.collate([data[1, 0], data[1, 2]])
    for part in filter(None, (batch, batch.local)):
        lengths = part.tracks["labels"].ne(IGNORE).sum(1)
        assert lengths.tolist() == [(n - WINDOW) // HOP + 1 for n in part.lengths.tolist()]


def test_a_crop_on_the_grid_begins_less_than_a_frame_earlier():
    track = FrameTrack(np.zeros(9999), {"utt0": 9999}, HOP, WINDOW)
    free, bound = dataset([400000]), dataset([400000])
    bound.tracks, bound.grid = {"labels": track}, track.grid
    for epoch in range(20):
        pairs = zip(free[epoch, 0][0], bound[epoch, 0][0], strict=True)
        for (_, key, wav, _), (_, other_key, other, _) in pairs:
            assert key == other_key and len(wav) == len(other)
            assert 0 <= int(wav[0]) - int(other[0]) < HOP and int(other[0]) % HOP == 0
