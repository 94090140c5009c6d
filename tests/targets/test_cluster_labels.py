"""The label step: one k-means for all, made again only when its inputs change, never half made."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from mgf_brain.data.audio import read_audio
from mgf_brain.data.labels.track_files import load_track, track_facts
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.targets import cluster_labels
from mgf_brain.targets.cluster_features import MfccFeatures, at_hop
from mgf_brain.targets.cluster_labels import CENTROIDS, ClusterLabels
from mgf_brain.targets.frame_kmeans import nearest_centroid
from tests.data.miniatures import write_noise
from tests.label_corpus import CLUSTERS, HOP, WINDOW, frames_of, given, made, stamp, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[list[Utterance], list[Utterance]]:
    return write_corpus(tmp_path)


def change(row: Utterance, seconds: float = 0.7) -> None:
    """Other audio in the same place, at another time."""
    samples = np.random.default_rng(1).standard_normal(int(16000 * seconds)) / 9
    soundfile.write(row.wav, samples, 16000)
    os.utime(row.wav, ns=(1, 1))


class FrameSpectra:
    """Features that look at one frame only."""

    hop, window, dim = HOP, WINDOW, 8

    def fingerprint(self) -> str:
        return "spectra"

    def __call__(self, wav: torch.Tensor) -> torch.Tensor:
        power = torch.fft.rfft(wav.unfold(0, WINDOW, HOP)).abs()[:, :440].square()
        return power.unflatten(1, (8, 55)).mean(2).log()

    def of(self, utterances):
        return (self(read_audio(u.wav)) for u in utterances)


# -- what is made -----------------------------------------------------------------------------


def test_a_label_is_the_nearest_centroid_of_the_utterances_own_features(tmp_path, corpus):
    """Computed alone: the batches of the label step must not show."""
    track, features = made(tmp_path / "labels", corpus), MfccFeatures()
    centroids = load_file(tmp_path / "labels" / CENTROIDS)["centroids"]
    assert centroids.shape == (CLUSTERS, 39)
    for row in (*corpus[0], *corpus[1]):
        wav = read_audio(row.wav)
        [x] = features(wav[None], torch.tensor([len(wav)]))
        x = at_hop(x, (features.hop, features.window), (HOP, WINDOW))
        assert track.whole(row.id).tolist() == nearest_centroid(x, centroids).tolist()


def test_there_is_a_label_for_every_frame_of_the_encoder_in_two_bytes(tmp_path, corpus):
    track = made(tmp_path / "labels", corpus)
    assert track.counts == {row.id: frames_of(row) for row in (*corpus[0], *corpus[1])}
    assert isinstance(track.values, np.memmap) and track.values.dtype.itemsize == 2


@pytest.mark.parametrize("start", [0, 640, 1920, 6400])
def test_a_crops_labels_are_those_of_its_own_frames(tmp_path, corpus, start, monkeypatch):
    monkeypatch.setattr(ClusterLabels, "_features", lambda self, device: FrameSpectra())
    track = made(tmp_path / "labels", corpus)
    centroids = load_file(tmp_path / "labels" / CENTROIDS)["centroids"]

    def own(begin: int) -> list[int]:
        wav = read_audio(corpus[0][2].wav, start=begin, frames=6000)
        return nearest_centroid(FrameSpectra()(wav), centroids).tolist()

    assert track.crop("utt2", start, 6000).tolist() == own(start)
    assert own(start) != own(start + 320)  # half a frame later others are heard


def test_training_utterances_alone_make_the_clusters(tmp_path, corpus):
    before = made(tmp_path / "a", corpus)
    change(corpus[1][0])
    after = made(tmp_path / "b", corpus)
    first, second = (load_file(tmp_path / name / CENTROIDS)["centroids"] for name in "ab")
    assert torch.equal(first, second)
    assert all(np.array_equal(before.whole(u.id), after.whole(u.id)) for u in corpus[0])
    assert before.counts["utt4"] != after.counts["utt4"]

    change(corpus[0][0])
    made(tmp_path / "c", corpus)
    assert not torch.equal(first, load_file(tmp_path / "c" / CENTROIDS)["centroids"])


def test_what_k_means_sees_fits_the_memory(tmp_path, corpus, monkeypatch):
    seen = []

    def note(frames, *arguments):
        seen.append(len(frames))
        return frames[:CLUSTERS]

    monkeypatch.setattr(cluster_labels, "fit_centroids", note)
    made(tmp_path / "all", corpus)
    made(tmp_path / "few", corpus, fit_megabytes=20 * 39 * 4 / 1e6)  # 20 frames
    assert seen[0] == sum(map(frames_of, corpus[0]))
    assert 20 <= seen[1] < 20 + max(map(frames_of, corpus[0]))  # the last utterance is whole
    assert load_track(tmp_path / "few").counts == load_track(tmp_path / "all").counts


@pytest.mark.parametrize("megabytes, frames", [(0.0, 0), (4 * 39 * 4 / 1e6, 4)])
def test_a_memory_too_small_for_the_clusters_is_named(tmp_path, corpus, megabytes, frames):
    with pytest.raises(UserError, match=f"fit_megabytes: .* holds {frames} frames, fewer than the"):
        made(tmp_path / "labels", corpus, fit_megabytes=megabytes)


def test_longer_audio_than_the_manifest_says_is_labelled_too(tmp_path, corpus):
    corpus = [replace(u, duration=0.4) for u in corpus[0]], corpus[1]
    track = made(tmp_path / "labels", corpus)
    assert track.counts == {row.id: frames_of(row) for row in (*corpus[0], *corpus[1])}


def test_an_utterance_without_a_frame_is_named(tmp_path, corpus):
    short = Utterance("short", 0.05, str(write_noise(tmp_path / "short.wav", 0.05)), "s")
    with pytest.raises(UserError, match="short.wav: shorter than one frame"):
        made(tmp_path / "labels", ([*corpus[0], short], corpus[1]))


def test_figures_are_of_the_training_part(tmp_path, corpus):
    track = made(tmp_path / "labels", corpus)
    labels = np.concatenate([track.whole(u.id) for u in corpus[0]])
    assert set(track.figures) == {"used", "perplexity"}
    assert track.figures["used"] == 100.0 and 1 < track.figures["perplexity"] <= CLUSTERS

    # Phones that are the clusters themselves, at 100 labels a second.
    lines = [
        f"{u.id} " + " ".join(str(i) for i in np.repeat(track.whole(u.id), 4)) for u in corpus[0]
    ]
    (tmp_path / "phones.txt").write_text("\n".join(f"{line} 0" for line in lines))
    figures = made(tmp_path / "labels", corpus, phone_labels=str(tmp_path / "phones.txt")).figures
    assert figures["pnmi"] > 40 and figures["phone_purity"] > 100 * np.bincount(labels).max() / len(
        labels
    )

    (tmp_path / "other.txt").write_text("nobody 1 2 3\n")
    figures = made(tmp_path / "labels", corpus, phone_labels=str(tmp_path / "other.txt")).figures
    assert set(figures) == {"used", "perplexity"}


# -- when it is made --------------------------------------------------------------------------


def test_made_again_only_when_the_inputs_change(tmp_path, corpus):
    folder, phones = tmp_path / "labels", tmp_path / "phones.txt"
    phones.write_text("utt0 1 2 3\n")
    options = {"phone_labels": str(phones)}
    made(folder, corpus, **options)
    before = stamp(folder)
    made(folder, corpus, **options)
    assert stamp(folder) == before

    def is_new(corpus=corpus, **other) -> bool:
        nonlocal before
        before, last = (made(folder, corpus, **{**options, **other}), stamp(folder))[1], before
        return before != last

    assert is_new(clusters=4) and is_new(seed=1) and is_new(iterations=2) and is_new()
    assert is_new((corpus[0][:3], corpus[1])) and is_new()
    change(corpus[1][1])
    assert is_new() and not is_new()
    labels = stamp(folder)[1:]
    phones.write_text("utt0 1 2 3 4\n")  # which say how pure the labels are, not what they are
    figures = track_facts(folder)["figures"]
    assert is_new() and not is_new() and stamp(folder)[1:] == labels
    assert track_facts(folder)["figures"] != figures


def test_a_wrong_line_of_phones_is_named_before_labels_are_made(tmp_path, corpus):
    phones = tmp_path / "phones.txt"
    phones.write_text("utt0 1 x 3\n")
    with pytest.raises(UserError, match="phones.txt line 1"):
        made(tmp_path / "labels", corpus, phone_labels=str(phones))
    assert not (tmp_path / "labels").exists()


def test_phones_of_other_utterances_are_told(tmp_path, corpus, caplog):
    phones = tmp_path / "phones.txt"
    phones.write_text("nobody 1 2 3\n")
    figures = made(tmp_path / "labels", corpus, phone_labels=str(phones)).figures
    assert "phones.txt: no training utterance is there" in caplog.text
    assert "phone_purity" not in figures


def test_killed_before_the_figures_the_labels_keep_their_time(tmp_path, corpus, monkeypatch):
    folder = tmp_path / "labels"

    def kill(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(cluster_labels, "cluster_usage", kill)
        made(folder, corpus)
    seconds = track_facts(folder)["seconds"]
    assert made(folder, corpus).figures and seconds > 0
    assert track_facts(folder)["seconds"] == seconds


def test_a_copy_of_the_corpus_is_the_same_corpus(tmp_path, corpus):
    """Times of change and paths do not count; content does, of as many bytes too."""
    folder = tmp_path / "labels"
    made(folder, corpus)
    before = stamp(folder)
    shutil.copytree(tmp_path / "audio", tmp_path / "copy")
    corpus = tuple(
        [replace(u, wav=u.wav.replace("audio", "copy")) for u in part] for part in corpus
    )
    os.utime(corpus[0][0].wav, ns=(1, 1))
    made(folder, corpus)
    assert stamp(folder) == before
    path = Path(corpus[0][0].wav)
    path.write_bytes(path.read_bytes()[:-2] + b"\x01\x00")
    made(folder, corpus)
    assert stamp(folder) != before


@pytest.mark.parametrize("where", ["nearest_centroid", "save_track"])
def test_killed_in_the_middle_nothing_half_made_is_taken(tmp_path, corpus, where, monkeypatch):
    """Not the new centroids beside the old labels either, which stay until there are new ones."""
    folder = tmp_path / "labels"
    first = made(folder, corpus).values.tolist()
    centroids = (folder / CENTROIDS).read_bytes()

    def kill(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(cluster_labels, where, kill)
        made(folder, corpus, clusters=3)
    assert load_track(folder, verify=True).values.tolist() == first
    assert (folder / CENTROIDS).read_bytes() == centroids
    assert made(folder, corpus).values.tolist() == first
    assert (folder / CENTROIDS).read_bytes() == centroids


def test_a_refused_option_costs_no_labels(tmp_path, corpus):
    folder = tmp_path / "labels"
    made(folder, corpus)
    before = stamp(folder)
    for options in ({"fit_megabytes": 1e-5}, {"given": given(tmp_path, corpus, utt4="1 2 3")}):
        with pytest.raises(UserError):
            made(folder, corpus, **options)
    made(folder, corpus)
    assert stamp(folder) == before


def test_labels_whose_centroids_are_gone_are_made_again(tmp_path, corpus):
    folder = tmp_path / "labels"
    made(folder, corpus)
    centroids = (folder / CENTROIDS).read_bytes()
    (folder / CENTROIDS).unlink()
    made(folder, corpus)
    assert (folder / CENTROIDS).read_bytes() == centroids
