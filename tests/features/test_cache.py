"""The cache of features: exact, shared by runs, harmless when damaged, bounded."""

import multiprocessing
import os
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.features.cache import FeatureCache, FileHashes, cached, default_root
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.baselines import LogMelFeatures

LONG_AGO = 10**18  # ns: a file last changed then may be indexed


def write(path, seed, samples=4000):
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(samples), 16000)


@pytest.fixture
def utterances(tmp_path):
    (tmp_path / "audio").mkdir()
    rows = [Utterance(f"u{i}", 0.25, str(tmp_path / f"audio/{i}.wav"), "s") for i in range(5)]
    for i, row in enumerate(rows):
        write(row.wav, i)
    return rows


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache", "f" * 32)


class Counting:
    """``extract`` that notes what it was asked for."""

    def __init__(self):
        self.extract, self.asked = FeatureExtractor(LogMelFeatures(), "fbank").states, []

    def __call__(self, utterances):
        self.asked.append([u.id for u in utterances])
        return self.extract(utterances)


def files(root):
    return sorted(Path(root).glob("*/??/*"))


def test_a_hit_equals_the_miss_bit_for_bit_and_nothing_is_computed_twice(cache, utterances):
    extract = Counting()
    missed, hit = (list(cached(extract, utterances, cache)) for _ in range(2))
    plain = list(cached(extract, utterances, None))
    assert extract.asked == 2 * [[u.id for u in utterances]]
    for a, b, c in zip(missed, hit, plain, strict=True):
        assert torch.equal(a.view(torch.int32), b.view(torch.int32)) and torch.equal(a, c)


def test_rows_of_one_tensor_are_stored_row_by_row(cache, utterances):
    rows = torch.randn(5, 13, 100)
    got = [list(cached(lambda chosen: rows[: len(chosen)], utterances, cache)) for _ in range(2)]
    assert all(torch.equal(torch.stack(features), rows) for features in got)
    assert max(path.stat().st_size for path in files(cache.root)) < 2 * rows[0].nbytes


def test_only_what_is_missing_is_computed_in_one_call_and_the_order_stays(cache, utterances):
    extract = Counting()
    list(cached(extract, [utterances[3], utterances[1]], cache))
    rows = list(cached(extract, utterances, cache))
    assert extract.asked == [["u3", "u1"], ["u0", "u2", "u4"]]
    for row, expected in zip(rows, extract.extract(utterances), strict=True):
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=0)


def test_a_batch_of_which_one_is_missing_is_computed_whole(cache, utterances):
    """Whom an utterance is padded with shows in last bits: a killed run goes on to the same."""
    calls = []

    def extract(chosen):
        """Features that show the batch."""
        calls.append([u.id for u in chosen])
        for batch in cut(chosen):
            yield from (torch.tensor([len(batch), u.duration]) for u in batch)

    def cut(chosen):
        return [list(chosen[i : i + 2]) for i in range(0, len(chosen), 2)]

    expected = list(cached(extract, utterances, None, cut))
    computed = cached(extract, utterances, cache, cut)
    list(islice(computed, 3))  # and killed
    again = list(cached(extract, utterances, cache, cut))
    assert all(torch.equal(a, b) for a, b in zip(expected, again, strict=True))
    assert calls[-1] == [u.id for u in utterances[2:]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("shape", [(), (0, 3), (7, 2, 3)])
def test_every_tensor_comes_back_as_it_was(cache, utterances, dtype, shape):
    x = (100 * torch.randn(*shape, 2)).to(dtype)[..., 0]  # not contiguous
    cache.put(utterances[0], x)
    got = cache.get(utterances[0])
    assert got.dtype == dtype and got.shape == x.shape and torch.equal(got, x)


def test_values_that_are_not_numbers_keep_their_bits(cache, utterances):
    x = torch.tensor([float("nan"), -0.0, float("-inf"), 1e-45])
    cache.put(utterances[0], x)
    assert torch.equal(cache.get(utterances[0]).view(torch.int32), x.view(torch.int32))


def test_changing_what_was_returned_changes_nothing_stored(cache, utterances):
    cache.put(utterances[0], torch.ones(3))
    cache.get(utterances[0]).zero_()
    assert cache.get(utterances[0]).sum() == 3


def test_another_encoder_and_a_changed_file_miss(cache, utterances, tmp_path):
    cache.put(utterances[0], torch.ones(3))
    assert FeatureCache(tmp_path / "cache", "e" * 32).get(utterances[0]) is None
    write(utterances[0].wav, seed=99)
    assert cache.get(utterances[0]) is None and utterances[0] not in cache


def test_the_content_counts_and_not_the_name(cache, utterances, tmp_path):
    cache.put(utterances[0], torch.ones(3))
    moved = tmp_path / "moved.wav"
    os.rename(utterances[0].wav, moved)
    assert cache.get(Utterance("other", 0.25, str(moved), "s")) is not None


def test_missing_audio_is_named(cache):
    with pytest.raises(UserError, match="nowhere.wav"):
        cache.get(Utterance("u", 1.0, "nowhere.wav", "s"))


@pytest.mark.parametrize("damage", ["empty", "cut", "byte", "header", "foreign"])
def test_a_damaged_file_is_a_miss_and_replaced(cache, utterances, damage):
    extract = Counting()
    first = list(cached(extract, utterances, cache))
    path = cache._path(utterances[2])
    data = bytearray(path.read_bytes())
    data[-7] ^= damage == "byte"
    data[3] ^= 255 * (damage == "header")
    shorter = {"empty": b"", "cut": data[:-1], "foreign": b"not features at all"}
    path.write_bytes(shorter.get(damage, bytes(data)))
    assert cache.get(utterances[2]) is None
    second = list(cached(extract, utterances, cache))
    assert extract.asked[1:] == [["u2"]]
    torch.testing.assert_close(second, first, atol=1e-5, rtol=0)
    assert torch.equal(cache.get(utterances[2]), second[2])


def test_the_files_not_used_for_longest_go_first(tmp_path, utterances):
    x = torch.randn(25_000)  # 100 kB
    older = FeatureCache(tmp_path / "cache", "a" * 32)
    for i, utterance in enumerate(utterances[:4]):
        older.put(utterance, x)
        os.utime(older._path(utterance), ns=(LONG_AGO + i, LONG_AGO + i))
    assert older.get(utterances[0]) is not None  # now the one used last
    newer = FeatureCache(tmp_path / "cache", "b" * 32, limit_gb=0.4e-3)
    newer.put(utterances[4], x)
    assert [older.get(u) is not None for u in utterances[:4]] == [True, False, False, True]
    assert newer.get(utterances[4]) is not None


@pytest.mark.parametrize("count", [1, 20])
def test_the_limit_is_kept_and_a_run_does_not_push_out_its_own(tmp_path, utterances, count, caplog):
    x = torch.randn(25_000 // count)
    cache = FeatureCache(tmp_path / "cache", "a" * 32, limit_gb=0.35e-3)
    for i in range(5 * count):
        write(utterances[0].wav, seed=i, samples=100)
        cache.put(utterances[0], x * i)
        assert sum(path.stat().st_size for path in files(cache.root)) <= cache.limit
    kept = len(files(cache.root))
    assert 3 * count * 0.9 <= kept <= 3.5 * count
    write(utterances[0].wav, seed=0, samples=100)
    assert torch.equal(cache.get(utterances[0]), x * 0)
    assert caplog.text.count("is full. Raise its limit") == 1


def test_what_was_read_stays_when_its_file_goes(cache, utterances):
    cache.put(utterances[0], torch.arange(100_000))
    features = cache.get(utterances[0])
    files(cache.root)[0].unlink()
    assert torch.equal(features, torch.arange(100_000))


def test_what_a_killed_run_leaves_is_removed_in_its_turn(cache, utterances):
    cache.put(utterances[0], torch.ones(3))
    left = files(cache.root)[0].with_name(".0123.safetensors")
    left.write_bytes(bytes(1000))
    os.utime(left, ns=(LONG_AGO, LONG_AGO))
    newer = FeatureCache(cache.root, "b" * 32, limit_gb=1e-6)
    newer.put(utterances[1], torch.ones(3))
    assert not left.exists() and newer.get(utterances[1]) is not None


def test_files_evicted_during_an_epoch_are_computed_again(cache, utterances):
    extract = Counting()
    first = list(cached(extract, utterances, cache))
    rows = cached(extract, utterances, cache)
    got = [next(rows)]
    for path in files(cache.root):
        path.unlink()
    got += rows
    assert extract.asked[1:] == [["u1"], ["u2"], ["u3"], ["u4"]]
    torch.testing.assert_close(got, first, atol=1e-5, rtol=0)


def test_a_cache_deleted_during_a_run_fills_again(cache, utterances):
    cache.put(utterances[0], torch.ones(3))
    shutil.rmtree(cache.root)
    assert cache.get(utterances[0]) is None
    cache.put(utterances[0], torch.ones(3))
    assert cache.get(utterances[0]) is not None


def test_a_full_disk_stops_the_storing_and_not_the_run(cache, utterances, monkeypatch, caplog):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    extract = Counting()
    assert len(list(cached(extract, utterances, cache))) == 5
    assert caplog.text.count("No space left") == 1 and files(cache.root) == []


def work(root, utterances, seed):
    cache = FeatureCache(root, "c" * 32, limit_gb=60e-6)
    rng = np.random.default_rng(seed)
    for i in rng.integers(len(utterances), size=150):
        features = cache.get(utterances[i])
        if features is None:
            cache.put(utterances[i], torch.full((5000,), float(i)))
        else:
            assert features.shape == (5000,) and (features == i).all()
        if rng.random() < 0.2:
            cache.used.clear()  # as a run that starts now: all files may be evicted
            cache.open = True


def test_two_processes_use_it_at_once(tmp_path, utterances):
    context, root = multiprocessing.get_context("fork"), tmp_path / "cache"
    runs = [context.Process(target=work, args=(root, utterances, seed)) for seed in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    assert not list(root.glob("*/??/.*"))


def test_the_index_is_kept_and_survives_damage(tmp_path):
    path, index = tmp_path / "a.wav", tmp_path / "files.jsonl"
    path.write_bytes(b"first")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    digest = FileHashes(index)(path)
    with open(index, "ab") as file:
        file.write(b'[1, 2]\n[["a"], 2, 3, 4]\n\xff{"a\n\n')
    path.write_bytes(b"other")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert FileHashes(index)(path) == digest  # size and time are the same: not read again
    os.utime(path, ns=(LONG_AGO, LONG_AGO + 1))
    assert FileHashes(index)(path) != digest


def test_a_file_that_has_just_changed_is_not_indexed(tmp_path):
    path, hashes = tmp_path / "a.wav", FileHashes(tmp_path / "files.jsonl")
    path.write_bytes(b"first")
    digest = hashes(path)
    assert hashes.known == {} and not hashes.index.exists()
    path.write_bytes(b"other")  # perhaps within the same tick of the clock
    assert hashes(path) != digest


def test_the_default_root(monkeypatch):
    for name in ("MGF_BRAIN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert default_root() == Path.home() / ".cache" / "mgf_brain"
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert default_root() == Path("/xdg/mgf_brain")
    monkeypatch.setenv("MGF_BRAIN_CACHE", "/own")
    assert default_root() == Path("/own")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file.*MGF_BRAIN_CACHE"):
        FeatureCache(tmp_path / "file", "a" * 32)
