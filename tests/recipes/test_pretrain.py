"""The pretraining recipe from the command line to a folder that is loaded elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mgf_brain.inference import SpeechEncoder
from mgf_brain.run.experiment import load_experiment
from tests.tiny_yaml import write_tiny_yaml

ROOT = Path(__file__).parents[2]
SCALES = ("sample", "frame", "phoneme", "utterance")


def arguments(corpus: Path, output: Path, *more: str) -> list[str]:
    options = {
        "data_folder": corpus,
        "output_folder": output,
        "log_interval": 2,
        "valid_interval": 2,
        "valid_share": 0.2,
    }
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    return [str(output.parent / "hparams/mgf.yaml"), *words, *more]


def start(words: list[str], cwd: Path) -> subprocess.CompletedProcess:
    script = str(ROOT / "recipes/LibriSpeech/pretrain.py")
    return subprocess.run(
        [sys.executable, script, *words], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def trained(noise_corpus, tmp_path_factory) -> tuple[Path, list[str], str]:
    """A short run: its folder, its arguments and what it printed."""
    folder = tmp_path_factory.mktemp("pretrain")
    noise_corpus(folder / "corpus")
    write_tiny_yaml(folder / "hparams", steps=4)
    words = arguments(folder / "corpus", folder / "run")
    done = start(words, folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "run", words, done.stdout


def test_the_run_leaves_what_the_readme_says(trained):
    output, _, printed = trained
    left = {path.name for path in output.iterdir()}
    assert {"results.json", "metrics.jsonl", "hyperparams.yaml", "log.txt", "env.log"} <= left
    assert {"train_log.txt", "save", "pretrained", "report"} <= left
    assert (output / "report/index.html").is_file()
    assert all(scale in printed for scale in SCALES)


def test_results_describe_the_training_part(trained):
    results = json.loads((trained[0] / "results.json").read_text())
    assert results["data"]["speakers"] == 8 and results["data"]["utterances"] == 16
    assert results["metrics"]["loss"] > 0 and results["time"]["audio_s_per_s"] > 0


def test_every_scale_is_logged_beside_its_references(trained):
    rows = [json.loads(line) for line in (trained[0] / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "split" not in row] == [2, 4]
    for scale in SCALES:
        assert all(f"{scale}_{key}" in rows[-1] for key in ("loss", "constant", "copy"))


def test_the_pretrained_folder_gives_bit_identical_features(trained):
    """Equal to the model in the last checkpoint, with nothing but the folder."""
    output, words, _ = trained
    model = load_experiment(words, merge="LibriSpeech").hparams["model"]
    (checkpoint,) = (output / "save").glob("CKPT*")
    model.load_state_dict(torch.load(checkpoint / "model.ckpt", weights_only=True))
    wavs, lengths = torch.randn(2, 16000), torch.tensor([16000, 9000])
    encoder = SpeechEncoder.from_pretrained(output / "pretrained")
    with torch.no_grad():
        frames, expected = model.eval().speech(wavs, lengths)
    states, frame_lengths = encoder.encode(wavs, lengths)
    assert torch.equal(frame_lengths, frames.lengths)
    assert all(torch.equal(a, b) for a, b in zip(states, expected, strict=True))


def test_the_pretrained_folder_names_no_path(trained):
    output, words, _ = trained
    text = "".join(
        p.read_text() for p in (output / "pretrained").iterdir() if p.suffix != ".safetensors"
    )
    assert str(output.parent) not in text and str(ROOT) not in text


def test_other_hyperparameters_in_the_same_folder_are_refused(trained):
    output, words, _ = trained
    done = start([*words, "--frame_weight", "0.5"], output.parent)
    assert done.returncode == 2 and "frame_weight" in done.stderr.splitlines()[-1]


def test_a_run_goes_on_with_other_workers_to_the_same_model(run, quick, noise_corpus, tmp_path):
    """And with other intervals of its log: neither changes what is trained."""
    noise_corpus(tmp_path / "corpus")
    write_tiny_yaml(tmp_path / "hparams", steps=4)
    left = []
    for name, *parts in (
        ("whole", ["--num_workers", "0"]),
        ("parts", ["--num_workers", "0", "--number_of_epochs", "1"], ["--num_workers", "2"]),
    ):
        for changed in parts:
            words = arguments(tmp_path / "corpus", tmp_path / name, "--audio_cache_hours", "0")
            done = run("pretrain", *words[1:], *changed, yaml=Path(words[0]))
            assert done.status == 0, done.err
        left.append((tmp_path / name / "pretrained/model.safetensors").read_bytes())
    assert "resumed" in (tmp_path / "parts/metrics.jsonl").read_text()
    assert left[0] == left[1]


def test_a_missing_corpus_is_one_line_and_status_2(tmp_path):
    write_tiny_yaml(tmp_path / "hparams", steps=4)
    done = start(arguments(tmp_path / "nowhere", tmp_path / "run"), tmp_path)
    assert done.returncode == 2 and "nowhere" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()
