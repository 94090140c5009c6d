"""Comparisons of pretraining systems: which runs they consist of, and in which order."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from experiments import progre, targets
from experiments.plans import Plan, prepare_manifests
from mgf_brain.bench.runs import Run
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from mgf_brain.run.yaml_files import read_files
from tests.recipes.corpora import make_librispeech, make_speechocean762

ROOT = Path(__file__).parents[2]
EXPERIMENTS = {
    "targets": (targets, ()),
    "progre": (progre, ("--speakers_from", "dino")),
}


@pytest.fixture(params=EXPERIMENTS)
def plans(request, monkeypatch, tmp_path: Path) -> list[Plan]:
    """The plans of an experiment with all of its systems, and two seeds."""
    module, words = EXPERIMENTS[request.param]
    folders = ["--data", "data", "--protocol", "lists", "--output_folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [request.param, *folders, *words])
    args = module.read_command_line()
    return [module.make_plan(args, name, seed) for name in module.SYSTEMS for seed in (1, 2)]


def all_runs(plans: list[Plan]) -> list[Run]:
    return [run for plan in plans for run in plan.runs()]


def value(run: Run, option: str) -> str:
    return run.words[run.words.index(option) + 1]


def test_every_word_of_a_run_means_something(plans: list[Plan]):
    for run in all_runs(plans):
        script, yaml, *words = run.words
        assert (ROOT / script).is_file()
        known = read_files(str(ROOT / yaml)).keys()
        corpus = ROOT / "hparams" / "data" / f"{Path(script).parts[1]}.yaml"
        known |= read_files(str(corpus)).keys()
        assert {word[2:] for word in words if word.startswith("--")} <= known
        assert "{" not in " ".join(run.words)


def test_no_two_runs_share_a_folder(plans: list[Plan]):
    runs = all_runs(plans)
    assert len({run.folder for run in runs}) == len(runs)


def test_what_a_task_reads_was_made_before_it(plans: list[Plan]):
    made = set()
    for run in all_runs(plans):
        if "--pretrained" in run.words:
            folder = Path(value(run, "--pretrained"))
            assert made & set(folder.parents)
            assert value(run, "--seed") == run.folder.name
        made.add(run.folder)


def test_systems_differ_in_their_pretraining_alone(plans: list[Plan]):
    first = plans[0].seed
    words = {plan.system: plan.pretraining().words for plan in plans if plan.seed == first}
    assert len(set(words.values())) == len(words)
    tasks = {tuple(run.words[0] for run in plan.runs()) for plan in plans}
    assert len(tasks) == 1


def test_a_milestone_is_probed_as_the_end_is():
    args = Namespace(data="data", protocol="lists", output_folder=Path("out"))
    plan = Plan(args, "A B", "hparams/mgf.yaml", 3, tasks=("phones",), milestones=(0.25,))
    early, end = plan.runs()[1:]
    assert value(early, "--pretrained") == "out/pretraining/a-b/3/milestones/25"
    assert value(end, "--pretrained") == "out/pretraining/a-b/3/pretrained"
    assert early.words[:6] == end.words[:6]


def test_the_table_has_a_cell_a_task_and_says_what_is_missing(tmp_path: Path):
    args = Namespace(data="data", protocol="lists", output_folder=tmp_path, steps=5)
    args.speakers_from, args.tasks = Path("dino"), ["speakers", "enhancement"]
    plan = progre.make_plan(args, "ProgRE", 1986)
    run = plan.task("enhancement")
    run.folder.mkdir(parents=True)
    (run.folder / "results.json").write_text(json.dumps({"metrics": {"si_sdr": 7.25}}))
    text = progre.table({"ProgRE": [plan]}, args.tasks)
    assert text.splitlines()[-1] == "| ProgRE | not run | 7.25 | not run |"


def targets_plans(tmp_path: Path, *words: str) -> tuple[Namespace, dict[str, list[Plan]]]:
    """HuBERT's and BEST-RQ's, of one seed."""
    folders = ["--data", "data", "--protocol", "lists", "--output_folder", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["targets", *folders, *words])
        args = targets.read_command_line()
    return args, {name: [targets.make_plan(args, name, 1986)] for name in ("HuBERT", "BEST-RQ")}


def write(run: Run, **results: object) -> None:
    run.folder.mkdir(parents=True)
    (run.folder / "results.json").write_text(json.dumps({"metrics": {}, **results}))


def test_targets_table_and_picture_have_what_is_done(tmp_path: Path):
    args, plans = targets_plans(tmp_path)
    [hubert] = plans["HuBERT"]
    write(hubert.pretraining(), time={"training_s": 120.0, "tracks_s": 6.0})
    write(hubert.task("phones", 0.25), metrics={"accuracy": 40.0})
    write(hubert.task("phones"), metrics={"accuracy": 50.0})
    write(hubert.task("asr"), metrics={"cer": 30.0})
    lines = [line.strip("| ").split(" | ") for line in targets.table(plans, args.tasks).split("\n")]
    assert lines[0][0] == "system" and len(lines[0]) == len(lines[2]) == 9
    missing = "not run"
    scores = ["40.00", missing, "50.00", missing, "30.00", "2.00", "6.00"]
    assert lines[2] == ["HuBERT", missing, *scores]
    assert set(lines[3][1:]) == {missing}
    curve = targets.draw(plans).axes[0].lines[0]
    assert curve.get_xydata().tolist() == [[25.0, 40.0], [100.0, 50.0]]
    assert len(targets.table(plans, ["asr"]).split("\n")[0].split(" | ")) == 4


def test_a_system_of_its_own_length(tmp_path: Path):
    _, plans = targets_plans(tmp_path, "--steps", "90", "--steps_of", "BEST-RQ=70")
    steps = {n: value(p[0].pretraining(), "--optimizer_step_limit") for n, p in plans.items()}
    assert steps == {"HuBERT": "90", "BEST-RQ": "70"}
    for word in ("BEST-RQ", "Nobody=70", "HuBERT=many"):
        with pytest.raises(UserError, match="steps_of: expected SYSTEM=steps"):
            targets_plans(tmp_path, "--steps_of", word)


def test_weight_of_seen_frames_is_for_systems_with_labels(tmp_path: Path):
    _, plans = targets_plans(tmp_path, "--visible_weight", "0")
    given = {n: "--visible_weight" in p[0].pretraining().words for n, p in plans.items()}
    assert given == {"HuBERT": True, "BEST-RQ": False}
    assert value(plans["HuBERT"][0].pretraining(), "--visible_weight") == "0.0"
    _, plans = targets_plans(tmp_path)
    assert "--visible_weight" not in plans["HuBERT"][0].pretraining().words


@pytest.mark.parametrize("finished", [True, False])
def test_another_length_in_the_same_folder_is_refused(tmp_path: Path, finished: bool):
    _, plans = targets_plans(tmp_path)
    run = plans["HuBERT"][0].pretraining()
    run.note()
    write(run) if finished else run.folder.mkdir()
    _, longer = targets_plans(tmp_path, "--steps_of", "HuBERT=2500")
    with pytest.raises(UserError, match="holds another run"):
        longer["HuBERT"][0].pretraining().results()


def test_enhancement_is_tested_on_speakers_that_no_encoder_heard(tmp_path: Path):
    data, out = tmp_path / "data", tmp_path / "out"
    make_speechocean762(data / "speechocean762")
    make_librispeech(data / "LibriSpeech")
    prepare_manifests(Namespace(data=str(data), output_folder=out))
    rows = read_manifest(out / "manifests" / "LibriSpeech" / "enhancement.csv")
    parts = {
        fold: {
            Path(u.wav).relative_to(data / "LibriSpeech").parts[0] for u in rows if u.fold == fold
        }
        for fold in ("train", "test")
    }
    assert all(part.startswith(fold) for fold, names in parts.items() for part in names)
    assert parts["train"] and parts["test"] and all(u.fold for u in rows)
