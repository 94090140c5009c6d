"""The command line of the prepare.py scripts, in this process."""

import runpy
from pathlib import Path

import pytest

from mgf_brain.data.manifest import read_manifest
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import UserError, run_main
from tests.recipes.corpora import MINIATURES

RECIPES = Path(__file__).parents[3] / "recipes"
PREPARED = [name for name in MINIATURES if (RECIPES / name / "prepare.py").is_file()]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run(dataset, *options)``: its script on its miniature; the folder of the manifests."""

    def run_script(dataset, *options):
        root = MINIATURES[dataset](tmp_path / dataset)
        out = tmp_path / "out"
        words = ["--data_folder", str(root), "--output_folder", str(out), *options]
        monkeypatch.setattr("sys.argv", ["prepare.py", *words])
        runpy.run_path(str(RECIPES / dataset / "prepare.py"), run_name="__main__")
        return out

    return run_script


@pytest.mark.parametrize("dataset", PREPARED)
def test_scripts_print_their_summary(dataset, run, capsys):
    out = run(dataset)
    parts = {path.stem for path in out.glob("*.csv")}
    printed = {line.split(":")[0] for line in capsys.readouterr().out.splitlines()}
    assert parts and parts <= printed
    assert (out / "prepare_summary.json").is_file()


def test_options_of_a_corpus(run):
    rows = read_manifest(run("IEMOCAP", "--excited_as_happy", "false") / "all.csv")
    assert sum(u.label == "happy" for u in rows) == 6


def test_lists_are_typed(run):
    rows = read_manifest(run("MSP-Podcast", "--classes", "[anger, neutral]") / "train.csv")
    assert {u.label for u in rows} == {"anger", "neutral"}


def test_silence_is_removed_from_any_corpus(run, capsys):
    out = run("EmoDB", "--remove_silence", "True")
    rows = read_manifest(out / "all.csv")
    assert all(u.wav.startswith(str(out / "audio")) and u.label for u in rows)
    assert "silence removed:" in capsys.readouterr().out


def test_remove_silence_is_true_or_false(run, capsys):
    with pytest.raises(SystemExit) as end:
        run("EmoDB", "--remove_silence", "0.5")
    assert end.value.code == 2
    assert "--remove_silence takes true or false, not 0.5" in capsys.readouterr().err


def test_errors_end_with_status_2(run, capsys):
    with pytest.raises(SystemExit) as end:
        run("MSP-Podcast", "--classes", "joy")
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: classes: there is no emotion 'joy'")


@pytest.mark.parametrize(
    "words, message",
    [
        ("--data_fold x", "required: --data_folder"),
        ("--data_folder x --colour red", "unrecognized arguments: --colour red"),
        ("--data_folder x --size [7", "--size: '[7' is not valid YAML"),
    ],
)
def test_wrong_options(words, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["prepare.py", "--output_folder", "y", *words.split()])
    with pytest.raises(SystemExit) as end:
        prepare_main(dict, "Prepare a corpus.", size="how much")
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, message",
    [
        ("--workers 0", "error: --workers takes an integer >= 1 <= 1024 or null, not 0."),
        ("--workers many", "error: --workers takes an integer"),
        ("--workers 2.5", "error: --workers takes an integer"),
        ("--max_bad_share 2", "error: --max_bad_share takes a share from 0 to 1, not 2."),
        ("--max_bad_share nan", "error: --max_bad_share takes a share"),
        ("--max_bad_share .nan", "error: --max_bad_share takes a share"),
        ("--max_bad_share 1%", "error: --max_bad_share takes a share"),
    ],
)
def test_impossible_values_leave_nothing(words, message, tmp_path, monkeypatch, capsys):
    given = f"prepare.py --data_folder a --output_folder {tmp_path}/out {words}"
    monkeypatch.setattr("sys.argv", given.split())
    with pytest.raises(SystemExit) as end:
        run_main(lambda: prepare_main(dict, "Prepare a corpus."))
    assert end.value.code == 2 and not (tmp_path / "out").exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)


def test_a_docstring_that_python_left_out_is_missed_by_the_help_alone(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["prepare.py", "--help"])
    with pytest.raises(SystemExit) as end:
        prepare_main(dict, None)
    assert end.value.code == 0
    assert "--data_folder" in capsys.readouterr().out


def test_every_option_reaches_the_function(tmp_path, monkeypatch):
    given = {}

    def prepare(data_folder, save_folder, **options):
        given.update(options, folders=(data_folder, save_folder))
        raise UserError("enough")

    words = "--data_folder a --output_folder b --workers 3 --max_bad_share 0.5 --size 7".split()
    monkeypatch.setattr("sys.argv", ["prepare.py", *words])
    with pytest.raises(UserError, match="enough"):
        prepare_main(prepare, "Prepare.", size="how much", colour="which")
    assert given == {"folders": ("a", "b"), "workers": 3, "max_bad_share": 0.5, "size": 7}
