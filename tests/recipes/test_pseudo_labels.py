"""Iterative pseudo-labels on miniatures, as a user runs them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from mgf_brain.data.labels.trials import read_trials
from mgf_brain.data.manifest import read_manifest
from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import SpeechEncoder
from mgf_brain.metrics.clusters import mutual_information, purity
from mgf_brain.tasks.verification.pseudo_labels import Rounds
from mgf_brain.tasks.verification.training import affine_layers, verification_metrics
from mgf_brain.throughput import Throughput
from tests.recipes import corpora

pytestmark = pytest.mark.usefixtures("quick")
CLUSTERS = ("--clusters", 4, "--least_utterances", 2)
FULL = ("--adapt", "full", *CLUSTERS)


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

    def call(dataset, folder, *options, trials="trials.txt", out=None):
        out = out or tmp_path / "out"
        words = ["--data_folder", folder, "--output_folder", out]
        words += [] if "--pretrained" in options else ["--pretrained", pretrained]
        words += ["--trials", trials if trials == "O" else folder / trials, *options]
        done = run("verification", *words, dataset=dataset, yaml="pseudo_labels")
        assert done.status == 0, done.err.splitlines()[-1]
        return json.loads((out / "results.json").read_text(encoding="utf-8"))

    return call


def refine_own(refine, folder, out, *options, manifest="speech.csv", epochs=1):
    words = ("--manifest", folder / manifest, "--list_root", folder / "test", *FULL, *options)
    words += ("--number_of_epochs", epochs)
    return refine("Custom", folder, *words, trials="test/trials.txt", out=out)


def test_two_rounds(refine, speech, tmp_path):
    found = refine("speechocean762", speech, "--head_epochs", 1, "--number_of_epochs", 1, *CLUSTERS)
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
    audio, seconds = (sum(row[key] for row in rounds[1:]) for key in ("audio_s", "training_s"))
    assert found["time"]["audio_s_per_s"] == pytest.approx(audio / seconds)
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "EER round 0" in page and "purity round 2" in page
    assert (out / "report" / "rounds.svg").is_file()
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
    out = tmp_path / "out"
    whole = refine_own(refine, own, out)
    first = out / "round_1" / "pretrained" / "model.safetensors"
    written = first.stat().st_mtime_ns
    (out / "round_2" / "pretrained").rename(out / "round_2" / "left")  # as if killed before
    resumed = refine_own(refine, own, out)
    assert first.stat().st_mtime_ns == written and not (out / "round_2" / "left").exists()
    assert without_times(resumed) == without_times(whole)
    # Nothing is to be trained.
    monkeypatch.setattr("mgf_brain.tasks.verification.pseudo_labels.train_speakers", None)
    assert without_times(refine_own(refine, own, out, "--rounds", 1)) == without_times(whole)[:2]


def test_rounds_of_another_length_are_done_anew(refine, own, tmp_path):
    short = refine_own(refine, own, tmp_path / "out", "--rounds", 1)
    longer = refine_own(refine, own, tmp_path / "out", "--rounds", 1, epochs=3)
    rows = [results["metrics"]["rounds"][1] for results in (short, longer)]
    assert [row["length"]["number_of_epochs"] for row in rows] == [1, 3]


def test_rounds_of_a_debug_run_are_done_anew(refine, own, tmp_path):
    tried = refine_own(refine, own, tmp_path / "out", "--rounds", 1, "--debug")
    whole = refine_own(refine, own, tmp_path / "out", "--rounds", 1)
    again = refine_own(refine, own, tmp_path / "out", "--rounds", 1, "--debug")  # destroys nothing
    rows = [results["metrics"]["rounds"][1] for results in (tried, whole, again)]
    assert [row["length"]["debug"] for row in rows] == [True, None, None]


def test_rounds_of_other_speech_are_done_anew(refine, own, tmp_path):
    rewrite(own, "changing.csv", lambda number: "a")
    first = refine_own(refine, own, tmp_path / "out", "--rounds", 1, manifest="changing.csv")
    lines = (own / "changing.csv").read_text(encoding="utf-8").splitlines()
    (own / "changing.csv").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    other = refine_own(refine, own, tmp_path / "out", "--rounds", 1, manifest="changing.csv")
    rows = [results["metrics"]["rounds"][1] for results in (first, other)]
    assert rows[0]["inputs"] != rows[1]["inputs"]
    labels = read_manifest(tmp_path / "out" / "round_1" / "labels.csv", own)
    assert lines[-1].split(",")[0] not in {u.id for u in labels}


def test_a_network_that_was_tuned_for_verification(refine, run, own, pretrained, tmp_path):
    folder, tuned = corpora.make_librispeech(tmp_path / "LibriSpeech"), tmp_path / "tuned"
    words = ["--pretrained", pretrained, "--adapt", "full", "--number_of_epochs", 1]
    words += ["--data_folder", folder, "--trials", folder / "trials.txt", "--output_folder", tuned]
    assert run("verification", *words).status == 0
    out = tmp_path / "out"
    found = refine_own(refine, own, out, "--pretrained", tuned / "model", "--rounds", 2)
    assert len(found["metrics"]["rounds"]) == 3
    for folder in (out / "round_1" / "pretrained", out / "pretrained"):
        assert SpeechEncoder.from_pretrained(folder).embedding is not None


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
    rows, weights, labels = {}, set(), set()
    for name in ("speech.csv", "permuted.csv", "unnamed.csv"):
        out = tmp_path / name
        rows[name] = without_times(refine_own(refine, own, out, "--rounds", 1, manifest=name))[1]
        weights.add((out / "pretrained" / "model.safetensors").read_bytes())
        labels.add((out / "round_1" / "labels.csv").read_bytes())
    assert len(weights) == len(labels) == 1
    clusters = {u.id: u.speaker for u in read_manifest(out / "round_1" / "labels.csv", own)}
    for name in ("speech.csv", "permuted.csv"):
        speakers = {u.id: u.speaker for u in read_manifest(own / name, own)}
        pairs = list(clusters.values()), [speakers[key] for key in clusters]
        assert rows[name].pop("purity") == pytest.approx(purity(*pairs))
        assert rows[name].pop("nmi") == pytest.approx(mutual_information(*pairs))
    assert not {"purity", "nmi"} & rows["unnamed.csv"].keys()
    assert rows["speech.csv"] == rows["permuted.csv"] == rows["unnamed.csv"]


@pytest.mark.parametrize("from_first, starts", [(False, "012"), (True, "000")])
def test_which_network_a_round_goes_on_with(refine, own, monkeypatch, from_first, starts):
    loaded, trained = [], []
    load = Rounds.extractor
    monkeypatch.setattr(Rounds, "extractor", lambda r, n: loaded.append(str(n)) or load(r, n))

    def train_nothing(experiment, extractor, kept):
        trained.append(loaded[-1])
        if added := affine_layers(extractor.encoder):
            extractor.encoder.embedding = added()
        return added, Throughput()

    monkeypatch.setattr("mgf_brain.tasks.verification.pseudo_labels.train_speakers", train_nothing)
    refine_own(refine, own, None, "--rounds", 3, "--from_first", from_first)
    assert trained == list(starts)


@pytest.mark.parametrize("dataset", ["LibriSpeech", "VoxCeleb"])
def test_other_corpora_with_more_speech(refine, own, tmp_path, dataset):
    make = {"LibriSpeech": corpora.make_librispeech, "VoxCeleb": corpora.make_voxceleb}[dataset]
    more, options = tmp_path / "more.csv", ("--rounds", 1, "--number_of_epochs", 1, *FULL)
    rows = read_manifest(own / "speech.csv", own)
    more.write_text("ID,duration,wav\n" + "".join(f"{u.id},{u.duration},{u.wav}\n" for u in rows))
    trials = "O" if dataset == "VoxCeleb" else "trials.txt"
    folder = make(tmp_path / dataset)
    found = refine(dataset, folder, "--add_manifest", more, *options, trials=trials)
    assert found["data"]["utterances"] > 12 and len(found["metrics"]["rounds"]) == 2


@pytest.mark.parametrize(
    "words, message",
    [
        ("--pretrained fbank", "pretrained: fbank is no folder"),
        ("--rounds 0", "rounds takes an integer >= 1"),
        ("--rounds 1.5", "rounds takes an integer >= 1"),
        ("--adapt frozen", "adapt takes one of two_step, full"),
        ("--trials absent.txt", "trials: file not found: absent.txt"),
        ("--clusters 1", "clusters takes an integer >= 2"),
        ("--least_utterances 99", "Pass other --clusters"),
        ("--clusters 24 --least_utterances 1", "two speakers with two utterances"),
    ],
)
def test_bad_input_has_no_results(run, speech, pretrained, tmp_path, words, message):
    out, given = tmp_path / "out", words.split()
    usual = {"--pretrained": pretrained, "--trials": speech / "trials.txt"}
    given += [word for item in usual.items() if item[0] not in given for word in item]
    given += ["--data_folder", speech, "--output_folder", out]
    done = run("verification", *given, dataset="speechocean762", yaml="pseudo_labels")
    assert done.status == 2 and message in done.err.splitlines()[-1]
    assert not (out / "results.json").exists()
