"""The model card: filled from the run, loadable by the hub, silent about the machine."""

import re

import numpy as np
import pytest
import soundfile
import torch
from huggingface_hub import ModelCard

from mgf_brain import objectives
from mgf_brain.folder.write import export_folder
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.pretraining.card import model_card

YAML = """\
# Generated from:
# /home/alice/mgf.yaml
sample_rate: 16000
seed: 7
data_folder: /home/alice/LibriSpeech
add_manifest: /home/alice/more.csv
output_folder: /home/alice/runs/secret
save_folder: /home/alice/runs/secret/save
corpus: LibriSpeech
language: en
optimizer_step_limit: 2400
objectives:
  sample: &id001 !new:mgf_brain.objectives.MagnitudeReconstruction {latent_dim: 16}
  frame: !new:package.objectives.Frame {}
  utterance: !new:mgf_brain.objectives.UtteranceContrastive
    dim: 32
weights: {sample: 0.5, frame: 0.0, utterance: 2.0}
sample: *id001
"""
SPEECH = SpeechModel(LogMel(16, stack=4), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
RESULTS = {
    "recipe": "recipes/LibriSpeech/pretrain.py",
    "hparams": "/home/alice/mine/mgf.yaml",
    "seed": 7,
    "data": {"hours": 1.236, "utterances": 1361, "speakers": 238},
    "model": {"parameters": 4953616},
    "metrics": {
        "loss": 2.0,
        "validation": {"sample_loss": 0.6, "sample_constant": 0.8, "sample_copy": 0.5},
    },
    "time": {"wall_s": 1490.0, "audio_s_per_s": 101.3},
    "peak_rss_mb": 1000.0,
    "versions": {"torch": "2.14.1"},
}


def rows(card):
    cells = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in cells}


def test_a_weight_that_ramps_is_a_range():
    ramp = "!new:mgf_brain.objectives.Ramp {first: 0.0, last: 2.0, until: 0.3}"
    card = model_card(YAML.replace("sample: 0.5", f"sample: {ramp}"), RESULTS, SPEECH)
    assert "| sample | MagnitudeReconstruction | 0 to 2 |" in card
    never = ramp.replace("last: 2.0", "last: 0.0")
    card = model_card(YAML.replace("sample: 0.5", f"sample: {never}"), RESULTS, SPEECH)
    assert "MagnitudeReconstruction" not in card


def test_no_path_of_the_training_machine_appears():
    card = model_card(YAML, RESULTS, SPEECH)
    for word in ("alice", "/home", "secret", "more.csv"):
        assert word not in card
    assert "`recipes/LibriSpeech/pretrain.py mgf.yaml`" in card


@pytest.mark.parametrize("path", ["../alice/mgf.yaml", "/home/alice/mgf.yaml"])
def test_a_yaml_outside_the_repository_is_named_without_its_folder(path):
    assert "alice" not in model_card(YAML, RESULTS | {"hparams": path}, SPEECH)


def test_the_hub_reads_the_front_matter():
    metadata = ModelCard(model_card(YAML, RESULTS, SPEECH)).data
    assert metadata.library_name == "speechbrain"
    assert metadata.language == "en" and metadata.model_name == "mgf"
    found = {(r.metric_type, r.metric_value, r.dataset_name) for r in metadata.eval_results}
    assert ("loss", 2.0, "LibriSpeech") in found and len(found) == 4
    assert ("validation sample_copy", 0.5, "LibriSpeech") in found
    assert metadata.pipeline_tag == "feature-extraction" and "speech" in metadata.tags


@pytest.mark.parametrize(
    "licence, name",
    [
        ("CC BY 4.0", ("cc-by-4.0", None)),
        ("CC BY-NC-SA 4.0", ("cc-by-nc-sa-4.0", None)),
        ("terms of the LDC", ("other", "terms-of-the-ldc")),
        ("null", (None, None)),
    ],
)
def test_the_licence_of_the_data(licence: str, name: tuple):
    yaml = YAML.replace("add_manifest: /home/alice/more.csv", f"licence: {licence}")
    card = model_card(yaml, RESULTS, SPEECH)
    metadata = ModelCard(card).data
    assert (metadata.license, metadata.license_name) == name
    assert f"Licence of the data: {licence.replace('null', 'not stated')} (LibriSpeech)." in card


def test_a_licence_that_nobody_can_tell():
    manifest = YAML + "licence: CC BY 4.0\n"
    assert ModelCard(model_card(manifest, RESULTS, SPEECH)).data.license is None
    told = model_card(manifest + "add_licence: my terms\n", RESULTS, SPEECH)
    assert ModelCard(told).data.license_name == "cc-by-4.0-and-my-terms"
    assert "CC BY 4.0 (LibriSpeech), my terms (the manifest)." in told
    embedded = manifest.replace("data_folder: /home/alice/LibriSpeech", "data_folder:")
    embedded = embedded.replace("add_manifest: /home/alice/more.csv", "")
    assert ModelCard(model_card(embedded, RESULTS, SPEECH)).data.license == "apache-2.0"


def test_scores_that_are_no_numbers_are_left_out():
    results = RESULTS | {"metrics": {"loss": float("nan"), "interval": [1.0, 2.0], "a": {"b": 3}}}
    (only,) = ModelCard(model_card(YAML, results, SPEECH)).data.eval_results
    assert (only.metric_type, only.metric_value) == ("a b", 3)


def test_what_was_trained_on_what():
    card = model_card(YAML, RESULTS, SPEECH)
    text = " ".join(card.split())
    assert "1.24 hours of speech: 1,361 utterances of 238 speakers, from LibriSpeech, and" in text
    table = rows(card)
    assert table["parameters"] == ["4,953,616"]
    assert table["frame hop"] == ["40 ms (640 samples)"]
    assert table["sampling rate"] == ["16,000 Hz"]
    assert table["encoder"] == ["TransformerEncoder"] and table["front-end"] == ["LogMel"]
    assert table["states"] == ["3 of 32 channels"]


def test_what_the_objectives_come_from_is_cited():
    assert "2102.01930" in model_card(YAML, RESULTS, SPEECH)
    dino = YAML.replace("utterance: 2.0", "utterance: 0, dino: 1.0").replace(
        "  frame: !new", "  dino: !new:mgf_brain.objectives.Distillation {}\n  frame: !new"
    )
    both = model_card(dino, RESULTS, SPEECH)
    assert "2102.01930" in both and "2208.05413" in both
    alone = model_card(dino.replace("sample: 0.5", "sample: 0"), RESULTS, SPEECH)
    assert "2102.01930" not in alone and "2208.05413" in alone


@pytest.mark.parametrize("made_by", ["package.objectives.Mine", "torch.nn.Linear"])
def test_an_objective_that_names_no_paper_is_cited_as_nobodys(made_by):
    yaml = YAML.replace("utterance: 2.0", "utterance: 0").replace("sample: 0.5", "sample: 0")
    yaml = yaml.replace("frame: 0.0", "frame: 1.0").replace("package.objectives.Frame", made_by)
    card = model_card(yaml, RESULTS, SPEECH)
    assert "arxiv" not in card.lower() and "bibtex" not in card and "Citation" not in card
    assert rows(card)["frame"] == [made_by.rpartition(".")[2], "1"]


def test_every_objective_of_a_yaml_names_its_papers():
    for name in set(objectives.__all__) - {"Objective"}:
        kind = getattr(objectives, name)
        if issubclass(kind, objectives.Objective):
            assert kind.papers, name


def test_objectives_in_use_with_class_and_weight():
    section = model_card(YAML, RESULTS, SPEECH).split("## Objectives")[1].split("## Validation")[0]
    table = rows(section)
    assert table["sample"] == ["MagnitudeReconstruction", "0.5"]
    assert table["utterance"] == ["UtteranceContrastive", "2"]
    assert "Frame" not in section and "odd" not in section


def test_the_validation_table_does_not_hide_a_scale_that_does_not_learn():
    validation = model_card(YAML, RESULTS, SPEECH).split("## Validation")[1]
    assert rows(validation)["sample"][-1] == "no"


def test_synthetic_speech_is_called_so():
    embedded = YAML.replace("data_folder: /home/alice/LibriSpeech", "data_folder:")
    assert "synthetic" in model_card(embedded, RESULTS, SPEECH)
    own = embedded + "manifest: /home/alice/mine.csv\n"
    assert "synthetic" not in model_card(own, RESULTS, SPEECH)
    assert "synthetic" not in model_card(YAML, RESULTS, SPEECH)


def test_the_code_of_the_card_runs(tmp_path, monkeypatch):
    yaml = """\
sample_rate: 16000
speech_model: !new:mgf_brain.nn.SpeechModel
  front_end: !new:mgf_brain.nn.LogMel {dim: 16, stack: 4}
  encoder: !new:mgf_brain.nn.TransformerEncoder
    {input_dim: 16, dim: 32, layers: 2, heads: 4, ffn: 64, position_kernel: 8}
"""
    card = model_card(YAML, RESULTS, SPEECH)
    export_folder(tmp_path / "path/to/this/folder", {"speech_model": SPEECH}, yaml, RESULTS, card)
    noise = np.random.default_rng(0).normal(size=8000) * 0.1
    soundfile.write(tmp_path / "speech.wav", noise, 16000)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL).group(1), names)
    assert len(names["states"]) == 3 and names["states"][0].shape[2] == 32
    assert torch.isfinite(names["embedding"]).all() and len(names["embedding"]) == 1
