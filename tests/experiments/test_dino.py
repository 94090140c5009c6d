"""DINO's experiments: which runs they consist of, in which order, and what the table says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from experiments import dino
from experiments.dino_runs import BATCH, CHUNK, EPOCHS, HEAD_EPOCHS, STUDIES, TRANSFER, Plan, Row
from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import TASKS
from mgf_brain.errors import UserError
from mgf_brain.run.yaml_files import read_files

HPARAMS = Path(__file__).parents[2] / "hparams"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("data", "protocol", tmp_path)


def folders(runs: tuple[Run, ...], plan: Plan) -> list[str]:
    return [str(run.folder.relative_to(plan.output_folder).parent) for run in runs]


def value(run: Run, option: str) -> str:
    return run.words[run.words.index(option) + 1]


@pytest.fixture
def with_all_corpora(tmp_path: Path) -> Plan:
    for corpus in ("IEMOCAP", "CREMA-D", "ADReSSo"):
        (tmp_path / "data" / corpus).mkdir(parents=True)
    return Plan(str(tmp_path / "data"), "protocol", tmp_path)


def test_every_cell_of_a_study_can_be_planned(with_all_corpora: Plan):
    here = with_all_corpora
    for study in STUDIES.values():
        assert set(study.tasks) <= set(dino.COLUMNS)
        for row in study.rows:
            for task in study.tasks:
                runs = here.runs(row, task)
                assert runs
                for run in runs:
                    assert (HPARAMS.parent / run.words[0]).is_file()
                    assert (HPARAMS.parent / run.words[1]).is_file()
                    assert "{" not in " ".join(run.words)


def test_every_option_is_a_key_of_its_yaml(with_all_corpora: Plan):
    options: dict[str, set[str]] = {}
    for study in STUDIES.values():
        for row in study.rows:
            for task in study.tasks:
                for run in with_all_corpora.runs(row, task):
                    _, yaml, *words = run.words
                    keys = {word[2:] for word in words if word.startswith("--")}
                    options.setdefault(yaml, set()).update(keys)
    for yaml, keys in options.items():
        assert keys <= read_files(str(HPARAMS.parent / yaml)).keys(), yaml


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_what_a_run_reads_was_made_before_it(study, plan: Plan):
    made = set()
    for row in study.rows:
        for task in study.tasks:
            for run in plan.runs(row, task):
                pretrained = Path(value(run, "--pretrained")) if "--pretrained" in run.words else ""
                if plan.output_folder in getattr(pretrained, "parents", ()):
                    assert pretrained.parent in made
                made.add(run.folder)


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_one_folder_holds_one_run(study, plan: Plan):
    runs = {run for row in study.rows for task in study.tasks for run in plan.runs(row, task)}
    assert len({run.folder for run in runs}) == len(runs)


def test_transfer_takes_the_labels_of_all_training_speech(plan: Plan):
    runs = plan.runs(Row("", "DINO", transfer="two_step"), "speakers")
    assert folders(runs, plan) == [
        "pretraining/dino",
        "verification-speechocean762/dino-two_step",
        "speakers/dino-two_step-frozen",
    ]
    assert value(runs[1], "--add_manifest").endswith("manifests/LibriSpeech/train-clean-100.csv")
    assert value(runs[0], "--add_manifest").endswith("manifests/speechocean762/train.csv")
    assert value(runs[2], "--pretrained") == str(runs[1].folder / "model")
    assert value(runs[2], "--adapt") == "frozen" and "--add_manifest" not in runs[2].words


def test_fine_tuning_is_scored_once(plan: Plan):
    runs = plan.runs(Row("", "x-vector", transfer="full"), TRANSFER)
    assert folders(runs, plan) == [
        "verification-speechocean762/xvector-full",
        "verification-speechocean762/xvector-full-full",
    ]
    frozen = plan.runs(Row("", "x-vector"), TRANSFER)
    assert frozen == runs[:1]
    assert len(plan.runs(Row("", "x-vector"), "verification-LibriSpeech")) == 2


def test_studies_share_their_runs(plan: Plan):
    runs = {
        name: {run for row in study.rows for run in plan.runs(row, TRANSFER)}
        for name, study in STUDIES.items()
    }
    shared = runs["table"] & runs["two_step"] & runs["chunks"] & runs["augmentation"]
    names = {str(run.folder.relative_to(plan.output_folder).parent) for run in shared}
    assert names == {"pretraining/dino", "verification-speechocean762/dino-two_step"}


def test_the_settings_that_a_study_assumes_are_the_yaml_files():
    for yaml, seconds in BATCH.items():
        tree = read_files(str(HPARAMS / f"{yaml}.yaml"))
        assert (tree["chunk_seconds"], tree["batch_seconds"]) == (CHUNK, seconds)
    dino_yaml = read_files(str(HPARAMS / "dino.yaml"))
    assert (
        dino_yaml["own_babble"]
        and dino_yaml["simulated_rooms"]
        and dino_yaml["reverb_folder"] is None
    )


def test_batches_hold_as_many_chunks_of_any_length(plan: Plan):
    for row in STUDIES["chunks"].rows:
        for task in (TRANSFER, "emotion-RAVDESS"):
            words = plan.runs(row, task)[-1].words
            if row.chunk == CHUNK:
                assert "--chunk_seconds" not in words
                continue
            chunk, batch = (
                float(words[words.index(key) + 1]) for key in ("--chunk_seconds", "--batch_seconds")
            )
            assert chunk == row.chunk
            yaml = Path(words[1]).stem
            assert batch / chunk == pytest.approx(BATCH[yaml] / CHUNK, rel=1e-4)


def test_the_length_of_a_transfer(tmp_path: Path):
    folders = {"DINO": "a/pretrained"}
    plan = Plan("data", "protocol", tmp_path, folders=folders, epochs=5)
    (tuned,) = plan.runs(Row("", "DINO", transfer="two_step"), TRANSFER)
    (at_once,) = plan.runs(Row("", "DINO", transfer="full"), TRANSFER)
    yaml = read_files(str(HPARAMS / "verification.yaml"))
    assert (HEAD_EPOCHS, EPOCHS) == (yaml["head_epochs"], yaml["number_of_epochs"])
    assert value(at_once, "--number_of_epochs") == "10"  # as long as the two steps together
    trained, again = plan.runs(Row("", "x-vector", transfer="two_step"), TRANSFER)
    assert value(tuned, "--number_of_epochs") == value(again, "--number_of_epochs") == "5"
    assert "--number_of_epochs" not in trained.words


def test_seeds_lengths_and_folders_that_are_there(tmp_path: Path):
    steps, given = {"DINO": "40"}, {"MGF": "a/pretrained,b/pretrained"}
    plan = Plan("data", "protocol", tmp_path, number=1, steps=steps, folders=given)
    (run,) = plan.runs(Row("MGF", "MGF"), "phones")
    assert value(run, "--pretrained") == "b/pretrained" and value(run, "--seed") == "1987"
    for system in ("DINO", "DINO with augmentation"):
        assert value(plan.pretraining(system), "--optimizer_step_limit") == "40"
    assert "--optimizer_step_limit" not in plan.pretraining("MGF-DINO").words
    own = Plan("data", "protocol", tmp_path, steps=steps | {"DINO with augmentation": "80"})
    assert value(own.pretraining("DINO with augmentation"), "--optimizer_step_limit") == "80"


@pytest.mark.parametrize("word", ["DINO", "DINO=", "Dino=5", "=5"])
def test_a_wrong_name_is_refused(word: str):
    with pytest.raises(UserError, match="steps: expected SYSTEM=value for one of MGF, DINO"):
        dino.named("steps", [word])


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """``call(*options)``: the script, its runs replaced by notes of what was run."""
    done = []

    def run_missing(runs) -> None:
        for run in dict.fromkeys(runs):
            if run.results() is None:
                done.append(run)
                run.folder.mkdir(parents=True)
                metrics = {"eer": 10.0 + int(run.folder.name) - 1986, "accuracy": 40.0}
                (run.folder / "results.json").write_text(json.dumps({"metrics": metrics}))

    def call(*options: str) -> list[Run]:
        words = ["--data", "data", "--protocol", "protocol", "--output_folder", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["dino.py", *words, *options])
        monkeypatch.setattr(dino, "run_missing", run_missing)
        monkeypatch.setattr(dino, "prepare", lambda args: None)
        done.clear()
        dino.main()
        return list(done)

    return call


def test_the_table_is_filled_once_and_says_what_is_missing(call, tmp_path: Path, capsys):
    assert call("--seeds", "2", "--only", TRANSFER, "phones")
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    lines = {line.split(" | ")[0]: line for line in text.splitlines()}
    assert lines["| fbank"] == "| fbank | 10.50 ± 0.71 | 40.00 ± 0.00 |"
    assert lines["| DINO, full"] == "| DINO, full | 10.50 ± 0.71 | – |"
    assert (tmp_path / "table.png").read_bytes()[1:4] == b"PNG"
    assert call("--seeds", "2", "--only", TRANSFER, "phones") == []
    (tmp_path / "phones/fbank-frozen/1987/results.json").unlink()
    capsys.readouterr()
    assert call("--seeds", "2", "--only", "phones", "--dry_run") == []
    *preparing, command = capsys.readouterr().out.splitlines()
    assert [words.split()[1] for words in preparing] == [
        "recipes/LibriSpeech/prepare.py",
        "recipes/speechocean762/prepare.py",
    ]
    assert command.startswith("python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml")


def test_without_its_corpus_a_task_is_not_run(call, tmp_path: Path):
    assert call("--study", "augmentation", "--only", "dementia") == []
    assert "| DINO, frozen | not run |" in (tmp_path / "augmentation.md").read_text()


def test_fewer_folders_than_seeds_are_refused(call):
    with pytest.raises(UserError, match="system: MGF has fewer folders than --seeds 2"):
        call("--seeds", "2", "--system", "MGF=a")


def test_the_tasks_are_those_of_the_downstream_table():
    for study in STUDIES.values():
        for task in set(study.tasks) & set(TASKS):
            assert dino.COLUMNS[task][0] in TASKS[task].metrics
