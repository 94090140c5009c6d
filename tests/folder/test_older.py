"""Folders that commit d22e542 made, before files moved: see ``older/make.py``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from speechbrain.inference.speaker import SpeakerRecognition

import mgf_brain
from mgf_brain import inference
from mgf_brain.cli.main import main
from mgf_brain.downstream.pretrained import encoder_node, load_extractor
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.folder.write import dump_expanded
from tests.folder.older.make import KINDS, cpu, outputs

OLDER = Path(__file__).with_name("older")


pytestmark = pytest.mark.usefixtures("one_thread")  # as the outputs were made


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_gives_what_it_gave(name: str):
    """To the bit on the processor that made it; elsewhere torch's kernels round differently."""
    wav = load_file(OLDER / "input.safetensors")["wav"]
    kept = load_file(OLDER / name / "outputs.safetensors")
    found = outputs(name, OLDER / name, wav)
    assert found.keys() == kept.keys()
    exact = json.loads((OLDER / "made_with.json").read_text())["cpu"] == cpu()
    for key, value in found.items():
        torch.testing.assert_close(value, kept[key], **({"rtol": 0, "atol": 0} if exact else {}))


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_of_ones_own_too(name: str):
    """With ``trust`` HyperPyYAML builds what the yaml names: modules that are no more."""
    kind = getattr(inference, KINDS[name])
    trusted = kind.from_pretrained(OLDER / name, trust=True).state_dict()
    for key, value in kind.from_pretrained(OLDER / name).state_dict().items():
        assert torch.equal(trusted[key], value)


@pytest.mark.parametrize("name", ["mgf", "dino", "progre", "verification", "lresnet34"])
def test_pretrained_takes_it_and_what_is_made_of_it_names_public_names(name: str):
    folder, wavs = str(OLDER / name), load_file(OLDER / "input.safetensors")["wav"][None]
    extractor = load_extractor(folder, "hparams/mgf.yaml", seed=0)
    states, _ = extractor.encoder.encode(wavs, torch.tensor([wavs.shape[1]]))
    kept = load_file(OLDER / name / "outputs.safetensors")
    for i, state in enumerate(states):
        torch.testing.assert_close(state, kept[f"state{i}"])
    text = dump_expanded({"encoder": encoder_node(folder, "hparams/mgf.yaml")})
    named = re.findall(r"!new:(\S+)", text)
    assert named and all(re.fullmatch(r"mgf_brain\.(nn|inference)\.\w+", x) for x in named)


@pytest.mark.parametrize("name", KINDS)
def test_the_command_line_takes_it(name: str, capsys: pytest.CaptureFixture):
    main(["info", str(OLDER / name)])
    facts = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["class", KINDS[name].replace("Emotion", "Utterance")] in facts


def test_speechbrain_loads_what_was_exported_for_it(tmp_path: Path):
    source = str(OLDER / "for_speechbrain")
    model = SpeakerRecognition.from_hparams(source=source, savedir=str(tmp_path / "copy"))
    assert model is not None
    wav = load_file(OLDER / "input.safetensors")["wav"]
    ours = inference.SpeakerVerifier.from_pretrained(OLDER / "verification")
    torch.testing.assert_close(model.encode_batch(wav[None])[0], ours.embed(wav, 16000))


def test_no_cache_is_orphaned():
    """A fingerprint holds what an encoder is, not where its code lies."""
    kept = json.loads((OLDER / "fingerprints.json").read_text())
    if kept["versions"] != [mgf_brain.__version__, torch.__version__]:
        pytest.skip("a fingerprint holds the versions too")
    for name, fingerprint in kept["states"].items():
        model = getattr(inference, KINDS[name]).from_pretrained(OLDER / name)
        assert encoder_fingerprint(model, "states") == fingerprint
