"""A corpus of noise, and labels of it."""

from __future__ import annotations

from pathlib import Path

from mgf_brain.data.audio import read_audio
from mgf_brain.data.labels.track_files import load_track
from mgf_brain.data.labels.tracks import FrameTrack
from mgf_brain.data.manifest import Utterance
from mgf_brain.spectrum import frame_count
from mgf_brain.targets.cluster_labels import CENTROIDS, ClusterLabels
from tests.data.miniatures import write_noise

HOP, WINDOW, CLUSTERS = 640, 880, 5
SECONDS = (0.6, 0.83, 1.0, 0.71, 0.9, 0.55)


def write_corpus(tmp_path: Path) -> tuple[list[Utterance], list[Utterance]]:
    """Four utterances to train on and two to validate on."""
    rows = [
        Utterance(f"utt{i}", s, str(write_noise(tmp_path / f"audio/{i}.wav", s)), "s")
        for i, s in enumerate(SECONDS)
    ]
    return rows[:4], rows[4:]


def maker(clusters: int = CLUSTERS, **options) -> ClusterLabels:
    return ClusterLabels(clusters, HOP, WINDOW, **options)


def made(folder: Path, corpus, clusters: int = CLUSTERS, **options) -> FrameTrack:
    maker(clusters, **options).make(*corpus, folder)
    return load_track(folder)


def frames_of(row: Utterance) -> int:
    return frame_count(len(read_audio(row.wav)), WINDOW, HOP)


def given(tmp_path: Path, corpus, **changed: str) -> str:
    """A file of labels, every fifth frame alike; lines by utterance may be changed."""
    lines = {
        u.id: " ".join(str(i % CLUSTERS) for i in range(frames_of(u)))
        for u in (*corpus[0], *corpus[1])
    } | changed
    path = tmp_path / "given.txt"
    path.write_text("".join(f"{id} {line}\n" for id, line in lines.items() if line))
    return str(path)


def stamp(folder: Path) -> tuple[int, ...]:
    return tuple(
        (folder / name).stat().st_mtime_ns for name in ("track.json", "track.npy", CENTROIDS)
    )
