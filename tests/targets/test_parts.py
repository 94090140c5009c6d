"""Label steps in parts: what a killed one has done stays, and the bits do too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.data.labels.track_files import track_facts
from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import cut_batches
from mgf_brain.inference.encoder import example_encoder
from mgf_brain.targets import cluster_features, cluster_labels, parts, pitch, speaker_labels
from mgf_brain.targets.cluster_labels import ClusterLabels
from mgf_brain.targets.parts import TrackParts
from mgf_brain.targets.pitch import PitchTracks
from mgf_brain.targets.speaker_labels import SpeakerTargets
from tests.label_corpus import CLUSTERS, HOP, WINDOW, write_corpus

ROWS = [Utterance(f"u{i}", 1.0 + i % 7, f"{i}.wav", "s") for i in range(200)]
FRAMES = 20 * 39 * 4 / 1e6  # megabytes: k-means sees some of the utterances


class Killed(BaseException):
    """Stands for SIGKILL."""


def count(rows):
    return (np.full(len(row.id), row.duration) for row in rows)


def test_batches_are_those_of_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_SECONDS", 100.0)
    for rows in (ROWS, sorted(ROWS, key=lambda u: u.duration)):
        made = TrackParts(tmp_path, "f")
        assert [id for id, _ in made.of("x", rows, count)] == [u.id for u in rows]
        lengths = [len(np.load(path)["counts"]) for path in sorted(made.folder.iterdir())]
        made.remove()
        assert len(lengths) > 3
        ends = np.cumsum(lengths)
        seen = [rows[end - n : end] for n, end in zip(lengths, ends, strict=True)]
        cut = [batch for part in seen for batch in cut_batches(part, parts.BATCH_SECONDS)]
        assert cut == cut_batches(rows, parts.BATCH_SECONDS)


@pytest.mark.parametrize("damage", [b"", b"no zip", None])
def test_a_damaged_part_is_made_anew(tmp_path, damage):
    made = TrackParts(tmp_path, "f")
    expected = dict(made.of("x", ROWS, count))
    path = sorted(made.folder.iterdir())[0]
    content = path.read_bytes()
    changed = content[:200] + bytes([content[200] ^ 1]) + content[201:]
    path.write_bytes(changed if damage is None else damage)
    again = dict(made.of("x", ROWS, count))
    assert all(np.array_equal(again[id], x) for id, x in expected.items())


def test_the_parts_of_other_tracks_are_not_read_and_go_with_the_rest(tmp_path):
    TrackParts(tmp_path, "e").keep("x", lambda: {"values": np.ones(1)})
    made = TrackParts(tmp_path, "f")
    assert made.keep("x", lambda: {"values": np.zeros(1)})["values"].tolist() == [0.0]
    made.remove()
    assert list(tmp_path.iterdir()) == []


MAKERS = {
    "clusters": (
        lambda: ClusterLabels(CLUSTERS, HOP, WINDOW, fit_megabytes=FRAMES),
        cluster_labels,
    ),
    "pitch": (PitchTracks, pitch),
    "speakers": (lambda: SpeakerTargets(3), speaker_labels),
    "embeddings": (lambda: SpeakerTargets(3, source="given"), speaker_labels),
}
WORK = {  # what does the work on the audio, and how it is called
    "clusters": (cluster_features, "read_patiently"),
    "pitch": (pitch, "read_patiently"),
    "speakers": (cluster_features, "read_patiently"),
    "embeddings": ("mgf_brain.features.extractor", "read_patiently"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_step_that_is_killed_again_and_again_goes_on_to_the_same_bits(
    tmp_path: Path, kind, monkeypatch, one_thread
):
    """Each life does some utterances and no more; the sum of all is little above one run's."""
    torch.manual_seed(0)
    encoder = example_encoder()
    monkeypatch.setattr(
        speaker_labels.SpeechEncoder, "from_pretrained", classmethod(lambda *_: encoder)
    )
    monkeypatch.setattr(parts, "PART_SECONDS", 1.0)
    for module in (cluster_features, parts, "mgf_brain.features.extractor"):
        place = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{place}.BATCH_SECONDS", 1.0)
    corpus, make = write_corpus(tmp_path), MAKERS[kind][0]
    make().make(*corpus, tmp_path / "whole/track")

    module, name = WORK[kind]
    place = f"{module if isinstance(module, str) else module.__name__}.{name}"
    read, calls, lives = cluster_features.read_patiently, 0, 0
    left = 0

    def mortal(*arguments, **options):
        nonlocal calls, left
        calls, left = calls + 1, left - 1
        if left < 0:
            raise Killed
        return read(*arguments, **options)

    monkeypatch.setattr(place, mortal)
    while lives < 30:
        lives, left = lives + 1, 3
        try:
            make().make(*corpus, tmp_path / "killed/track")
        except Killed:
            continue
        break
    assert 1 < lives < 10, f"{calls} files were read"
    whole, killed = tmp_path / "whole/track", tmp_path / "killed/track"
    names = sorted(path.name for path in whole.iterdir())
    assert names == sorted(path.name for path in killed.iterdir())
    for name in names:
        if name != "track.json":
            assert (whole / name).read_bytes() == (killed / name).read_bytes()
    first, second = (track_facts(folder) for folder in (whole, killed))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
