"""Cards of downstream models: the hub reads them, they name no machine, and their code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import soundfile
import torch
from huggingface_hub import ModelCard

from mgf_brain.downstream.card import Card, downstream_card
from mgf_brain.tasks.classification.model_folder import classifier_card
from mgf_brain.tasks.transcription.model_folder import recogniser_card
from mgf_brain.tasks.verification.calibration import Calibration
from mgf_brain.tasks.verification.model_folder import verifier_card
from tests.inference.folders import LABELS, write_classifier

RESULTS = {
    "recipe": "recipes/EmoDB/emotion.py",
    "hparams": "/home/alice/mine/emotion.yaml",
    "seed": 7,
    "data": {"hours": 1.236, "utterances": 1361, "speakers": 10},
    "model": {"parameters": 1000},
    "metrics": {"uar": 61.5, "folds": {"03": {"uar": 60.0}, "16": {"uar": 63.0}}},
    "time": {"wall_s": 10.0, "audio_s_per_s": 100.0},
    "versions": {"torch": "2.14.1"},
}
HPARAMS = {"pretrained": "/home/alice/runs/mgf/1986/pretrained", "adapt": "full", "corpus": "EmoDB"}
WORDS = RESULTS | {"recipe": "recipes/WSJ/asr.py", "metrics": {"wer": 20.0, "cer": 8.0}}
CALIBRATION = Calibration(threshold=0.31, eer=4.2, trials=7000, speakers=125)
CARDS = [
    (classifier_card(RESULTS, "16", ["16", "16"], LABELS), RESULTS, "audio-classification"),
    (recogniser_card(WORDS), WORDS, "automatic-speech-recognition"),
    (verifier_card(None, "full"), WORDS, None),
]


@pytest.mark.parametrize("card, results, tag", CARDS)
def test_the_hub_reads_it_and_nothing_tells_of_the_machine(card: Card, results: dict, tag: str):
    text = downstream_card(card, HPARAMS, results)
    metadata = ModelCard(text).data
    assert metadata.library_name == "speechbrain" and metadata.pipeline_tag == tag
    assert "alice" not in text and "$" not in text
    assert "| encoder | mgf-1986, full |" in text
    assert "EmoDB: 1.24 hours of speech, 1,361 utterances of 10 speakers." in text
    assert f"{results['recipe']} emotion.yaml" in text


def licence(card: Card, **hparams: str) -> tuple[str | None, str | None]:
    data = ModelCard(downstream_card(card, HPARAMS | hparams, RESULTS)).data
    return data.license, data.license_name


def test_the_licences_of_all_data(tmp_path: Path):
    folder, classifier = tmp_path / "run" / "model", CARDS[0][0]
    verifier = verifier_card(None, "frozen")
    mine, shared = {"licence": "my terms"}, {"licence": "CC BY 4.0"}
    assert licence(classifier, pretrained="fbank", **shared) == ("cc-by-4.0", None)
    assert licence(classifier, **shared) == (None, None)  # the encoder's is not known
    write_classifier(folder, "---\nlicense: cc-by-4.0\n---\n")
    known = {"pretrained": str(folder)}
    assert licence(classifier, **known, **shared) == ("cc-by-4.0", None)
    assert licence(classifier, **known, **mine) == ("other", "cc-by-4.0-and-my-terms")
    assert licence(classifier, **known) == (None, None)
    assert licence(verifier, **known) == ("cc-by-4.0", None)  # trained on nothing of its own
    text = downstream_card(classifier, HPARAMS | known | mine, RESULTS)
    corpus = HPARAMS.get("corpus", "your own")
    assert f"Licence of {corpus}: my terms.\nLicence of the encoder's data: cc-by-4.0." in text
    write_classifier(folder, "---\nlicense: other\nlicense_name: cc-by-4.0-and-my-terms\n---\n")
    twice = licence(classifier, **known, **mine)  # what the encoder's name says is not said again
    assert twice == ("other", "cc-by-4.0-and-my-terms")


@pytest.mark.parametrize(
    "text", ["", "no header", "---\na: [\n---\n", "---\nlicense: other\n---\n"]
)
def test_an_encoder_whose_card_says_nothing(tmp_path: Path, text: str):
    write_classifier(tmp_path / "model", text)
    hparams = {"pretrained": str(tmp_path / "model"), "licence": "CC BY 4.0"}
    assert licence(CARDS[0][0], **hparams) == (None, None)


def test_the_encoders_papers_are_cited(tmp_path: Path):
    write_classifier(tmp_path / "model", "---\ntags: [a]\n---\n## Citation\n\nA paper.\n")
    text = downstream_card(CARDS[0][0], HPARAMS | {"pretrained": str(tmp_path / "model")}, RESULTS)
    assert text.endswith("trained on.\n\n## Citation\n\nA paper.\n")


def test_every_score_is_in_the_header():
    data = ModelCard(downstream_card(CARDS[0][0], HPARAMS, RESULTS)).data
    found = {r.metric_type: (r.metric_value, r.task_type) for r in data.eval_results}
    task = "audio-classification"
    scores = {"uar": 61.5, "folds 03 uar": 60.0, "folds 16 uar": 63.0}
    assert found == {name: (value, task) for name, value in scores.items()}


def test_which_fold_is_exported_and_whom_it_never_heard():
    text = downstream_card(CARDS[0][0], HPARAMS, RESULTS)
    text = " ".join(text.split())
    assert "model of fold 16" in text and "it scored uar 63.00: 16." in text
    assert "| uar | 61.50 % |" in text and "| uar, fold 03 | 60.00 % |" in text


def test_the_card_of_a_threshold():
    assert "0.3100" in verifier_card(CALIBRATION, "frozen").notes[1]
    tuned = verifier_card(None, "full")
    assert "no threshold: the encoder was tuned" in tuned.notes[1] and ".same(" not in tuned.code
    assert "tuned" not in verifier_card(CALIBRATION, "frozen").notes[1]
    without = verifier_card(None, "frozen")
    assert "no threshold" in without.notes[1] and ".same(" not in without.code
    assert "nothing was trained on them" in downstream_card(without, HPARAMS, WORDS)


def test_what_the_scores_are_of():
    def card(metrics: dict, **hparams) -> str:
        text = downstream_card(CARDS[1][0], HPARAMS | hparams, WORDS | {"metrics": metrics})
        return " ".join(text.split())

    assert "holds out for the test." in card({"wer": 20.0})
    assert "On training speakers that were held out" in card({"wer": 20.0}, valid_share=0.1)
    assert "the test, but `purity` and `nmi`" in card({"eer": 9.0, "purity": 80.0, "nmi": 90.0})


def test_the_code_of_the_card_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    card = downstream_card(CARDS[0][0], HPARAMS, RESULTS)
    write_classifier(tmp_path / "path/to/this/folder", card)
    soundfile.write(tmp_path / "speech.wav", 0.1 * torch.randn(8000).numpy(), 16000)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL).group(1), names)
    assert names["model"].labels == LABELS
