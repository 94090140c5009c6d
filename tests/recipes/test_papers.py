"""hparams/paper: each file is read, builds a model of the paper's size, and its command fits it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from mgf_brain.run.experiment import load_experiment

FOLDER = Path(__file__).parents[2] / "hparams/paper"
PRESETS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
# Millions of weights of published models: with their heads as SUPERB lists them, and without.
WITH_HEADS = {"wav2vec2": 95.04, "hubert_second": 94.68, "hubert_large": 317.0}
WITHOUT = {"wav2vec2": 95.04, "hubert": 94.68, "wavlm": 94.70, "data2vec": 93.2, "mt4ssl": 93.2}
WARMUP = {"data2vec": 12000, "mt4ssl": 12000, "dino": 79794}  # steps; 32,000 of the others
LOOKED_AT = ("progre", "bestrq")  # values of weights, while they are made
NO_FOLDERS = ("--noise_folder", "--reverb_folder")


def command_of(name: str) -> list[str]:
    """The words of the header's command after the script's name."""
    text = (FOLDER / f"{name}.yaml").read_text()
    command = re.search(r"^# torchrun (?:.*\\\n)+.*\n", text, flags=re.M)
    words = re.sub(r"\\\n#", "", command[0]).split()
    return words[next(i for i, word in enumerate(words) if word.endswith(".py")) + 1 :]


def load(name: str, *without: str) -> dict[str, Any]:
    """What a header's command reads, but for some of its options; weights take no memory."""
    _, *words = command_of(name)
    options = dict(zip(words[::2], words[1::2], strict=True))
    words = [
        w for key, x in options.items() if key not in (*NO_FOLDERS, *without) for w in (key, x)
    ]
    words = [str(FOLDER / f"{name}.yaml"), *words, "--output_folder", "unused"]
    with torch.device("cpu" if name in LOOKED_AT else "meta"):
        return load_experiment(words, "VoxCeleb" if name == "dino" else "LibriSpeech").hparams


@pytest.fixture(scope="module", params=PRESETS)
def preset(request) -> tuple[str, dict[str, Any]]:
    return request.param, load(request.param)


def test_every_system_of_a_paper_has_one():
    systems = {"wav2vec2", "hubert", "wavlm", "data2vec", "mt4ssl", "progre", "dino", "bestrq"}
    assert set(PRESETS) == systems | {"hubert_second", "hubert_large"}


@pytest.mark.parametrize("name", PRESETS)
def test_its_help_names_each_file_of_its_chain_plainly(name: str, capsys):
    with pytest.raises(SystemExit):
        load_experiment([str(FOLDER / f"{name}.yaml"), "--help"], merge="LibriSpeech")
    text = capsys.readouterr().out
    files = re.findall(r"^(/.*\.yaml)$", text, flags=re.M)
    assert str(FOLDER.parent / "base/pretraining.yaml") in files
    assert not any(".." in path for path in files)


def test_its_model_has_the_papers_size(preset):
    name, hparams = preset
    whole, speech = (
        sum(p.numel() for p in module.parameters()) / 1e6
        for module in (hparams["model"], hparams["model"].speech)
    )
    assert speech == pytest.approx(WITHOUT.get(name, speech), rel=0.01)
    assert whole == pytest.approx(WITH_HEADS.get(name, whole), rel=0.002)


def test_its_command_takes_the_batch_in_passes(preset):
    name, hparams = preset
    assert command_of(name)[0] == f"hparams/paper/{name}.yaml"
    assert hparams["precision"] == "bf16"
    whole = load(name, "--batch_seconds", "--grad_accumulation_factor")
    passes = hparams["grad_accumulation_factor"]
    assert passes * hparams["batch_seconds"] == whole["batch_seconds"]
    assert hparams["ckpt_interval_minutes"] == 15 and hparams["num_workers"] >= 4


def test_what_follows_from_its_numbers(preset):
    name, hparams = preset
    steps = hparams["optimizer_step_limit"]
    assert round(hparams["warmup"] * steps) == pytest.approx(WARMUP.get(name, 32000), abs=1)
    peak = hparams["learning_rate"]
    assert hparams["scheduler"](steps // 2) <= peak
    assert hparams["scheduler"](round(hparams["warmup"] * steps)) == pytest.approx(peak, rel=1e-4)
    if name == "dino":
        return
    encoder, masking = hparams["model"].speech.encoder, hparams["masking"]
    if name in ("data2vec", "mt4ssl"):
        assert [conv.kernel_size for conv in encoder.positions.convs] == 5 * [(19,)]
        assert hparams["scheduler"](steps // 2) == peak
    else:
        kernel = 64 if name == "bestrq" else 128  # of 40 and 20 ms
        assert encoder.positions.conv.kernel_size == (kernel,)
    assert masking.span == 10  # of 20 or, BEST-RQ's 400 ms, 40 ms
    assert encoder.layer_drop == (0.0 if name in ("hubert_large", "bestrq") else 0.05)
    weights = hparams["model"].weights
    penalised = name in ("wav2vec2", "hubert", "hubert_second", "hubert_large", "wavlm", "progre")
    assert weights.get("penalty") == (10.0 if penalised else None)
