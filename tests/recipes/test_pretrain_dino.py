"""DINO and MGF-DINO from the command line to a folder that is loaded elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mgf_brain.inference import SpeechEncoder
from mgf_brain.run.experiment import load_experiment
from tests.tiny_yaml import ROOT, write_tiny_yaml

STEPS = 4


@pytest.fixture(scope="module", params=["dino", "mgf_dino", "mgf2"])
def trained(request, noise_corpus, tmp_path_factory) -> tuple[Path, list[str]]:
    """A short run: its folder and its arguments."""
    folder = tmp_path_factory.mktemp(request.param)
    corpus = noise_corpus(folder / "corpus")
    write_tiny_yaml(folder / "hparams", STEPS)
    words = f"--data_folder {corpus} --output_folder {folder / 'run'} --valid_share 0.2"
    words = [str(folder / f"hparams/{request.param}.yaml"), *words.split()]
    words += ["--log_interval", "2", "--valid_interval", "2"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "recipes/LibriSpeech/pretrain.py"), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "run", words


def test_what_is_logged(trained):
    rows = [json.loads(line) for line in (trained[0] / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "split" not in row] == [2, 4]
    figures = ("loss", "constant", "entropy", "batch_entropy", "information", "divergence", "rank")
    for row in rows:
        assert all(f"dino_{name}" in row for name in figures)
    assert (trained[0] / "report/dino.svg").is_file()


def test_the_folder_holds_the_teacher_or_the_student(trained):
    """That of the last checkpoint: the teacher is not what it was at first, and not the student."""
    output, words = trained
    model = load_experiment(words, merge="LibriSpeech").hparams["model"]
    first = model.objectives["dino"].teacher.model.speech.state_dict()
    first = {name: value.clone() for name, value in first.items()}
    checkpoint = max((output / "save").glob("CKPT*"), key=lambda path: path.stat().st_mtime)
    model.load_state_dict(torch.load(checkpoint / "model.ckpt", weights_only=True))
    wavs, lengths = torch.randn(2, 16000), torch.tensor([16000, 9000])
    teacher = model.eval().objectives["dino"].teacher.model
    moved = [n for n, p in teacher.speech.named_parameters() if not torch.equal(p, first[n])]
    assert any(name.endswith("weight") for name in moved)
    dino = model.objectives["dino"]
    kept, other = (teacher.speech, teacher.embedding), (model.speech, dino.embedding)
    if dino.export == "student":
        kept, other = other, kept
    expected = SpeechEncoder(kept[0], 16000, kept[1])
    encoder = SpeechEncoder.from_pretrained(output / "pretrained")
    states, _ = encoder.encode(wavs, lengths)
    with torch.no_grad():
        assert torch.equal(states[-1], kept[0](wavs, lengths)[1][-1])
        assert not torch.equal(states[-1], other[0](wavs, lengths)[1][-1])
    assert torch.equal(encoder.embed(wavs, lengths), expected.embed(wavs, lengths))


def test_weights_decay_and_vectors_do_not(trained):
    output, words = trained
    checkpoint = max((output / "save").glob("CKPT*"), key=lambda path: path.stat().st_mtime)
    groups = torch.load(checkpoint / "optimizer.ckpt", weights_only=True)["param_groups"]
    counts = {bool(group["weight_decay"]): len(group["params"]) for group in groups}
    model = load_experiment(words, merge="LibriSpeech").hparams["model"]
    learnt = [p for p in model.parameters() if p.requires_grad]
    assert counts[True] == sum(p.dim() > 1 for p in learnt)
    assert counts[False] == sum(p.dim() == 1 for p in learnt)


def test_the_card_says_what_it_is(trained):
    card = (trained[0] / "pretrained/README.md").read_text()
    assert "| dino | Distillation | 1 |" in card and "2208.05413" in card
    assert ("2102.01930" in card) == trained[0].parent.name.startswith("mgf")


def test_impossible_crops_are_one_line_and_status_2(trained):
    output, words = trained
    words = [str(output.parent / "other") if word == str(output) else word for word in words]
    for wrong in (
        ["--local_seconds", "9"],
        ["--global_crops", "1", "--local_crops", "0"],
        ["--batch_seconds", "1"],
    ):
        script = str(ROOT / "recipes/LibriSpeech/pretrain.py")
        done = subprocess.run(
            [sys.executable, script, *words, *wrong],
            cwd=output.parent,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2000:]
        assert wrong[0][2:] in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("network", ["lresnet34", "ecapa"])
def test_voxceleb_with_the_papers_networks(network, run, corpus, tmp_path):
    """A step of the issue's own command, every crop with babble of other utterances."""
    write_tiny_yaml(tmp_path / "hparams", steps=1)
    words = ["--network", network, "--shortest_utterance", 0.05, "--noise_probability", 1.0]
    words += ["--data_folder", corpus("VoxCeleb"), "--output_folder", tmp_path / "run"]
    done = run("pretrain", *words, dataset="VoxCeleb", yaml=tmp_path / "hparams/dino.yaml")
    assert done.status == 0, done.err
    encoder = SpeechEncoder.from_pretrained(tmp_path / "run/pretrained")
    assert encoder.embed(torch.randn(1, 16000), torch.tensor([16000])).isfinite().all()
