"""Every downstream recipe on a miniature of its corpus, as a user runs it."""

import shutil
from pathlib import Path

import pytest

from mgf_brain.reports.drawing import both_widths
from tests.recipes.corpora import MINIATURES
from tests.recipes.exported import check_classifier, check_recogniser
from tests.recipes.outcome import finished, refused

pytestmark = pytest.mark.usefixtures("quick")
BRIEF = ("--number_of_epochs", 1)
TUNED = ("--tuning_epochs", 1, *BRIEF)


@pytest.fixture
def classes(run, corpus, pretrained, tmp_path):
    """``classes(dataset, task, *options)``: the results of a recipe for classes."""

    def call(dataset, task, *options, yaml=None):
        out = tmp_path / "out"
        words = ["--pretrained", pretrained, "--data_folder", corpus(dataset), *options]
        done = run(task, *words, "--output_folder", out, dataset=dataset, yaml=yaml)
        return finished(done, out, "uar", "wa", "f1_micro", "folds")

    return call


# Options and folds of some; every other corpus with an emotion recipe is run briefly.
EMOTION = {
    "RAVDESS": (BRIEF, ["1", "2", "6"]),
    "EmoDB": (("--adapt", "full", "--time_masks", 2, *TUNED), ["03", "08", "16"]),
    "CREMA-D": (("--adapt", "two_step", *TUNED), None),
    "MSP-Podcast": (BRIEF, ["test1", "test2"]),
}
RECIPES = Path(__file__).parents[2] / "recipes"
CORPORA = [name for name in MINIATURES if (RECIPES / name / "emotion.py").is_file()]


@pytest.mark.parametrize("dataset", [name for name in CORPORA if name != "Custom"])
def test_emotion(classes, tmp_path, dataset):
    options, folds = EMOTION.get(dataset, (BRIEF, None))
    found = classes(dataset, "emotion", *options)
    check_classifier(tmp_path / "out", tuned="--adapt" in options)
    made = found["metrics"]["folds"]
    assert len(made) > 1 and all(0 <= fold["uar"] <= 100 for fold in made.values())
    assert folds is None or list(made) == folds
    assert found["metrics"]["wa"] == found["metrics"]["f1_micro"]


def test_emotion_in_a_manifest_of_ones_own(run, corpus, pretrained, tmp_path):
    words = ["--pretrained", pretrained, "--manifest", corpus("Custom") / "speech.csv", *BRIEF]
    words += ["--data_folder", corpus("Custom"), "--output_folder", tmp_path / "out"]
    done = run("emotion", *words, dataset="Custom")
    found = finished(done, tmp_path / "out", "uar", "wa")
    assert set(found["metrics"]["folds"]) == {"train", "test"}


@pytest.mark.parametrize(
    "options, folds",
    [(("--held_out_share", 0.5), {"1", "2"}), (("--official", True), {"test"})],
)
def test_dementia(classes, options, folds):
    found = classes("ADReSSo", "dementia", *BRIEF, *options)
    assert set(found["metrics"]["folds"]) == folds
    assert all("f1" in scores for scores in [found["metrics"], *found["metrics"]["folds"].values()])


@pytest.mark.parametrize("attribute", ["sex", "age_group"])
def test_attributes(classes, attribute):
    found = classes("speechocean762", "attributes", "--attribute", attribute, *BRIEF)
    assert found["data"] == {"hours": pytest.approx(24 * 0.6 / 3600), "utterances": 24} | {
        "speakers": 12
    }
    # 2 layers; mean and deviation of 32 channels of each, beside the colour; 2 classes
    assert found["model"]["parameters"] > 2 + 2 * 64


def test_plots_are_drawn_and_shown(run, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("mgf_brain.reports.drawing.both_widths", both_widths)
    words = ["--pretrained", "fbank", "--data_folder", corpus("RAVDESS"), *BRIEF]
    done = run("emotion", *words, "--output_folder", tmp_path / "out", dataset="RAVDESS")
    finished(done, tmp_path / "out")
    report = tmp_path / "out" / "report"
    names = {path.stem for path in report.glob("*.svg")}
    assert names == {"confusion", "layers", "map", "training"}
    assert all("</svg>" in (report / f"{name}.svg").read_text() for name in names)
    assert (report / "index.html").read_text().count('<div class="wide"') == 4


@pytest.mark.parametrize(
    "dataset, options, names",
    [
        ("speechocean762", ("--beam", 5), ["wer", "cer", "wer_beam", "cer_beam"]),
        ("LibriSpeech", ("--units", 15, "--beam", 5), ["wer", "cer", "wer_beam", "cer_beam"]),
        ("LibriSpeech", ("--adapt", "two_step", "--tuning_epochs", 1), ["wer", "cer"]),
        ("WSJ", ("--adapt", "full", "--tuning_epochs", 1), ["wer", "cer"]),
    ],
)
def test_asr(run, corpus, pretrained, tmp_path, dataset, options, names):
    out = tmp_path / "out"
    words = ["--pretrained", pretrained, "--data_folder", corpus(dataset), *BRIEF, *options]
    done = run("asr", *words, "--output_folder", out, dataset=dataset)
    found = finished(done, out)
    assert list(found["metrics"]) == names
    assert "REF: " in (out / "alignments.txt").read_text()
    assert (out / "save" / "units.model").is_file() == ("--units" in options)
    check_recogniser(out, found, tuned="--adapt" in options)


def test_each_of_several_test_parts_has_its_rates(run, corpus, tmp_path):
    folder, out = tmp_path / "LibriSpeech", tmp_path / "out"
    shutil.copytree(corpus("LibriSpeech"), folder)
    speakers = sorted((folder / "test-clean").iterdir())
    (folder / "test-other").mkdir()
    speakers[0].rename(folder / "test-other" / speakers[0].name)
    words = ["--pretrained", "fbank", "--data_folder", folder, *BRIEF, "--beam", 2]
    found = finished(run("asr", *words, "--output_folder", out), out)["metrics"]
    parts = ("", "_test-clean", "_test-other")
    names = [f"{n}{part}{d}" for d in ("", "_beam") for part in parts for n in ("wer", "cer")]
    assert list(found) == names
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "<td>WER test-other beam</td>" in page


def test_asr_on_ones_own_speech(run, corpus, tmp_path):
    out, folder = tmp_path / "out", corpus("Custom")
    words = ["--pretrained", "fbank", "--manifest", folder / "speech.csv", *BRIEF]
    done = run("asr", *words, "--data_folder", folder, "--output_folder", out, dataset="Custom")
    found = finished(done, out, "wer", "cer")
    assert found["data"]["utterances"] == 9 and found["data"]["speakers"] == 3


@pytest.mark.parametrize("dataset", ["speechocean762", "LibriSpeech"])
def test_phone_recognition(run, corpus, pretrained, tmp_path, dataset):
    out, folder = tmp_path / "out", corpus(dataset)
    words = ["--pretrained", pretrained, "--data_folder", folder, *BRIEF, "--output_folder", out]
    if dataset == "LibriSpeech":
        words += ["--lexicon", folder / "lexicon.txt"]
    found = finished(run("phone_recognition", *words, dataset=dataset), out)
    assert list(found["metrics"]) == ["per"]
    assert "REF: " in (out / "alignments.txt").read_text()
    phones = set("W IY K AO L IH T B EH R".split())
    references = [
        line for line in (out / "alignments.txt").read_text().splitlines() if line[:4] == "REF:"
    ]
    assert {p for line in references for p in line[4:].split()} <= phones | {"*", "**"}
    check_recogniser(out, found, tuned=False)


def test_a_corrected_command_takes_the_folder_of_the_failed_one(run, corpus, tmp_path):
    folder, out = corpus("LibriSpeech"), tmp_path / "out"
    words = ["--pretrained", "fbank", "--data_folder", folder, "--output_folder", out, *BRIEF]
    refused(run("asr", *words, "--hours", 100), "hours: 100 h wanted")
    finished(run("asr", *words), out, "wer")
    refused(run("asr", *words, "--seed", 7), "seed: 1986 there, 7 now")


def test_lists_of_the_closed_set_share_nothing(run, corpus, tmp_path):
    folder = corpus("LibriSpeech")
    names = [path.stem for path in sorted(folder.glob("train-*/*/*/*.flac"))]
    for name, rows in {"train": names[:5], "test": names[4:]}.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    words = ["--pretrained", "fbank", "--data_folder", folder, "--output_folder", tmp_path / "out"]
    words += ["--train_list", tmp_path / "train", "--test_list", tmp_path / "test"]
    refused(run("speakers", *words), f"share {names[4]}")


@pytest.mark.parametrize("task", ["asr", "verification"])
def test_frozen_features_are_not_augmented(run, corpus, tmp_path, task):
    folder, out = corpus("LibriSpeech"), tmp_path / "out"
    words = ["--pretrained", "fbank", "--data_folder", folder, "--noise_folder", folder]
    words += ["--trials", folder / "trials.txt"] if task == "verification" else []
    refused(run(task, *words, "--output_folder", out), "noise_folder: frozen features")
    assert not out.exists()


def test_an_interrupted_emotion_run_keeps_its_folds(run, corpus, tmp_path):
    out = tmp_path / "out"
    words = ["--pretrained", "fbank", "--data_folder", corpus("RAVDESS"), "--output_folder", out]
    first = finished(run("emotion", *words, *BRIEF, dataset="RAVDESS"), out)
    files = {path: path.stat().st_mtime_ns for path in (out / "save/folds").rglob("*.pt")}
    lost = min(files)
    lost.unlink()
    (out / "results.json").unlink()
    again = finished(run("emotion", *words, *BRIEF, dataset="RAVDESS"), out)
    assert again["metrics"] == first["metrics"]
    changed = [path for path, time in files.items() if path.stat().st_mtime_ns != time]
    assert len(files) == 3 and changed == [lost]
    finished(run("emotion", *words, "--number_of_epochs", 2, dataset="RAVDESS"), out)
    assert len(list((out / "save/folds").rglob("*.pt"))) == 6  # none of another length is taken


BAD = [
    ("verification", "VoxCeleb", "--trials O --pretrained xvector", "Pass --adapt full"),
    ("verification", "VoxCeleb", "--trials O --pretrained fbank --adapt two_step", "adapt: fbank"),
    ("verification", "speechocean762", "--pretrained fbank", "--trials <value>"),
    ("emotion", "RAVDESS", "--pretrained xvector", "adapt: xvector is untrained"),
    ("emotion", "EmoDB", "--pretrained fbank --adapt full", "adapt: fbank has no parameters"),
    ("emotion", "EmoDB", "--pretrained fbank --adapt slowly", "adapt takes one of frozen"),
    ("asr", "WSJ", "--pretrained nowhere", "pretrained: nowhere is neither"),
    ("asr", "WSJ", "--pretrained hparams", "hparams holds no model"),
    ("asr", "LibriSpeech", "--pretrained fbank --lm absent.arpa", "lm does not exist"),
    ("attributes", "speechocean762", "", "--pretrained <value>"),
    ("attributes", "speechocean762", "--pretrained random --band_masks 1", "band_masks: frozen"),
    (
        "asr",
        "WSJ",
        "--pretrained random --time_masks -1 --adapt full",
        "time_masks takes an integer >= 0",
    ),
]


@pytest.mark.parametrize("task, dataset, words, message", BAD)
def test_bad_input_leaves_nothing(run, corpus, tmp_path, task, dataset, words, message):
    out = tmp_path / "out"
    words = [*words.split(), "--data_folder", corpus(dataset), "--output_folder", out]
    refused(run(task, *words, dataset=dataset), message)
    assert not out.exists()


def test_one_process_only(run, corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    words = ["--pretrained", "fbank", "--data_folder", corpus("EmoDB")]
    done = run("emotion", *words, "--output_folder", tmp_path / "out", dataset="EmoDB")
    refused(done, "Start with python")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "task, dataset",
    [
        ("emotion", "RAVDESS"),
        ("asr", "speechocean762"),
        ("phone_recognition", "LibriSpeech"),
        ("verification", "VoxCeleb"),
    ],
)
def test_a_corpus_needs_its_folder(run, tmp_path, task, dataset):
    trials = ["--trials", "O"] if task == "verification" else []
    words = ["--pretrained", "fbank", "--output_folder", tmp_path / "out", *trials]
    refused(run(task, *words, dataset=dataset), "data_folder")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "task, dataset, words, message",
    [
        ("asr", "speechocean762", "--units 400", "units: 400 do not fit"),
        ("asr", "LibriSpeech", "--hours 100", "hours: 100 h wanted"),
        ("asr", "Custom", "", "Pass --manifest <csv>"),
        ("emotion", "RAVDESS", "--adapt full", "holds no Actor_*"),
        ("phone_recognition", "LibriSpeech", "", "Pass --lexicon <file>"),
        (
            "attributes",
            "speechocean762",
            "--attribute accent",
            "attribute takes one of sex, age_group",
        ),
        ("dementia", "ADReSSo", "--positive AD", "positive: 'AD' is no class"),
        ("verification", "LibriSpeech", "--trials absent.txt", "absent.txt"),
    ],
)
def test_bad_input_has_no_results(run, corpus, pretrained, tmp_path, task, dataset, words, message):
    out = tmp_path / "out"
    folder = tmp_path if dataset == "RAVDESS" else corpus(dataset)
    words = [*words.split(), "--pretrained", pretrained, "--data_folder", folder]
    refused(run(task, *words, "--output_folder", out, dataset=dataset), message)
    assert not (out / "results.json").exists() and not (out / "report").exists()
