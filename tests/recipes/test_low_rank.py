"""``--adapt lora`` in every recipe that fine-tunes, as a user runs it."""

import json
from pathlib import Path

import pytest

from mgf_brain.folder.weights import read_header
from mgf_brain.inference.any_model import load_any
from tests.recipes.exported import check_classifier, check_recogniser, check_verifier, exported
from tests.recipes.outcome import refused

pytestmark = pytest.mark.usefixtures("quick")
LORA = ("--adapt", "lora", "--lora_rank", 2)
TUNED = ("--tuning_epochs", 1, "--number_of_epochs", 1)
TASKS = {
    "emotion": ("EmoDB", TUNED),
    "dementia": ("ADReSSo", ("--official", True, *TUNED)),
    "attributes": ("speechocean762", ("--attribute", "sex", *TUNED)),
    "asr": ("WSJ", TUNED),
    "phone_recognition": ("speechocean762", TUNED),
    "enhancement": ("VoiceBank", TUNED),
    "verification": ("speechocean762", ("--head_epochs", 1, "--number_of_epochs", 1)),
}


@pytest.mark.parametrize("task", TASKS)
def test_only_what_was_added_is_kept(run, corpus, pretrained, tmp_path, task):
    (dataset, options), out = TASKS[task], tmp_path / "out"
    folder = corpus(dataset)
    words = ["--data_folder", folder, "--pretrained", pretrained, "--output_folder", out]
    words += ["--trials", folder / "trials.txt"] if task == "verification" else []
    done = run(task, *words, *LORA, *options, dataset=dataset)
    assert done.status == 0, done.err
    found = json.loads((out / "results.json").read_text())
    names = set(read_header(out / "model"))
    added = {name for name in names if name.startswith("encoder.speech_model.")}
    assert {name.rpartition(".")[2] for name in added} == {"down", "up"}
    assert len(added) == 2 * 4  # of one layer
    check(task, out, found, folder)


def check(task: str, out: Path, found: dict, folder: Path) -> None:
    """The folder does what the recipe scored."""
    if task in ("emotion", "dementia", "attributes"):
        check_classifier(out, True, "base.json")
    elif task in ("asr", "phone_recognition"):
        check_recogniser(out, found, True, "base.json")
    elif task == "verification":
        check_verifier(out, folder / "trials.txt", folder, found["metrics"], True, "base.json")
    else:
        load_any(exported(out, "base.json"))


@pytest.mark.parametrize(
    "options, message",
    [
        (("--lora_layers", "[2]"), "lora_layers: 2: this encoder has the layers 1 to 1"),
        (("--lora_targets", "[q_proj]"), "lora_targets: q_proj: none of this encoder's"),
        (("--lora_rank", 0), "lora_rank takes an integer >= 1"),
    ],
)
def test_what_cannot_be_adapted_is_a_line(run, corpus, pretrained, tmp_path, options, message):
    words = ["--data_folder", corpus("EmoDB"), "--pretrained", pretrained, "--adapt", "lora"]
    done = run("emotion", *words, *options, "--output_folder", tmp_path / "out", dataset="EmoDB")
    refused(done, message)
    assert not (tmp_path / "out").exists()
