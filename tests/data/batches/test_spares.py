"""Files that vanish: others take their places, and nothing else changes."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.augment.noisy_speech import Mixtures, Recorded, make_mixture_loader
from mgf_brain.data.batches.crops import SeparateCrops
from mgf_brain.data.batches.loader import make_loader
from mgf_brain.data.batches.spares import WithSpares
from mgf_brain.data.labels.tracks import FrameTrack, UtteranceTrack
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

COUNT, HOP = 20, 160
PLAN = SeparateCrops(2, longest=0.5, shortest=0.1)


@pytest.fixture
def rows(tmp_path: Path) -> list[Utterance]:
    """Files of noise, each longer than the one before."""
    made = []
    for number in range(COUNT):
        samples = 16000 + 800 * number
        wave = np.random.default_rng(number).uniform(-0.5, 0.5, samples)
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, wave, 16000)
        made.append(Utterance(f"u{number}", samples / 16000, str(path), "s"))
    return made


def load(rows: list[Utterance], workers: int = 0, **options) -> list:
    """All batches of two epochs; of frames, each track's number says which frame it is."""
    counts = {u.id: round(u.duration * 16000) // HOP for u in rows}
    tracks = {
        "frame": FrameTrack(
            np.concatenate([np.arange(n) for n in counts.values()]), counts, HOP, HOP
        ),
        "number": UtteranceTrack(np.arange(len(rows)), [u.id for u in rows]),
    }
    hparams = {"seed": 1, "crop_plan": PLAN, "batch_seconds": 4.0, "num_workers": workers}
    hparams |= {"audio_cache_hours": 0.0 if workers else 1.0, "max_bad_share": 0.2, **options}
    batches = []
    for epoch in (1, 2):
        batches += list(make_loader(rows, hparams, epoch, tracks=tracks))
    return batches


def crops_of(batches: list) -> dict[int, tuple]:
    """Id, waveform and tracks by key."""
    return {
        int(key): (id, wav[:n].tolist(), {name: x[row].tolist() for name, x in b.tracks.items()})
        for b in batches
        for row, (id, key, wav, n) in enumerate(
            zip(b.ids, b.keys, b.wavs, b.lengths.tolist(), strict=True)
        )
    }


@pytest.mark.parametrize("workers", (0, 2))
def test_all_that_is_left_is_as_it_was_and_a_neighbour_takes_the_place(rows, caplog, workers):
    whole = load(rows, workers)
    for number in (3, 11):
        Path(rows[number].wav).unlink()
    with caplog.at_level(logging.WARNING):
        fewer = load(rows, workers)
    assert [len(b.ids) for b in fewer] == [len(b.ids) for b in whole]
    before, after = crops_of(whole), crops_of(fewer)
    lost = {key for key, (id, _, _) in before.items() if id in ("u3", "u11")}
    assert lost and not lost & set(after)
    assert {key: before[key][:2] for key in before if key not in lost} == {
        key: crop[:2] for key, crop in after.items()
    }
    for b in fewer:
        numbers = [int(id[1:]) for id in b.ids]
        assert b.tracks["number"][:, 0].tolist() == numbers
        assert len(set(b.ids)) * 2 == len(b.ids)  # no spare is there twice
        for row, number in enumerate(numbers):
            place = int(b.tracks["frame"][row, 0]) * HOP
            wave = soundfile.read(rows[number].wav, dtype="float32")[0]
            assert np.allclose(b.wavs[row, :HOP], wave[place : place + HOP], atol=1e-4)
    if not workers:  # a worker's log is its own process'
        told = [record.message for record in caplog.records if "takes its place" in record.message]
        assert len({text.split(".wav")[0] for text in told}) == 2


def test_a_file_that_became_shorter_is_as_good_as_lost(rows):
    soundfile.write(rows[3].wav, np.zeros(8000), 16000)
    crops = [crop for crop in crops_of(load(rows)).values() if crop[0] == "u3"]
    assert all(any(wav) for _, wav, _ in crops)


@pytest.mark.parametrize("workers", (0, 1))
def test_too_many_lost_are_one_line(rows, workers):
    for row in rows[:5]:
        Path(row.wav).unlink()
    with pytest.raises(UserError, match=r"5 of 20 .*max_bad_share=0\.2: .*\.wav"):
        load(rows, workers)


def test_one_may_be_lost_of_a_few_and_none_where_none_may_be(rows):
    Path(rows[3].wav).unlink()
    assert load(rows, max_bad_share=0.001)
    with pytest.raises(UserError, match="1 of 20 "):
        load(rows, max_bad_share=0.0)


class Numbers(torch.utils.data.Dataset):
    """Indices, but for those that can't be read."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad

    def __getitem__(self, place: tuple[int, int]) -> int:
        if place[1] in self.bad:
            raise UserError(f"cannot read {place[1]}.wav.")
        return place[1]


def numbers(bad: set[int], count: int, share: float = 1.0) -> WithSpares:
    rows = [Utterance(str(i), float(i), f"{i}.wav", "s") for i in range(count)]
    return WithSpares(Numbers(bad), rows, share)


def test_a_spare_is_the_next_in_length_that_is_not_in_the_batch():
    data = numbers({4, 6}, 9)
    assert data.__getitems__([(1, 4), (1, 5), (1, 6)]) == [3, 5, 7]
    assert data[1, 4] == 5


def test_where_all_others_are_in_the_batch_it_is_left_out():
    assert numbers({1}, 3).__getitems__([(1, 0), (1, 1), (1, 2)]) == [0, 2]
    with pytest.raises(UserError, match=r"nor can any other"):
        numbers({0, 1, 2}, 3).__getitems__([(1, 0), (1, 1), (1, 2)])


def test_what_can_be_read_again_counts_no_longer():
    data = numbers({1}, 9, share=0.12)
    for bad in ({1}, {2}, {3}):
        data.data.bad = bad
        data.__getitems__([(1, i) for i in range(9)])
    data.data.bad = {3, 4}
    with pytest.raises(UserError, match="2 of 9"):
        data.__getitems__([(1, i) for i in range(9)])


def test_pairs_of_noisy_and_clean_speech_have_spares_too(rows):
    clean = {u.id: rows[0].wav if u.id == "u3" else u.wav for u in rows}  # much shorter
    settings = {"crop_plan": SeparateCrops(1, 2.0, 0.1), "batch_seconds": 4.0}
    settings |= {"audio_cache_hours": 1.0, "max_bad_share": 0.2}
    Path(rows[7].wav).unlink()
    loader = make_mixture_loader(
        Mixtures(rows, Recorded(clean)), settings | {"max_bad_share": 0.2}, 0
    )
    ids = [id for batch in loader for id in batch.ids]
    assert len(ids) == COUNT and "u7" not in ids and "u3" not in ids


def test_spares_are_looked_for_only_where_a_file_is_lost(monkeypatch):
    looked = []
    spares = WithSpares._spares

    def counted(data: WithSpares, index: int, taken: set[int]):
        for spare in spares(data, index, taken):
            looked.append(spare)
            yield spare

    monkeypatch.setattr(WithSpares, "_spares", counted)
    data = numbers({4}, 1000)
    assert data.__getitems__([(1, 3), (1, 4), (1, 5)]) == [3, 6, 5]
    assert looked == [6]  # not all others for every item
