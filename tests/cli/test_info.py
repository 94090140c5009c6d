"""info: what is in a folder, whichever class it is for."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import WRITERS, write_classifier, write_encoder, write_verifier
from tests.pretraining.test_report import RESULTS

CARD = "---\nlicense: other\nlicense_name: my-terms\n---\n# A card\n"


def facts(done):
    """Values by name."""
    assert done.status == 0, done.err
    pairs = [line.split("  ", 1) for line in done.out.splitlines()]
    return {name: value.strip() for name, value in pairs}


@pytest.mark.parametrize("kind", WRITERS)
def test_the_class_and_the_encoder_are_named(run, tmp_path, kind):
    model = WRITERS[kind](tmp_path / "model")
    found = facts(run("info", tmp_path / "model"))
    assert found["class"] == kind and found["folder"] == str(tmp_path / "model")
    assert found["encoder"] == "LogMel, TransformerEncoder, StandardisedStatistics"
    assert found["states"] == "3 of 32 channels"
    assert found["sampling rate"] == "16,000 Hz" and found["frame hop"] == "40 ms (640 samples)"
    count = sum(p.numel() for p in model.parameters())
    assert found["weights"].startswith(f"{count:,} parameters, ")


def test_what_a_task_adds(run, tmp_path):
    write_classifier(tmp_path / "classifier")
    assert facts(run("info", tmp_path / "classifier"))["classes"] == "no, yes, 1"
    WRITERS["SpeechRecognizer"](tmp_path / "recognizer")
    assert facts(run("info", tmp_path / "recognizer"))["symbols"].endswith("A B C")
    write_verifier(tmp_path / "verifier", threshold=0.25)
    assert facts(run("info", tmp_path / "verifier"))["threshold"] == "0.2500"
    write_verifier(tmp_path / "verifier")
    assert facts(run("info", tmp_path / "verifier"))["threshold"] == "none"


@pytest.mark.parametrize("part", ["pretrained", "model"])
def test_of_a_run_it_is_the_model_that_it_left(run, tmp_path, part):
    write_encoder(tmp_path / part)
    assert facts(run("info", tmp_path))["folder"] == str(tmp_path / part)


def test_scores_data_and_licence(run, tmp_path):
    write_classifier(tmp_path / "model", CARD)
    assert "licence" not in facts(run("info", write_and_return(tmp_path / "bare")))
    (tmp_path / "model/results.json").write_text(
        json.dumps(RESULTS | {"metrics": {"uar": 61.25, "min_dcf": 0.5, "ccc": 61.0, "folds": {}}})
    )
    found = facts(run("info", tmp_path / "model"))
    assert found["licence"] == "my-terms"
    assert found["UAR"] == "61.25 %" and found["minDCF (p 0.01)"] == "0.500"
    assert found["ccc"] == "61.00"  # another version's
    assert found["speech"] == "1.25 h" and found["speakers"] == "238"
    assert "parameters" not in found  # those of the run would count the head alone


def test_nothing_of_a_folder_steers_the_terminal(run, tmp_path):
    evil = "\x1b[2J\x9b31m\u202e"
    folder = write_and_return(tmp_path / "model")
    (folder / "README.md").write_text(
        f'---\nlicense: "a{evil.encode("unicode_escape").decode()}"\n---\n'
    )
    versions, metrics = {evil: evil}, {f"uar_{evil}": 60.0, evil: 1.0, "uar": 61.0}
    (folder / "results.json").write_text(
        json.dumps(RESULTS | {"metrics": metrics, "versions": versions, "recipe": evil})
    )
    done = run("info", folder)
    assert done.status == 0 and "UAR" in done.out
    assert all(line.isprintable() for line in done.out.splitlines())


def write_and_return(folder):
    write_classifier(folder)
    return folder


@pytest.mark.parametrize("text", ["{", "[]x", '{"metrics": {}}', '{"data": 3}', "[1]"])
def test_broken_results_are_named(run, tmp_path, text):
    write_classifier(tmp_path / "model")
    (tmp_path / "model/results.json").write_text(text)
    done = run("info", tmp_path / "model")
    assert done.status == 2 and "results.json " in done.err and len(done.err.splitlines()) == 1


def test_folders_without_a_model(run, tmp_path):
    write_classifier(tmp_path / "model")
    (tmp_path / "model/hyperparams.yaml").write_text("speech_model: 3\n")
    for name, message in (
        ("nowhere", "nowhere holds no model"),
        ("model", "holds no model: its hyperparams.yaml has the keys speech_model"),
    ):
        done = run("info", tmp_path / name)
        assert done.status == 2 and message in done.err and len(done.err.splitlines()) == 1


def test_a_yaml_that_runs_programs_is_refused(run, tmp_path):
    write_classifier(tmp_path / "model")
    path, made = tmp_path / "model/hyperparams.yaml", tmp_path / "made"
    lines = path.read_text().replace('labels: ["no"', f'labels: [!apply:os.mkdir [{made}], "no"')
    assert "apply" in lines
    path.write_text(lines)
    done = run("info", tmp_path / "model")
    assert done.status == 2 and "os.mkdir" in done.err and not made.exists()
