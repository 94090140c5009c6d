"""Which utterances the pretraining recipes of the corpora read; nothing is trained here."""

from __future__ import annotations

import shutil

import pytest

from mgf_brain.data.corpora.speechocean762 import SPEAKER_PREFIX
from tests.data.miniatures_speech import VOX1_DEV, VOX2
from tests.recipes.corpora import make_speechocean762, make_voxceleb
from tests.recipes.outcome import refused

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def read(run, tmp_path, monkeypatch):
    """``read(dataset, *options)``: utterances to train and to validate on."""

    def call(dataset, *options):
        given = []
        monkeypatch.setattr(
            "mgf_brain.pretraining.run.pretrain", lambda *arguments: given.extend(arguments)
        )
        words = ["--output_folder", tmp_path / "run", "--shortest_utterance", 0.05, *options]
        done = run("pretrain", *words, dataset=dataset, yaml="mgf")
        assert done.status == 0, done.err
        experiment, train, valid = given
        assert experiment.recipe.script == f"recipes/{dataset}/pretrain.py"
        return train, valid

    return call


def speakers(rows):
    return {u.speaker for u in rows}


@pytest.mark.parametrize(
    "train_on, expected",
    [(None, VOX2), ("vox1", VOX1_DEV), ("all", VOX1_DEV + VOX2)],
)
def test_voxceleb_reads_dev_parts(read, tmp_path, train_on, expected):
    """By default VoxCeleb2's alone; never the speakers of list O, nor VoxCeleb2's test part."""
    corpus = make_voxceleb(tmp_path / "corpus")
    train, valid = read(
        "VoxCeleb", "--data_folder", corpus, *(("--train_on", train_on) if train_on else ())
    )
    assert speakers(train) | speakers(valid) == set(expected)
    assert len(speakers(valid)) == 1 and not speakers(train) & speakers(valid)


def test_speechocean762_reads_its_train_part(read, tmp_path):
    corpus = make_speechocean762(tmp_path / "corpus", train=12, test=3)
    train, valid = read("speechocean762", "--data_folder", corpus, "--valid_share", 0.25)
    numbers = {int(name.removeprefix(SPEAKER_PREFIX)) for name in speakers(train + valid)}
    assert numbers == set(range(1, 13))
    assert len(speakers(valid)) == 3 and not speakers(train) & speakers(valid)


@pytest.mark.parametrize("dataset", ["VoxCeleb", "speechocean762"])
def test_a_corpus_without_a_folder_is_an_error(run, tmp_path, dataset):
    """Not the embedded corpus, which has another layout."""
    done = run("pretrain", "--output_folder", tmp_path / "run", dataset=dataset, yaml="mgf")
    assert done.status == 2
    assert done.err.splitlines()[-1] == (
        "error: data_folder has no value; pass --data_folder <corpus>."
    )
    assert not (tmp_path / "run").exists()


def test_a_corrected_command_takes_the_folder_of_the_failed_one(run, read, corpus, tmp_path):
    """And reads nothing that the failed one prepared, until something has trained there."""
    out, good = tmp_path / "run", corpus("LibriSpeech")
    bad = tmp_path / "bad"
    shutil.copytree(next(good.glob("train-*")), bad / "dev-other")  # no part to train on
    options = ["--output_folder", out, "--data_folder"]
    refused(run("pretrain", *options, tmp_path, yaml="mgf"), "no audio found")
    refused(run("pretrain", *options, bad, yaml="mgf"), "has no part named train*")
    train, valid = read("LibriSpeech", "--data_folder", good, "--valid_share", 0.25)
    assert {u.wav.split("/")[-4] for u in train + valid} == {"train-clean-100"}
    (out / "metrics.jsonl").touch()
    refused(run("pretrain", *options, good, "--seed", 7, yaml="mgf"), "holds a run with other")


@pytest.mark.parametrize(
    "yaml, words, message",
    [
        ("mgf", "--seed 1.5", "mgf.yaml: "),
        ("mgf", "--dim 250", "mgf.yaml: "),
        ("mt4ssl", "--clusters 1.5", "mt4ssl.yaml: "),
        ("mgf", "--mask_share 2", "mask_share takes a number > 0 < 1, not 2"),
        ("mgf", "--noise_snr [40]", "noise_snr takes a range of numbers or null, not [40]"),
        ("dino", "--noise_probability 3", "noise_probability takes a share"),
        ("mt4ssl", "--labels absent.txt", "labels does not exist"),
        ("mt4ssl", "--targets_from ab/se/nt", "targets_from does not exist"),
        ("progre", "--speakers_from ab/se/nt", "speakers_from does not exist"),
    ],
)
def test_an_impossible_value_leaves_nothing(run, corpus, tmp_path, yaml, words, message):
    words = [*words.split(), "--data_folder", corpus("LibriSpeech")]
    done = run("pretrain", *words, "--output_folder", tmp_path / "run", yaml=yaml)
    refused(done, message)
    assert not (tmp_path / "run").exists()
