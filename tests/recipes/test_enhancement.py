"""The enhancement recipes on miniatures, as a user runs them."""

import json
import math
import re

import pytest
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.inference import Enhancer
from tests.data.miniatures import make_voicebank, write_noise
from tests.recipes.exported import check_count, exported
from tests.recipes.outcome import refused

pytestmark = pytest.mark.usefixtures("quick")
BRIEF = ("--number_of_epochs", 1, "--tuning_epochs", 1, "--hidden", 8, "--head_layers", 1)
NAMES = ["si_sdr", "si_sdr_noisy", "si_sdr_improvement"]


@pytest.fixture
def voicebank(tmp_path):
    return make_voicebank(tmp_path / "VoiceBank")


@pytest.fixture
def noise(tmp_path):
    """Three files of noise."""
    for i in range(3):
        write_noise(tmp_path / "noise" / f"n{i}.wav", 0.5)
    return tmp_path / "noise"


@pytest.fixture
def enhance(run, tmp_path):
    """``enhance(dataset, *options)``: the results of a recipe that went well."""

    def call(dataset, *options):
        out = tmp_path / "out"
        done = run("enhancement", *BRIEF, *options, "--output_folder", out, dataset=dataset)
        assert done.status == 0, done.err
        found = json.loads((out / "results.json").read_text())
        assert list(found["metrics"])[:3] == NAMES
        assert all(map(math.isfinite, found["metrics"].values()))
        assert f"si_sdr {found['metrics']['si_sdr']:.2f} dB" in done.out
        return found

    return call


@pytest.mark.parametrize("adapt", ["frozen", "two_step", "full"])
def test_voicebank(enhance, voicebank, pretrained, tmp_path, adapt):
    out = tmp_path / "out"
    words = ["--data_folder", voicebank, "--pretrained", pretrained, "--adapt", adapt]
    found = enhance("VoiceBank", *words)
    assert found["data"]["utterances"] == 4 and found["data"]["speakers"] == 2
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert len(re.findall("<audio", page)) == 4 * 3  # noisy, enhanced, clean of four utterances
    assert " dB</td>" in page
    enhancer = Enhancer.from_pretrained(exported(out))
    check_count(enhancer, found, tuned=adapt != "frozen")
    noisy = voicebank / "noisy_testset_wav" / "p232_001.wav"
    made = enhancer.enhance(noisy)
    assert made.shape == read_audio(noisy).shape and not torch.equal(made, read_audio(noisy))


def test_own_speech(enhance, corpus, noise):
    folder = corpus("Custom")
    words = ["--manifest", folder / "speech.csv", "--data_folder", folder]
    found = enhance("Custom", *words, "--noise_folder", noise, "--pretrained", "fbank")
    assert found["data"]["utterances"] == 9  # the fold "test" is Dora's


def test_a_folder_of_speakers(enhance, noise, tmp_path):
    for speaker in ("anna", "ben", "carl"):
        write_noise(tmp_path / "speech" / speaker / f"{speaker}.wav", 0.6)
    words = ["--data_folder", tmp_path / "speech", "--noise_folder", noise]
    found = enhance("Custom", *words, "--pretrained", "fbank", "--valid_share", 0.5)
    assert found["data"]["speakers"] == 1  # one is the test's, one of the other two validates


BAD = [
    ("Custom", "--noise_folder {noise}", "data_folder: no clean speech is named"),
    ("Custom", "--data_folder {noise}", "Pass --noise_folder <folder>"),
    (
        "Custom",
        "--data_folder {noise} --noise_folder {noise} --snr [5,0]",
        "snr takes a range of numbers, not [5, 0]",
    ),
    ("VoiceBank", "--data_folder {voicebank} --noise_folder {noise}", "is noisy already"),
    ("VoiceBank", "--data_folder {noise}", "holds no noisy_trainset_28spk_wav/*"),
    ("VoiceBank", "", "pass --data_folder <corpus>"),
]


@pytest.mark.parametrize("dataset, words, message", BAD)
def test_bad_input(run, voicebank, noise, tmp_path, dataset, words, message):
    words = words.format(noise=noise, voicebank=voicebank).split()
    out = tmp_path / "out"
    words += ["--pretrained", "fbank", "--output_folder", out]
    refused(run("enhancement", *words, dataset=dataset), message)
    assert not (out / "results.json").exists()
