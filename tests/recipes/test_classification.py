"""The phone and speaker recipes, as a user runs them, on a miniature in LibriSpeech's layout."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.recipes.outcome import left_outcomes, refused

pytestmark = pytest.mark.usefixtures("quick")
PHONES = {0: 0.0, 1: 300.0, 2: 900.0, 3: 2500.0}  # class and the frequency that it sounds like


def utterance(rng, speaker):
    """Tones of 150 ms for phones over the speaker's own hum, and the labels at 100 Hz."""
    labels = np.repeat(rng.integers(0, 4, 14), 15)
    frequency = np.repeat([PHONES[phone] for phone in labels], 160) * (0.9 + 0.02 * speaker)
    tone = 0.2 * np.sin(2 * np.pi * np.cumsum(frequency) / 16000)
    hum = 0.1 * np.sin(2 * np.pi * (3500 + 300 * speaker) * np.arange(len(tone)) / 16000)
    return tone + hum + 0.003 * rng.standard_normal(len(tone)), labels


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight training and three test speakers, five utterances each."""
    root, rng, lines = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0), []
    for number in range(11):
        part = "train-clean-100" if number < 8 else "test-other"
        folder = root / part / f"{number}" / "7"
        folder.mkdir(parents=True)
        for i in range(5):
            wav, labels = utterance(rng, number)
            soundfile.write(folder / f"{number}-7-{i:04d}.flac", wav, 16000)
            lines.append(f"{number}-7-{i:04d} {' '.join(map(str, labels))}\n")
    (root / "phones_41.txt").write_text("".join(lines))
    (root / "phones_41_classes.txt").write_text("0 SIL\n1 UW\n2 AH\n3 S\n")
    return root


def results(out):
    found = json.loads((out / "results.json").read_text())
    left_outcomes(out, found["metrics"])
    return found


def report(out):
    """The page, and the names of its plots."""
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    return page, {path.stem for path in (out / "report").glob("*.svg")}


def test_phones_of_the_baseline(run, corpus, tmp_path):
    out = tmp_path / "out"
    done = run("phonemes", "--pretrained", "fbank", "--data_folder", corpus, "--output_folder", out)
    assert done.status == 0, done.err
    found = results(out)
    assert found["metrics"]["accuracy"] > 85 and found["metrics"]["accuracy_speech"] > 80
    assert found["data"] == {
        "hours": pytest.approx(40 * 2.1 / 3600),
        "utterances": 40,
        "speakers": 8,
    }
    assert found["model"]["parameters"] == 80 * 4 + 4 + 1
    assert "accuracy" in done.out and (out / "hyperparams.yaml").is_file()
    page, plots = report(out)
    assert plots == {"confusion", "layers", "training"}
    for name, value in found["metrics"].items():
        title = {"accuracy": name, "accuracy_speech": "accuracy without silence"}[name]
        assert f"<td>{title}</td><td>{value:.2f} %</td>" in page
    assert "<i>UW</i>" in page and 1 <= page.count("<audio") <= 12


def test_phones_of_a_folder_by_lists_without_a_cache(run, corpus, pretrained, tmp_path):
    for name, speakers in {"train": (0, 8), "test": (1,)}.items():
        ids = [f"{speaker}-7-{i:04d}\n" for speaker in speakers for i in range(5)]
        (tmp_path / f"{name}.txt").write_text("".join(ids))
    done = run(
        *("phonemes", "--pretrained", pretrained, "--data_folder", corpus),
        *("--phone_splits", f"{tmp_path}/train.txt,{tmp_path}/test.txt"),
        *("--feature_cache", "False", "--hidden", 16, "--output_folder", tmp_path / "out"),
    )
    assert done.status == 0, done.err
    assert results(tmp_path / "out")["data"]["utterances"] == 10
    # 2 labels a frame of 20 ms, 4 classes, 2 layers
    assert results(tmp_path / "out")["model"]["parameters"] == 2 + 33 * 16 + 17 * 8


def test_choosing_on_training_speakers_leaves_the_test_alone(run, corpus, tmp_path):
    out = tmp_path / "out"
    done = run(
        *("phonemes", "--pretrained", "fbank", "--data_folder", corpus, "--output_folder", out),
        *("--valid_share", 0.25, "--number_of_epochs", 2),
    )
    assert done.status == 0, done.err
    assert results(out)["data"]["speakers"] == 6


def test_a_step_limit_ends_the_training_and_cached_features_have_no_throughput(
    run, corpus, tmp_path, monkeypatch
):
    monkeypatch.setenv("MGF_BRAIN_CACHE", str(tmp_path / "cache"))
    out, rates = tmp_path / "out", []
    for limit in (2, 3):  # another length may go on in the same folder
        done = run(
            *("phonemes", "--pretrained", "fbank", "--data_folder", corpus),
            *("--output_folder", out, "--optimizer_step_limit", limit),
        )
        assert done.status == 0, done.err
        assert f"optimizer_step_limit: {limit}\n" in (out / "hyperparams.yaml").read_text()
        rates.append(results(out)["time"]["audio_s_per_s"])
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 3]
    lines = (out / "train_log.txt").read_text().splitlines()
    assert len(lines) == 2 and all(line.startswith("epoch 1 - train loss ") for line in lines)
    assert rates[0] > 0 and rates[1] is None
    assert "all features were in the cache" in report(out)[0]


def test_units_of_every_layer(run, corpus, pretrained, tmp_path):
    """Tones of a phone each are told apart in the encoder's input, and nothing is trained."""
    out = tmp_path / "out"
    words = ["--data_folder", corpus, "--output_folder", out, "--clusters", 8, "--span", "phone"]
    done = run("units", "--pretrained", pretrained, *words)
    assert done.status == 0, done.err
    found = results(out)
    metrics = found["metrics"]
    assert (
        found["data"]["utterances"] == 15
        and found["model"]["parameters"] == 0 < found["model"]["total_parameters"]
    )
    assert metrics["layers"]["1"] == {k: metrics[k] for k in metrics["layers"]["1"]}
    chosen = metrics["layers"][f"{metrics['layer']:.0f}"]
    assert chosen == {k: metrics[f"{k}_chosen"] for k in chosen}
    assert metrics["abx_within"] < 35 and metrics["abx_across"] < 40 and metrics["pnmi"] > 20
    page, plots = report(out)
    assert plots == {"curves"} and "ABX across speakers chosen" in page

    again = run("units", "--pretrained", pretrained, *words[:3], tmp_path / "again", *words[4:])
    assert again.status == 0 and results(tmp_path / "again")["metrics"] == metrics


@pytest.mark.parametrize("task", ["phonemes", "speakers"])
def test_options_that_a_probe_would_ignore_are_refused(run, corpus, tmp_path, task):
    words = ("--precision", "bf16", "--pretrained", "fbank", "--data_folder", corpus)
    refused(run(task, *words, "--output_folder", tmp_path / "out"), "precision: only fine-tuning")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("task", ["phonemes", "speakers"])
def test_debug_trains_a_probe_for_a_few_steps(run, corpus, tmp_path, task):
    words = ("--debug", "--pretrained", "fbank", "--data_folder", corpus, "--batch_size", 2)
    done = run(task, *words, "--output_folder", tmp_path / "out")
    assert done.status == 0, done.err
    rows = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["step"] == 4


def test_speakers_are_chosen_on_training_utterances(run, corpus, tmp_path):
    out = tmp_path / "out"
    done = run(
        *("speakers", "--pretrained", "fbank", "--data_folder", corpus, "--output_folder", out),
        *("--valid_share", 0.25, "--number_of_epochs", 2),
    )
    assert done.status == 0, done.err
    assert results(out)["data"]["utterances"] == 8 * 3  # of five, one is the test's, one held out


def test_speakers_of_the_baseline_and_a_folder(run, corpus, pretrained, tmp_path):
    for name in ("fbank", pretrained):
        out = tmp_path / Path(name).name
        done = run(
            *("speakers", "--pretrained", name, "--data_folder", corpus, "--output_folder", out),
            *("--learning_rate", "0.03"),  # an epoch of this corpus is a single step
        )
        assert done.status == 0, done.err
        found = results(out)
        assert found["data"]["utterances"] == 8 * 4 and found["data"]["speakers"] == 8
        one_shot = {"accuracy_oneshot", "accuracy_oneshot_statistics"}
        assert set(found["metrics"]) == {"accuracy", *one_shot}
        assert found["readout"] == ("embedding" if name == "fbank" else "statistics")
        page, plots = report(out)
        assert plots == {"map", "training"} and "one-shot accuracy" in page
        assert "8 utterances of 8 speakers, one-shot test of 12 utterances of 3 speakers, " in page
        wrong = round(12 * (1 - found["metrics"]["accuracy_oneshot"] / 100))
        assert page.count("<audio") == 2 * min(6, wrong)
        if name == "fbank":  # the hum tells the speakers apart
            assert found["metrics"]["accuracy"] > 70 and found["metrics"]["accuracy_oneshot"] > 70


def test_a_one_shot_list_has_its_own_root(run, corpus, tmp_path):
    rows = [("enrol", 8, 0), ("test", 8, 1), ("enrol", 9, 0), ("test", 9, 3)]
    lines = [f"{kind}\t{s}\tcorpus/test-other/{s}/7/{s}-7-{i:04d}.wav\n" for kind, s, i in rows]
    (tmp_path / "list.tsv").write_text("".join(lines))
    (tmp_path / "corpus").symlink_to(corpus)
    done = run(
        *("speakers", "--pretrained", "random", "--data_folder", corpus, "--list_root", tmp_path),
        *("--oneshot", tmp_path / "list.tsv", "--output_folder", tmp_path / "out"),
    )
    assert done.status == 0, done.err
    assert results(tmp_path / "out")["metrics"]["accuracy_oneshot"] in (0.0, 50.0, 100.0)
    assert report(tmp_path / "out")[1] == {"map", "training"}  # of four points


def test_without_new_speakers_there_is_no_one_shot_test(run, corpus, tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train-clean-100").symlink_to(corpus / "train-clean-100")
    done = run(
        *("speakers", "--pretrained", "fbank", "--data_folder", tmp_path / "corpus"),
        *("--output_folder", tmp_path / "out", "--number_of_epochs", 1),
    )
    assert done.status == 0, done.err
    assert list(results(tmp_path / "out")["metrics"]) == ["accuracy"]
    assert report(tmp_path / "out")[1] == {"training"}


def test_a_one_shot_list_of_training_speakers_is_refused(run, corpus, tmp_path):
    name = "train-clean-100/0/7/0-7-000"
    (tmp_path / "list.tsv").write_text(f"enrol\t0\t{name}0.wav\ntest\t0\t{name}1.wav\n")
    done = run(
        *("speakers", "--pretrained", "fbank", "--data_folder", corpus),
        *("--oneshot", tmp_path / "list.tsv", "--output_folder", tmp_path / "out"),
    )
    assert done.status == 2 and "0-7-0000.wav is of the train parts" in done.err


def test_verification_by_a_trial_list(run, corpus, tmp_path):
    path = "test-other/{0}/7/{0}-7-000{1}.wav"
    rows = [(int(a == b), path.format(a, 0), path.format(b, 1)) for a in (8, 9) for b in (8, 9)]
    (tmp_path / "trials.txt").write_text("".join(f"{s} {a} {b}\n" for s, a, b in rows))
    done = run(
        *("verification", "--pretrained", "fbank", "--trials", tmp_path / "trials.txt"),
        *("--list_root", corpus, "--output_folder", tmp_path / "out"),
        dataset="Custom",
    )
    assert done.status == 0, done.err
    found = results(tmp_path / "out")
    assert found["metrics"] == {"eer": 0.0, "min_dcf": 0.0, "min_dcf_p05": 0.0}  # the hum tells
    assert found["data"]["utterances"] == 4 and found["data"]["speakers"] == 2


@pytest.mark.parametrize(
    "task, arguments, message",
    [
        ("phonemes", ["--pretrained", "nowhere"], "pretrained: nowhere"),
        ("phonemes", [], "--pretrained <value>"),
        ("phonemes", ["--pretrained", "fbank", "--adapt", "full"], "adapt"),
        ("units", ["--pretrained", "fbank", "--span", "word"], "span"),
        ("phonemes", ["--pretrained", "fbank", "--phone_labels", "absent.txt"], "absent.txt"),
        ("speakers", ["--pretrained", "fbank", "--oneshot", "absent.tsv"], "absent.tsv"),
        ("speakers", ["--pretrained", "fbank", "--train_list", __file__], "test_list"),
    ],
)
def test_bad_input_ends_in_one_line_and_status_2(run, corpus, tmp_path, task, arguments, message):
    out = tmp_path / "out"
    done = run(task, *arguments, "--data_folder", corpus, "--output_folder", out)
    assert done.status == 2
    assert done.err.splitlines()[-1].startswith("error:") and message in done.err
    assert not (out / "results.json").exists()
