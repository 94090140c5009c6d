"""What a command line asks for: which runs, and what is refused before any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgf_brain.bench.models import Model, parse_model
from mgf_brain.bench.plan import Plan, make_plan
from mgf_brain.bench.tasks import TASKS, named_tasks
from mgf_brain.errors import UserError
from mgf_brain.metrics.names import metric_of
from mgf_brain.run.keys import RUN_OPTIONS
from mgf_brain.run.yaml_files import read_files

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A folder with three corpora."""
    for name in ("EmoDB", "LibriSpeech", "speechocean762"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return str(tmp_path / "data")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A manifest in a folder that needs quotes."""
    path = tmp_path / "my {own} speech" / "own.csv"
    path.parent.mkdir()
    rows = ["u1,u1.wav,anna,calm,WE CALL,train", "u2,u2.wav,ben,cross,IT,test"]
    path.write_text("\n".join(["ID,wav,spk_id,label,wrd,fold", *rows]) + "\n")
    return path


def options_of(words: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(words[2::2], words[3::2], strict=True))


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_a_recipe_that_knows_the_words(name):
    plan = Plan({name: TASKS[name]}, (parse_model("fbank"),), Path("out"), "data", "lists")
    (run,) = plan.all_runs()
    script, yaml, *_ = run.words
    assert (ROOT / script).is_file() and "{" not in " ".join(run.words)
    known = read_files(str(ROOT / yaml)).keys() | RUN_OPTIONS
    corpus = ROOT / "hparams" / "data" / f"{Path(script).parts[1]}.yaml"
    if corpus.is_file():
        known |= read_files(str(corpus)).keys()
    assert {option[2:] for option in options_of(run.words)} <= known
    assert all(metric_of(metric).better for metric in TASKS[name].metrics)


def test_runs_share_no_folder_and_finish_a_seed_before_the_next(data):
    plan = make_plan(["emotion"], ["fbank", "A=a,b"], Path("out"), data=data, seeds=3)
    runs = plan.all_runs()
    folders = [run.folder.relative_to("out").as_posix() for run in runs]
    assert folders == [
        "emotion-EmoDB/fbank-frozen/1986",
        "emotion-EmoDB/A-frozen/1986",
        "emotion-EmoDB/fbank-frozen/1987",
        "emotion-EmoDB/A-frozen/1987",
        "emotion-EmoDB/fbank-frozen/1988",
    ]
    given = [options_of(run.words) for run in runs]
    assert [words["--pretrained"] for words in given] == ["fbank", "a", "fbank", "b", "fbank"]
    assert all(w["--seed"] == r.folder.name for w, r in zip(given, runs, strict=True))


def test_short_names_mean_all_that_begin_so():
    assert named_tasks("emotion", TASKS) == [n for n in TASKS if n.startswith("emotion-")]
    assert named_tasks("phones", TASKS) == ["phones"]
    with pytest.raises(UserError, match="--tasks phone: there is no such task"):
        named_tasks("phone", TASKS)


def test_without_tasks_all_are_meant_whose_corpus_is_there(data):
    plan = make_plan([], ["fbank"], Path("out"), data=data, protocol="lists")
    corpora = {task.corpus for task in plan.tasks.values()}
    assert corpora == {"EmoDB", "LibriSpeech", "speechocean762"}
    plan = make_plan([], ["a/b"], Path("out"), data=data, protocol="lists", adapt="full")
    assert "phones" not in plan.tasks and "emotion-EmoDB" in plan.tasks


def test_models_of_every_kind_have_a_name(tmp_path):
    folder = tmp_path / "mgf=1" / "1986" / "pretrained"
    folder.mkdir(parents=True)
    names = {
        "fbank": "fbank",
        "facebook/hubert-base-ls960": "facebook/hubert-base-ls960",
        "torchaudio:HUBERT_BASE": "torchaudio:HUBERT_BASE",
        "package.module:Class": "package.module:Class",
        "own=facebook/hubert-base-ls960": "own",
        str(folder): "mgf=1-1986",
    }
    assert {word: parse_model(word).name for word in names} == names
    assert Model("facebook/hubert base", ("x",)).slug == "facebook-hubert-base"


def test_a_manifest_of_ones_own_gives_the_tasks_of_its_columns(own, tmp_path):
    def plan(**options) -> Plan:
        return make_plan([], ["fbank"], Path("out"), manifest=str(own), **options)

    assert set(plan().tasks) == {"emotion-own", "asr-own"}
    tried = plan(trials="list of trials.txt", data="/audio")
    assert set(tried.tasks) == {"emotion-own", "asr-own", "verification-own"}
    by_task = {run.folder.parts[1]: options_of(run.words) for run in tried.all_runs()}
    assert by_task["emotion-own"]["--manifest"] == str(own)
    assert by_task["asr-own"]["--data_folder"] == "/audio"
    assert by_task["verification-own"]["--trials"] == "list of trials.txt"
    assert "--manifest" not in by_task["verification-own"]  # nothing is trained
    (run,) = make_plan(["emotion"], ["x"], Path("out"), manifest=str(own)).all_runs()
    assert options_of(run.words)["--data_folder"] == str(own.parent)
    own.write_text("ID,wav\nu1,u1.wav\n")
    with pytest.raises(UserError, match="allows no task"):
        plan()
    own.unlink()
    with pytest.raises(UserError, match="No such file"):
        plan()


@pytest.mark.parametrize(
    ("tasks", "models", "options", "message"),
    [
        (["emotoin"], ["fbank"], {}, "--tasks emotoin: there is no such task. Known are phones"),
        (["dementia"], ["fbank"], {}, "--tasks dementia: .*data has no folder ADReSSo"),
        (["phones"], ["fbank"], {}, "--tasks phones needs --protocol"),
        (["phones"], ["a/b"], {"adapt": "full", "protocol": "l"}, "no task is left"),
        (["emotion"], ["fbank", "fbank"], {}, "two models are called fbank"),
        (["emotion"], ["a=x,"], {}, "a=x,: expected name=model"),
        (["emotion"], ["=x"], {}, "=x: expected name=model"),
    ],
)
def test_what_cannot_be_run_is_refused(data, tasks, models, options, message):
    with pytest.raises(UserError, match=message):
        make_plan(tasks, models, Path("out"), data=data, **options)
    with pytest.raises(UserError, match="there is no speech"):
        make_plan(tasks, models, Path("out"))
