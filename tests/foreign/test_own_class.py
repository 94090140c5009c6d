"""Classes of one's own are imported with trust alone."""

from __future__ import annotations

import pytest

from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.foreign.own_class import own_parts
from mgf_brain.foreign.source import open_model
from mgf_brain.inference import SpeechEncoder

OWN = """
from torch import nn

print("imported")

class Encoder(nn.Module):
    sample_rate, hop, window = 16000, 160, 160

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(160, 4)

    def encode(self, wavs, lengths):
        return self.project(wavs.unfold(1, 160, 160)), lengths // 160

class Needs:
    def __init__(self, path):
        pass

number = 1
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module beside the recipes, of another name in each test."""
    name = f"own_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_a_folder_of_ours_can_hold_it(own, tmp_path):
    parts = own_parts(f"{own}:Encoder")
    text = dump_expanded(parts.nodes)
    encoder = load_encoder(text, parts, tmp_path / "pretrained")
    assert encoder.num_states == 1 and set(encoder.state_dict()) == set(parts.weights)
    with pytest.raises(UserError, match=f"!new:{own}.Encoder is refused"):
        SpeechEncoder.from_pretrained(tmp_path / "pretrained")


def load_encoder(text, parts, folder) -> SpeechEncoder:
    """What ``from_pretrained`` makes of these arguments and weights."""
    from hyperpyyaml import load_hyperpyyaml

    model = SpeechEncoder(**load_hyperpyyaml(text))
    model.load_state_dict(parts.weights)
    export_folder(folder, {"speech_model": model.speech_model}, text, {}, "# Card\n")
    return SpeechEncoder.from_pretrained(folder, trust=True)


def test_nothing_is_imported_without_trust(own, capsys):
    with pytest.raises(UserError, match="which may run any program. Pass --trust"):
        open_model(f"{own}:Encoder")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "name, words",
    [
        ("{own}:Needs", "built without arguments"),
        ("{own}:number", "is no class"),
        ("{own}:Nobody", "there is no Nobody"),
        ("nowhere_at_all:Encoder", "cannot be imported"),
        ("torch.nn:ReLU", "ReLU lacks sample_rate"),
    ],
)
def test_what_is_no_encoder_is_named(own, name, words):
    with pytest.raises(UserError, match=words):
        own_parts(name.format(own=own))
