"""The models that come with the package score what their cards say; how cards are filled."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest
import soundfile
import torch

from experiments.ship import HEADS, MOST, refuse_other_scores, refuse_other_speech
from experiments.ship_cards import encoder_card, head_card
from experiments.ship_scores import fixed_lists, said_of, scores_of, small
from mgf_brain.data.labels.trials import Trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder.hub import read_card
from mgf_brain.folder.shipped import ENCODER, NAMES, SPEAKERS, WEIGHTS
from mgf_brain.inference import SpeakerVerifier, UtteranceClassifier, example_encoder
from mgf_brain.inference.any_model import load_any
from mgf_brain.metrics.names import score_text
from mgf_brain.nn import Probe
from tests.shipped import needs_weights

needs_data = pytest.mark.skipif(
    not {"DATA", "PROTOCOL"} <= os.environ.keys(),
    reason="set DATA and PROTOCOL, the folders of corpora and lists",
)


def stored(name):
    return read_json(WEIGHTS / name / "results.json")["stored"]


@pytest.fixture(scope="session")
def lists(tmp_path_factory):
    """Those of the heads, small."""
    found = fixed_lists(
        os.environ["DATA"], os.environ["PROTOCOL"], tmp_path_factory.mktemp("manifests")
    )
    return {name: small(rows) for name, rows in found.items()}


@needs_weights
@needs_data
@pytest.mark.parametrize("name", HEADS)
def test_the_files_score_what_their_card_says(name, lists):
    model, said = load_any(name), stored(name)["float16_small"]
    found = scores_of(model, lists[name], said_of(model, lists[name]))
    assert found.keys() == said.keys()
    assert all(found[score] == pytest.approx(value, abs=0.3) for score, value in said.items())


def test_an_encoder_that_has_heard_other_speech_does_not_ship(tmp_path, monkeypatch):
    rows = {part: Utterance(part, 1.0, f"/{part}.wav", part) for part in ("read", "test", "kids")}
    monkeypatch.setattr("experiments.ship.prepare_librispeech", lambda *_: {"train-x": "read"})
    monkeypatch.setattr(
        "experiments.ship.prepare_speechocean762", lambda *_: {"train": "kids", "test": "test"}
    )
    monkeypatch.setattr("experiments.ship.read_manifest", lambda part: [rows[part]])
    example_folder = tmp_path / "run" / "pretrained"
    monkeypatch.setattr(
        "experiments.ship.open_model", lambda _: SimpleNamespace(place=example_folder)
    )
    with pytest.raises(UserError, match="is not known"):
        refuse_other_speech("any", "data", tmp_path)
    heard = tmp_path / "run" / "save" / "trained_on.csv"
    heard.parent.mkdir(parents=True)
    heard.write_text("train,read,1.0\nvalid,kids,1.0\n")
    refuse_other_speech("any", "data", tmp_path)
    heard.write_text("train,read,1.0\nvalid,test,1.0\n")  # of the test part
    with pytest.raises(UserError, match=r"trained_on.csv: test is of neither"):
        refuse_other_speech("any", "data", tmp_path)


@needs_weights
@pytest.mark.parametrize("name", HEADS)
def test_cards_hold_the_scores_and_half_precision_costs_nothing(name):
    scores, card = stored(name), read_card(WEIGHTS / name)
    main = next(iter(scores["float16"]))
    assert card and score_text(main, scores["float16"][main]) in card.text
    for score, value in scores["float32"].items():
        assert abs(value - scores["float16"][score]) <= MOST, score
    whole = read_card(WEIGHTS / ENCODER)
    assert whole and all(other in whole.text for other in NAMES)
    assert read_json(WEIGHTS / ENCODER / "results.json")["heads"][name] == scores["float16"]


def test_the_small_list_holds_the_trials_between_its_utterances():
    rows = [Utterance(str(i), 1.0, f"/{i}.wav", "s") for i in range(20)]
    pairs = torch.tensor([[0, 16], [0, 9], [8, 16], [3, 4]])
    found = small(Trials(rows, pairs, torch.tensor([True, False, False, True])))
    assert [u.id for u in found.utterances] == ["0", "8", "16"]
    assert found.pairs.tolist() == [[0, 2], [1, 2]] and found.same.tolist() == [True, False]


def test_scores_are_those_of_what_the_classes_say(tmp_path):
    torch.manual_seed(0)
    model = UtteranceClassifier(example_encoder(), Probe(3, 224, classes=2), ["a", "b"]).eval()
    rows, right = [], {"a": [], "b": []}
    for number in range(6):
        path, label = tmp_path / f"{number}.wav", "ab"[number % 2]
        soundfile.write(path, 0.1 * torch.randn(8000).numpy(), 16000)
        rows.append(Utterance(path.stem, 0.5, str(path), "s", label=label))
        right[label].append(model.classify(path)[0][0] == label)
    expected = 100 * sum(sum(hits) / len(hits) for hits in right.values()) / 2
    assert scores_of(model, rows, said_of(model, rows))["uar"] == pytest.approx(expected)


def test_a_verifiers_errors_at_its_threshold():
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    model = SpeakerVerifier(example_encoder(), 2, threshold=0.5)
    pairs = torch.tensor([[0, 1], [0, 2], [2, 3], [0, 3], [1, 3]])
    same = torch.tensor([True, True, True, False, False])
    utterances = [Utterance(str(i), 1.0, "/a.wav", "s") for i in range(4)]
    found = scores_of(model, Trials(utterances, pairs, same), rows)
    assert found["misses"] == pytest.approx(100 / 3) and found["false_alarms"] == 0.0


def test_a_heads_card_says_what_is_stored_and_what_its_threshold_means():
    scores = {"eer": 8.0, "min_dcf": 0.7, "misses": 9.0, "false_alarms": 7.0}
    both = {"float32": scores, "float16": scores | {"eer": 8.05}, "float16_small": scores}
    text = head_card(SPEAKERS, 'A\n\n## Use\n\nload("path/to/this/folder")\n', both)
    assert "| EER | 8.00 % | 8.05 % | 8.00 % |" in text
    assert "9.00 % of the test's pairs of one speaker" in text
    assert 'load("mgf-mini-speakers")' in text and text.index("## As it is") < text.index("## Use")


def test_what_half_precision_changes_is_not_put_into_the_package():
    scores = {SPEAKERS: {"float32": {"eer": 8.0}, "float16": {"eer": 8.0 + 1.1 * MOST}}}
    with pytest.raises(UserError, match="eer is 8.0000 in float32, 8.1100 in float16"):
        refuse_other_scores(scores)


TRAINED = """# mgf\n\n| | |\n|---|---|\n| seed | 3 |\n\n## Data\n\n9 hours\n\n## Objectives\n\nfour
## Use\n\nx\n\n## Citation\n\nsomebody\n"""


def test_the_encoders_card_is_filled_from_results_and_from_its_trainings_card(tmp_path):
    data = {"hours": 3.98, "utterances": 2741, "speakers": 357}
    results = {"data": data, "model": {"parameters": 4953616}}
    (tmp_path / "results.json").write_text(json.dumps(results))
    scores = {"eer": 8.0, "uar": 75.0, "per": 56.3, "misses": 9.0}
    text = encoder_card(TRAINED, tmp_path, dict.fromkeys(HEADS, scores))
    assert "4.0 hours of speech, 2,741 utterances of 357 speakers" in text
    assert "| seed | 3 |" in text and "four" in text and text.endswith("somebody\n\n")
    assert "9 hours" not in text and "Of the phones, 56.30 % are wrong" in text
    assert "| eer 8.00 % |" in text and text.count("uar 75.00 %") == 2
    with pytest.raises(UserError, match="is no training's"):
        encoder_card("# A model", tmp_path, {})
