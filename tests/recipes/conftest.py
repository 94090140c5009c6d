"""A tiny pretrained folder, and recipes run as a user runs them."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from threadpoolctl import threadpool_limits

from mgf_brain.folder.write import export_folder
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.speech_model import SpeechModel
from tests.no_plot import no_plot
from tests.recipes.corpora import MINIATURES

REPOSITORY = Path(__file__).parents[2]
YAML = """
sample_rate: 16000
speech_model: !new:mgf_brain.nn.SpeechModel
  front_end: !new:mgf_brain.nn.LogMel
    dim: 16
    stack: 2
  encoder: !new:mgf_brain.nn.TransformerEncoder
    input_dim: 16
    dim: 32
    layers: 1
    heads: 4
    ffn: 64
    position_kernel: 8
"""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """``corpus(name)``: the folder of a miniature, made once."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = MINIATURES[name](tmp_path_factory.mktemp("corpora") / name)
        return made[name]

    return make


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory):
    """A pretrained folder: two states of 32 channels every 20 ms."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = TransformerEncoder(16, 32, 1, 4, 64, position_kernel=8)
        model = SpeechModel(LogMel(16, stack=2), encoder)
    folder = tmp_path_factory.mktemp("run") / "pretrained"
    return export_folder(folder, {"speech_model": model}, YAML, {}, "")


@pytest.fixture
def quick(monkeypatch):
    """Without what takes half a second each time and is tested elsewhere."""
    monkeypatch.setattr("speechbrain.utils.logger.get_environment_description", lambda: "")
    monkeypatch.setattr("mgf_brain.reports.drawing.both_widths", no_plot)
    with threadpool_limits(1):  # t-SNE of few points: threads only wait for each other
        yield


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a recipe in this process (importing takes longer): exit status, stdout and stderr."""

    def call(task, *arguments, dataset="LibriSpeech", yaml=None):
        script = f"recipes/{dataset}/{task}.py"
        yaml = yaml if isinstance(yaml, Path) else f"hparams/{yaml or task}.yaml"
        words = [script, *map(str, (yaml, *arguments))]
        monkeypatch.chdir(REPOSITORY)
        monkeypatch.setattr(sys, "argv", words)
        status = 0
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as stop:
            status = stop.code
        return SimpleNamespace(status=status, **capsys.readouterr()._asdict())

    return call
