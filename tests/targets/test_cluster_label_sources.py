"""Labels made elsewhere, and labels of the states of a pretrained encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mgf_brain.data.audio import read_audio
from mgf_brain.data.labels.track_files import load_track
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.encoder import example_encoder
from mgf_brain.targets.cluster_features import LayerFeatures
from mgf_brain.targets.cluster_labels import CENTROIDS, ClusterLabels
from mgf_brain.targets.frame_kmeans import nearest_centroid
from tests.label_corpus import CLUSTERS, HOP, frames_of, given, made, maker, stamp, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[list[Utterance], list[Utterance]]:
    return write_corpus(tmp_path)


# -- labels made elsewhere --------------------------------------------------------------------


def test_given_labels_are_taken_as_they_are(tmp_path, corpus):
    folder = tmp_path / "labels"
    made(folder, corpus)
    track = made(folder, corpus, given=given(tmp_path, corpus))
    assert track.whole("utt5").tolist() == [i % CLUSTERS for i in range(frames_of(corpus[1][1]))]
    assert not (folder / CENTROIDS).exists()  # of labels that are no longer there
    before = (folder / "track.json").stat().st_mtime_ns
    made(folder, corpus, given=str(tmp_path / "given.txt"))
    assert (folder / "track.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "line, message",
    [
        ("", "given.txt: no line for utt4"),
        ("1 2 3", "given.txt: utt4 has 3 labels, the encoder 22 frames of 640 samples"),
        (" ".join(["5"] * 22), "given.txt: utt4 has label 5, clusters is 5. Pass --clusters 6"),
        ("1 x 3", "given.txt line 5: expected"),
    ],
)
def test_wrong_given_labels_are_named(tmp_path, corpus, line, message):
    with pytest.raises(UserError, match=message):
        made(tmp_path / "labels", corpus, given=given(tmp_path, corpus, utt4=line))
    assert load_track(tmp_path / "labels") is None


def test_given_labels_beside_a_source_are_refused():
    with pytest.raises(UserError, match="labels and targets_from are both given"):
        maker(source="any", given="labels.txt")


def test_a_layer_of_no_encoder_is_refused():
    """Or else the first iteration would be repeated in silence."""
    with pytest.raises(UserError, match="Pass targets_from too"):
        maker(layer=3)
    for layer in ("x", 1.5, True):
        with pytest.raises(UserError, match=f"targets_layer: {layer!r} is no number of a state"):
            maker(source="any", layer=layer)


@pytest.mark.parametrize("key", ["given", "phone_labels"])
def test_a_missing_file_is_named_before_anything_is_made(tmp_path, corpus, key):
    with pytest.raises(UserError, match="nowhere.txt: there is no such file"):
        made(tmp_path / "labels", corpus, **{key: "nowhere.txt"})
    assert not (tmp_path / "labels").exists()


# -- a pretrained source ----------------------------------------------------------------------


@pytest.fixture
def source(monkeypatch):
    """``source(stack)``: what any folder's name loads, an encoder with frames of so many 10 ms."""

    def load(stack: int) -> SpeechEncoder:
        torch.manual_seed(0)
        encoder = example_encoder(stack=stack)
        monkeypatch.setattr(SpeechEncoder, "from_pretrained", lambda folder, **_: encoder)
        return encoder

    return load


@pytest.mark.parametrize("stack", [1, 2, 4])
def test_a_layer_of_a_pretrained_encoder_with_shorter_frames(tmp_path, corpus, source, stack):
    encoder = source(stack)
    track = made(tmp_path / "labels", corpus, source="any", layer=1)
    centroids = load_file(tmp_path / "labels" / CENTROIDS)["centroids"]
    assert centroids.shape == (CLUSTERS, encoder.dim)
    wav = read_audio(corpus[1][0].wav)
    states, _ = encoder.encode(wav[None], torch.tensor([len(wav)]))
    x, times = states[1][0], HOP // encoder.hop
    frames = [x[t * times : (t + 1) * times].mean(0) for t in range(frames_of(corpus[1][0]))]
    labels = nearest_centroid(torch.stack(frames), centroids).tolist()
    assert track.whole("utt4").tolist() == labels


def test_another_layer_or_other_weights_are_other_labels(tmp_path, corpus, source):
    encoder, folder = source(4), tmp_path / "labels"
    made(folder, corpus, source="any", layer=1)
    before = stamp(folder)
    made(folder, corpus, source="other name", layer=1)
    assert stamp(folder) == before  # the same weights elsewhere
    made(folder, corpus, source="any", layer=2)
    assert (after := stamp(folder)) != before
    with torch.no_grad():
        encoder.speech_model.encoder.projection.bias += 1.0
    made(folder, corpus, source="any", layer=2)
    assert stamp(folder) != after


def test_a_source_whose_hop_does_not_divide_is_refused(tmp_path, corpus, source):
    source(3)
    with pytest.raises(UserError, match="targets_from any: its hop of 480 samples does not divide"):
        made(tmp_path / "labels", corpus, source="any")


def test_layers_count_from_either_end(source):
    encoder = source(4)
    rows = [Utterance("a", 1.0, "", "s")]
    assert LayerFeatures(encoder, -1).layer == -1 and LayerFeatures(encoder, 2).dim == 32
    for layer in (3, -4):
        with pytest.raises(UserError, match=f"targets_layer {layer}"):
            LayerFeatures(encoder, layer).of(rows)


def test_more_clusters_than_two_bytes_hold_are_refused():
    with pytest.raises(UserError, match="clusters: pass 2 to 32768, not 32769"):
        ClusterLabels(clusters=32769, hop=640, window=880)
