"""Scores, folds that an interrupted run keeps, and test labels that nothing sees."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path

import pytest
import torch
from sklearn.metrics import f1_score

from mgf_brain.data.folds import speaker_folds
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import example_encoder
from mgf_brain.metrics.classification import classification_scores
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.run.log import read_metrics
from mgf_brain.tasks.classification import training as classification
from mgf_brain.tasks.classification.classes import Classes
from mgf_brain.tasks.classification.training import (
    FoldTrainer,
    Predictions,
    classify_folds,
    pooled_scores,
)
from mgf_brain.throughput import Throughput
from tests.small_runs import experiment, settings, speaker_encoder, weights, write_speech


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    return write_speech(tmp_path / "speech", speakers="abc", each=4)


def fbank() -> FeatureExtractor:
    return FeatureExtractor(LogMelFeatures(), "fbank")


def counted_scores(truth: list[int], named: list[int]) -> dict[str, float]:
    """By hand: only classes that occur have a recall."""
    recalls = []
    for label in sorted(set(truth)):
        own = [n for t, n in zip(truth, named, strict=True) if t == label]
        recalls.append(sum(n == label for n in own) / len(own))
    right = sum(t == n for t, n in zip(truth, named, strict=True)) / len(truth)
    return {"uar": 100 * math.fsum(recalls) / len(recalls), "wa": 100 * right}


def test_scores_are_those_counted_by_hand():
    draw = random.Random(0)
    for _ in range(100):
        count = draw.randrange(1, 30)
        truth = [draw.choice((0, 2, 2, 5)) for _ in range(count)]  # 1, 3, 4 never occur
        named = [draw.randrange(7) for _ in truth]  # nor does 6
        found, expected = classification_scores(truth, named), counted_scores(truth, named)
        assert found["f1_micro"] == found["wa"]
        assert {k: found[k] for k in expected} == pytest.approx(expected, rel=1e-12)


def test_f1_of_the_positive_class_is_scikit_learns():
    draw = random.Random(0)
    for _ in range(100):
        truth, named = ([draw.choice("xyz") for _ in range(draw.randrange(1, 9))] for _ in "ab")
        truth, named = zip(*zip(truth, named, strict=False), strict=True)
        numbers = [["xyz".index(c) for c in row] for row in (truth, named)]
        found = classification_scores(*numbers, positive=2)
        expected = f1_score([c == "z" for c in truth], [c == "z" for c in named], zero_division=0)
        assert found.pop("f1") == pytest.approx(100 * expected, rel=1e-12)
        assert found == classification_scores(*numbers)


def test_the_positive_class_is_one_of_the_classes():
    assert Classes(["ad", "cn"], "ad").positive == 0 and Classes(["ad", "cn"]).positive is None
    with pytest.raises(UserError, match="positive: 'AD' is no class. Pass one of ad, cn"):
        Classes(["ad", "cn"], "AD")


def test_pooled_scores_are_over_all_predictions_not_the_mean_of_folds():
    rows = [Utterance(f"u{i}", 1.0, "/a.wav", "s", label=c) for i, c in enumerate("xxxxyx")]
    sure = torch.eye(2)
    made = [
        Predictions("1", rows[:4], sure[[0, 0, 0, 1]], [1.0], Throughput()),
        Predictions("2", rows[4:], sure[[0, 0]], [1.0], Throughput()),
    ]
    with_f1 = pooled_scores(made, Classes(["x", "y"], "x"))
    assert with_f1["f1"] == pytest.approx(200 * 4 / (5 + 5))
    assert with_f1["folds"]["1"]["f1"] == pytest.approx(200 * 3 / (4 + 3))
    found = pooled_scores(made, Classes(["x", "y"]))
    assert found.pop("folds") == {
        "1": {"uar": 75.0, "wa": 75.0, "f1_micro": 75.0},
        "2": {"uar": 50.0, "wa": 50.0, "f1_micro": 50.0},
    }
    assert found == pytest.approx({"uar": 40.0, "wa": 400 / 6, "f1_micro": 400 / 6})


def flipped(rows: list[Utterance]) -> list[Utterance]:
    other = {"even": "odd", "odd": "even"}
    return [dataclasses.replace(u, label=other[u.label]) for u in rows]


@pytest.mark.parametrize("adapt", ["frozen", "two_step", "full"])
def test_labels_of_the_test_fold_change_no_probability(tmp_path, utterances, adapt):
    train, test = utterances[:8], utterances[8:]
    run = experiment(tmp_path / "out", adapt=adapt, tuning=settings())
    extractor = FeatureExtractor(example_encoder(layers=1), "tiny")

    def probabilities(train: list[Utterance], test: list[Utterance]) -> torch.Tensor:
        return FoldTrainer(run, extractor, [*train, *test])("1", train, test).probabilities

    expected = probabilities(train, test)
    assert torch.equal(probabilities(train, flipped(test)), expected)
    assert not torch.equal(probabilities(flipped(train), test), expected)  # those of training do


@pytest.mark.parametrize("adapt", ["two_step", "full", "lora"])
def test_every_fold_starts_from_the_same_encoder(tmp_path, utterances, adapt):
    extractor = FeatureExtractor(example_encoder(layers=1), "tiny")
    start = weights(extractor.encoder)
    trainer = FoldTrainer(
        experiment(tmp_path / "out", adapt=adapt, tuning=settings()), extractor, utterances
    )
    folds = list(speaker_folds(utterances))
    first, _, again = (trainer(*fold) for fold in (folds[0], folds[1], folds[0]))
    assert all(torch.equal(value, start[n]) for n, value in weights(extractor.encoder).items())
    assert torch.equal(first.probabilities, again.probabilities)


def test_a_fold_s_encoder_shares_the_weights_that_do_not_learn(tmp_path, utterances):
    extractor = FeatureExtractor(example_encoder(layers=1), "tiny")
    own = {id(p) for p in extractor.encoder.parameters()}
    for adapt, shared in (("full", set()), ("lora", own)):
        run = experiment(tmp_path / "out", adapt=adapt, tuning=settings())
        trainer = FoldTrainer(run, extractor, utterances)
        trainer("a", utterances[:8], utterances[8:])
        tuned = trainer.last[1].extractor.encoder
        assert tuned is not extractor.encoder
        assert {id(p) for p in tuned.parameters()} & own == shared


@pytest.mark.parametrize("adapt", ["frozen", "full"])
def test_parts_with_one_training_part_share_its_model(tmp_path, utterances, adapt):
    train, test = utterances[:8], utterances[8:]
    run = experiment(tmp_path / "out", adapt=adapt, tuning=settings())
    trainer = FoldTrainer(run, FeatureExtractor(example_encoder(layers=1), "tiny"), utterances)
    parts = [trainer(name, train, part) for name, part in (("1", test[:2]), ("2", test[2:]))]
    rows = read_metrics(tmp_path / "out" / "metrics.jsonl")
    assert {row["fold"] for row in rows} == {"1"}
    audio = [p.throughput.audio_s for p in parts]
    assert audio == [pytest.approx(8 * 0.2 if adapt == "full" else 0.0), 0.0]  # counted once
    whole = trainer("3", train, test).probabilities
    assert torch.allclose(torch.cat([p.probabilities for p in parts]), whole, atol=1e-5)
    other = trainer("4", train[1:], test).probabilities
    assert not torch.allclose(other, whole, atol=1e-5)


def test_a_line_an_epoch_in_the_text_log(tmp_path, utterances):
    run = experiment(tmp_path / "out", adapt="two_step", tuning=settings(epochs=2))
    extractor = FeatureExtractor(example_encoder(layers=1), "tiny")
    FoldTrainer(run, extractor, utterances)("a", utterances[:8], utterances[8:])
    lines = (tmp_path / "out" / "train_log.txt").read_text().splitlines()
    where = ["fold a", "fold a", "fold a, trained everything", "fold a, trained everything"]
    assert [line.partition(" - train loss ")[0] for line in lines] == [
        f"{place}, epoch {epoch}" for place, epoch in zip(where, (1, 2, 1, 2), strict=True)
    ]
    assert all(float(line.partition(" - train loss ")[2]) > 0 for line in lines)


def test_predictions_of_a_fold(tmp_path, utterances):
    made, trainer = classify_folds(experiment(tmp_path), fbank(), list(speaker_folds(utterances)))
    assert [p.fold for p in made] == ["a", "b", "c"] and trainer.classes.names == ["even", "odd"]
    for p in made:
        assert {u.speaker for u in p.utterances} == {p.fold}
        assert p.probabilities.shape == (4, 2)
        torch.testing.assert_close(p.probabilities.sum(1), torch.ones(4))
        assert sum(p.layer_weights) == pytest.approx(1.0)


def test_folds_of_an_interrupted_run_are_not_trained_again(tmp_path, utterances, monkeypatch):
    run, folds = experiment(tmp_path), list(speaker_folds(utterances))
    first, _ = classify_folds(run, fbank(), folds)
    (lost,) = tmp_path.rglob("b-*.pt")
    lost.rename(lost.with_suffix(".part"))  # the run was killed while it wrote
    trained = []

    class Noted(FoldTrainer):
        def __call__(self, name, train, test):
            trained.append(name)
            return super().__call__(name, train, test)

    monkeypatch.setattr(classification, "FoldTrainer", Noted)
    again, _ = classify_folds(run, fbank(), folds)
    assert trained == ["b"] and lost.is_file()
    for before, after in zip(first, again, strict=True):
        assert torch.equal(before.probabilities, after.probabilities)
        assert before.layer_weights == after.layer_weights
        assert before.throughput == after.throughput
    classify_folds(experiment(tmp_path, number_of_epochs=7), fbank(), folds)
    assert trained == ["b", "a", "b", "c"]  # of another length, nothing is kept


def test_a_fold_whose_audio_has_changed_is_done_again(tmp_path, utterances, monkeypatch):
    """With as many bytes in the same place; a copy of what was there is what was there."""
    run, trained = experiment(tmp_path / "out"), []
    train = FoldTrainer._train
    monkeypatch.setattr(
        FoldTrainer,
        "_train",
        lambda self, name, rows: trained.append(name) or train(self, name, rows),
    )
    folds = list(speaker_folds(utterances))[:1]
    classify_folds(run, fbank(), folds)
    path = Path(utterances[0].wav)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    classify_folds(run, fbank(), folds)
    assert len(trained) == 1
    path.write_bytes(content[:-2] + b"\x01\x00")
    classify_folds(run, fbank(), folds)
    assert len(trained) == 2


@pytest.mark.parametrize("adapt", ["frozen", "full", "lora"])
def test_the_last_fold_s_model_is_kept_for_the_export(tmp_path, utterances, adapt):
    """Also where nothing is left to train."""
    run = experiment(tmp_path / "out", adapt=adapt, tuning=settings())
    folds = list(speaker_folds(utterances))
    for _ in range(2):
        extractor = FeatureExtractor(speaker_encoder(), "tiny")
        made, trainer = classify_folds(run, extractor, folds)
        assert [bool(p.encoder) for p in made[:-1]] == [False, False]
        model = trainer.classifier(made[-1])
        if adapt == "lora":  # the others' weights are the encoder's own
            assert {name.rpartition(".")[2] for name in made[-1].encoder} == {"down", "up"}
        found = [dict(row) for row in model.classify([u.wav for u in made[-1].utterances])]
        found = torch.tensor([[row[name] for name in trainer.classes.names] for row in found])
        torch.testing.assert_close(found, made[-1].probabilities, atol=1e-5, rtol=0)
