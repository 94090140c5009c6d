"""Iterative pseudo-labels on miniatures, as a user runs them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from mgf_brain.data.manifest import read_manifest
from mgf_brain.data.trials import read_trials
from mgf_brain.features import FeatureExtractor
from mgf_brain.html import png
from mgf_brain.inference import SpeechEncoder
from mgf_brain.scoring import cosine_scores
from mgf_brain.verification import verification_metrics
from tests.recipes import corpora

pytestmark = pytest.mark.usefixtures("quick")
ROUND = ("--number_of_epochs", 1, "--clusters", 4, "--least_utterances", 2)
FULL = ("--adapt", "full", *ROUND)


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    return corpora.make_speechocean762(tmp_path_factory.mktemp("corpora") / "speechocean762")


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A manifest of 12 utterances of 4 speakers, and trials among 6 others."""
    folder = tmp_path_factory.mktemp("corpora") / "own"
    corpora.make_own(folder)
    corpora.make_librispeech(folder / "test", train=1, test=3)
    return folder


@pytest.fixture
def refine(run, pretrained, tmp_path):
    """``refine(dataset, folder, *options)``: a run that goes well, and its results."""

    def call(dataset, folder, *options, trials="trials.txt", out=tmp_path / "out"):
        words = ["--pretrained", pretrained, "--data_folder", folder, "--output_folder", out]
        words += ["--trials", trials if trials == "O" else folder / trials, *options]
        done = run("pseudo_labels", *words, dataset=dataset)
        assert done.status == 0, done.err
        return json.loads((out / "results.json").read_text(encoding="utf-8"))

    return call


def refine_own(refine, folder, out, *options, manifest="speech.csv"):
    words = ("--manifest", folder / manifest, "--list_root", folder / "test", *FULL, *options)
    return refine("Custom", folder, *words, trials="test/trials.txt", out=out)


def test_two_rounds(refine, speech, tmp_path, monkeypatch):
    monkeypatch.setattr("mgf_brain.downstream_report.png", png)
    found = refine("speechocean762", speech, "--head_epochs", 1, *ROUND)
    metrics, out = found["metrics"], tmp_path / "out"
    rounds = metrics.pop("rounds")
    assert [row["round"] for row in rounds] == [0, 1, 2]
    assert {"eer", "min_dcf", "min_dcf_p05"} < rounds[0].keys()
    assert not {"purity", "clusters", "eer_snorm"} & rounds[0].keys()  # nothing was clustered
    for row in rounds[1:]:
        assert 2 <= row["clusters"] <= 4 and 4 <= row["kept_utterances"] <= 24
        assert 0 < row["purity"] <= 100 and 0 <= row["nmi"] <= 100
    assert metrics.items() <= rounds[2].items() and "eer_centred" in metrics
    assert all(math.isfinite(value) for value in metrics.values())
    assert found["data"]["speakers"] == 12 and found["time"]["audio_s_per_s"] > 0
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "EER round 0" in page and "purity round 2" in page
    assert (out / "report" / "rounds.png").stat().st_size > 1000
    check_labels(out, speech, rounds)
    check_export(out, speech, metrics)


def check_labels(out: Path, root: Path, rounds: list) -> None:
    for row in rounds[1:]:
        kept = read_manifest(out / f"round_{row['round']}" / "labels.csv", root)
        assert len(kept) == row["kept_utterances"]
        assert len({u.speaker for u in kept}) == row["clusters"]
        assert all(u.speaker.startswith("cluster") and Path(u.wav).is_file() for u in kept)


def check_export(out: Path, root: Path, metrics: dict) -> None:
    """The folder of the last round, elsewhere, gives the scores of the run."""
    folder = (out / "pretrained").rename(out.parent / "elsewhere")
    for path in folder.iterdir():
        last = out / "round_2" / "pretrained" / path.name
        assert path.read_bytes() == last.read_bytes()
        assert path.suffix == ".safetensors" or str(out.parent) not in path.read_text()
    trials = read_trials(root / "trials.txt", root)
    extractor = FeatureExtractor(SpeechEncoder.from_pretrained(folder), "refined")
    embeddings = extractor.embeddings(trials.utterances)
    assert embeddings.shape[1] == 256  # the affine layers that the run gave the network
    found = verification_metrics(cosine_scores(embeddings, trials.pairs), trials.same)
    assert found == {name: pytest.approx(metrics[name]) for name in found}


def without_times(results: dict) -> list:
    return [
        {k: v for k, v in row.items() if k != "training_s"} for row in results["metrics"]["rounds"]
    ]


def test_a_run_goes_on_after_the_rounds_that_are_done(refine, own, tmp_path, monkeypatch):
    out, whole = tmp_path / "out", refine_own(refine, own, tmp_path / "whole")
    first = refine_own(refine, own, out, "--rounds", 1)
    weights = out / "round_1" / "pretrained" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    killed = out / "round_2" / "metrics.jsonl"
    killed.parent.mkdir()
    killed.write_text("{half a round\n")
    second = refine_own(refine, own, out, "--rounds", 2)
    assert weights.stat().st_mtime_ns == written and "half" not in killed.read_text()
    assert without_times(second)[:2] == without_times(first)
    assert without_times(second) == without_times(whole)
    monkeypatch.setattr("mgf_brain.pseudo_labels.train_speakers", None)  # nothing is to be trained
    assert without_times(refine_own(refine, own, out)) == without_times(second)


def test_rounds_of_another_length_are_done_anew(refine, own, tmp_path):
    short = refine_own(refine, own, tmp_path / "out", "--rounds", 1)
    longer = refine_own(refine, own, tmp_path / "out", "--rounds", 1, "--number_of_epochs", 3)
    rows = [results["metrics"]["rounds"][1] for results in (short, longer)]
    assert [row["length"]["number_of_epochs"] for row in rows] == [1, 3]


def rewrite(folder: Path, name: str, speaker_of) -> None:
    """The manifest with other speakers, by row number and name; None: without the column."""
    with open(folder / "speech.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row["spk_id"] = speaker_of(number)
    if speaker_of(0) is None:
        rows = [{k: v for k, v in row.items() if k != "spk_id"} for row in rows]
    with open(folder / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_true_speakers_change_nothing_but_the_report(refine, own, tmp_path):
    rewrite(own, "permuted.csv", lambda number: "dcba"[number % 4])
    rewrite(own, "unnamed.csv", lambda number: None)
    manifests = ("speech.csv", "permuted.csv", "unnamed.csv")
    outs = {name: tmp_path / name for name in manifests}
    rows = {
        name: without_times(refine_own(refine, own, out, manifest=name))
        for name, out in outs.items()
    }
    weights = {(out / "pretrained" / "model.safetensors").read_bytes() for out in outs.values()}
    labels = {(out / "round_2" / "labels.csv").read_bytes() for out in outs.values()}
    assert len(weights) == len(labels) == 1
    agreement = {name: [row.pop("nmi", None) for row in rows[name]] for name in manifests}
    purities = {name: [row.pop("purity", None) for row in rows[name]] for name in manifests}
    assert rows["speech.csv"] == rows["permuted.csv"] == rows["unnamed.csv"]
    assert agreement["speech.csv"] != agreement["permuted.csv"]
    assert agreement["unnamed.csv"] == purities["unnamed.csv"] == [None] * 3


def test_from_the_first_network_only_labels_carry_over(refine, own, tmp_path):
    newest = refine_own(refine, own, tmp_path / "newest")
    first = refine_own(refine, own, tmp_path / "first", "--from_first", True)
    assert without_times(first)[:2] == without_times(newest)[:2]
    labels = {(tmp_path / n / "round_2" / "labels.csv").read_bytes() for n in ("newest", "first")}
    assert len(labels) == 1
    weights = {
        (tmp_path / n / "pretrained/model.safetensors").read_bytes() for n in ("newest", "first")
    }
    assert len(weights) == 2


@pytest.mark.parametrize("dataset", ["LibriSpeech", "VoxCeleb"])
def test_other_corpora(refine, tmp_path, dataset):
    make = {"LibriSpeech": corpora.make_librispeech, "VoxCeleb": corpora.make_voxceleb}[dataset]
    more = corpora.make_own(tmp_path / "own") / "speech.csv"
    trials = "O" if dataset == "VoxCeleb" else "trials.txt"
    more.write_text(more.read_text().replace(",anna0.", f",{tmp_path}/own/anna0."))
    options = ("--rounds", 1, *FULL)
    found = refine(dataset, make(tmp_path / dataset), *options, trials=trials)
    assert len(found["metrics"]["rounds"]) == 2


@pytest.mark.parametrize(
    "words, message",
    [
        ("--pretrained fbank", "pretrained: fbank is no folder"),
        ("--rounds 0", "rounds: 0 would train nothing"),
        ("--adapt frozen", "adapt: 'frozen' is none of two_step, full"),
        ("--trials absent.txt", "trials: file not found: absent.txt"),
        ("--clusters 1", "clusters: 1 would be no labels"),
        ("--least_utterances 99", "Pass other --clusters"),
        ("--clusters 24 --least_utterances 1", "two speakers with two utterances"),
    ],
)
def test_bad_input_has_no_results(run, speech, pretrained, tmp_path, words, message):
    out, given = tmp_path / "out", words.split()
    usual = {"--pretrained": pretrained, "--trials": speech / "trials.txt"}
    given += [word for item in usual.items() if item[0] not in given for word in item]
    done = run(
        "pseudo_labels",
        *given,
        "--data_folder",
        speech,
        "--output_folder",
        out,
        dataset="speechocean762",
    )
    assert done.status == 2 and message in done.err and "Traceback" not in done.err
    assert not (out / "results.json").exists()
