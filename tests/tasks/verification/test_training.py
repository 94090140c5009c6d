"""Who may be trained on, what the back-ends need, and the worst trials."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.data.labels.trials import Trials, draw_trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import example_encoder
from mgf_brain.metrics.detection import eer_threshold
from mgf_brain.nn.pooling import UtteranceHead
from mgf_brain.run.log import read_metrics
from mgf_brain.tasks.verification.calibration import calibrate
from mgf_brain.tasks.verification.data import unheard_trials
from mgf_brain.tasks.verification.margin import AngularMarginHead
from mgf_brain.tasks.verification.report import worst_trials
from mgf_brain.tasks.verification.training import repeated_speakers, score_trials, train_speakers
from tests.data.miniatures_speech import write_noise
from tests.small_runs import (
    changed,
    experiment,
    settings,
    small_network,
    speaker_encoder,
    weights,
    write_speech,
)


def rows_of(speakers: str) -> list[Utterance]:
    return [Utterance(f"u{i}", 1.0, f"/{i}.wav", s) for i, s in enumerate(speakers)]


def toy_embeddings(utterances: list[Utterance]) -> torch.Tensor:
    """Rows that lie around a point of the speaker's own."""
    rows = []
    for u in utterances:
        voice = np.random.default_rng(ord(u.speaker)).normal(size=16)
        rows.append(voice + 0.2 * np.random.default_rng(len(rows)).normal(size=16))
    return torch.tensor(np.array(rows))


def test_speakers_with_enough_utterances_keep_their_order():
    rows = rows_of("abacbad")
    assert [u.id for u in repeated_speakers(rows)] == ["u0", "u1", "u2", "u4", "u5"]
    assert [u.id for u in repeated_speakers(rows, least=3)] == ["u0", "u2", "u5"]
    assert repeated_speakers([]) == []


@pytest.mark.parametrize(
    "train, back_ends",
    [
        ("", [""]),
        ("vvw", ["", "centred", "snorm"]),
        ("vvv", ["", "centred"]),  # one cohort score has no deviation
        ("mnopqrstuv" * 2, ["", "centred", "snorm", "plda"]),
        ("mnopqrstuv" + "mnopqrstu", ["", "centred", "snorm"]),  # nine have a second utterance
    ],
)
def test_back_ends_by_what_there_is_to_train_them_on(train: str, back_ends: list[str]):
    trials = draw_trials(rows_of("abcdabcd"), seed=0)
    x, known = toy_embeddings(trials.utterances), toy_embeddings(rows_of(train))
    scores = score_trials(x, trials.pairs, rows_of(train), known, plda_dim=8)
    assert list(scores) == back_ends
    for name, values in scores.items():
        assert values.shape == trials.same.shape and torch.isfinite(values).all(), name
        assert values[trials.same].mean() > values[~trials.same].mean(), name  # voices lie apart


def test_the_raw_score_is_the_cosine():
    trials = draw_trials(rows_of("aabb"), seed=0)
    x = toy_embeddings(trials.utterances).numpy()
    expected = [x[i] @ x[j] / np.linalg.norm(x[i]) / np.linalg.norm(x[j]) for i, j in trials.pairs]
    found = score_trials(torch.tensor(x), trials.pairs, [], torch.empty(0), 8)
    np.testing.assert_allclose(found[""], expected)


def test_at_the_threshold_misses_come_to_false_alarms():
    draw = np.random.default_rng(0)
    for _ in range(50):
        targets = draw.normal(1.0, size=draw.integers(1, 30)).round(1)
        nontargets = draw.normal(size=draw.integers(1, 30)).round(1)
        threshold = eer_threshold(targets, nontargets)
        scores = np.unique([*targets, *nontargets])

        def gap(t: float, targets=targets, nontargets=nontargets) -> float:
            return (targets < t).mean() - (nontargets >= t).mean()

        assert scores[0] <= threshold <= scores[-1]
        rising = [t for t in scores if gap(t) >= -1e-12]
        if rising:
            assert gap(threshold) == gap(rising[0])


def test_a_threshold_is_calibrated_on_training_speakers_or_not_at_all():
    rows = rows_of("mnop" * 3)
    made = calibrate(rows, toy_embeddings(rows), seed=0)
    assert (made.eer, made.trials, made.speakers) == (0.0, 66, 4) and -1 < made.threshold < 1
    for train in ("", "aaa", "abc"):
        assert calibrate(rows_of(train), toy_embeddings(rows_of(train)), seed=0) is None


def speaker_run(folder: Path, adapt: str = "two_step", head=AngularMarginHead):
    steps = {"head_training": settings(tune_encoder=False), "tuning": settings()}
    return experiment(folder, adapt=adapt, head=head, **steps)


@pytest.mark.parametrize("speakers", ["", "aaa", "aab", "abc"])
def test_too_few_speakers_are_refused(tmp_path: Path, speakers: str):
    extractor = FeatureExtractor(example_encoder(), "tiny")
    with pytest.raises(UserError, match="two speakers with two utterances each"):
        train_speakers(speaker_run(tmp_path), extractor, rows_of(speakers))


@pytest.mark.parametrize("adapt", ["two_step", "full", "lora"])
def test_an_encoder_without_affine_layers_gets_some(tmp_path: Path, adapt: str):
    torch.manual_seed(0)
    extractor = FeatureExtractor(example_encoder(), "tiny", cache_gb=1.0)
    rows = write_speech(tmp_path / "speech", speakers="abc")
    added, throughput = train_speakers(speaker_run(tmp_path / "out", adapt), extractor, rows)
    assert isinstance(extractor.encoder.embedding, UtteranceHead)
    steps = {"two_step": 2, "lora": 2, "full": 1}[adapt]
    assert throughput.audio_s == pytest.approx(steps * 6 * 0.2) and throughput.wall_s > 0
    assert added.func is UtteranceHead and added.keywords["dim"] == extractor.dim
    assert extractor.cache_gb == 0.0  # nothing of this encoder is to be kept
    assert extractor.embeddings(rows[:2]).shape == (2, 256)


def test_affine_layers_that_were_pretrained_are_trained_on(tmp_path: Path):
    extractor = FeatureExtractor(speaker_encoder(), "tiny")
    embedding, start = extractor.encoder.embedding, weights(extractor.encoder)
    rows = [*write_speech(tmp_path / "speech", "abc"), *write_speech(tmp_path / "one", "d", 1)]
    sizes = []
    run = speaker_run(
        tmp_path / "out", head=lambda *size: sizes.append(size) or AngularMarginHead(*size)
    )
    added, _ = train_speakers(run, extractor, rows)
    assert added is None and extractor.encoder.embedding is embedding
    tuned = {name.split(".")[1] for name in changed(start, [extractor.encoder])}
    assert tuned == {"embedding", "speech_model"}  # the second step's are no longer frozen
    assert sizes == [(256, 3)]  # not the speaker of one utterance


def test_batch_norm_never_gets_a_single_utterance(tmp_path: Path):
    """Seven chunks of 0.2 s in batches of 0.45 s: two each, and a rest of one."""
    network = small_network("ecapa", embedding_dim=24)
    rows = write_speech(tmp_path / "speech", "abc")
    rows += [dataclasses.replace(rows[0], id="again")]
    tuning = settings(batch_seconds=0.45, least_items=2, epochs=3)
    run = experiment(tmp_path / "out", adapt="full", head=AngularMarginHead, tuning=tuning)
    train_speakers(run, FeatureExtractor(network, "ecapa"), rows)
    assert len(read_metrics(tmp_path / "out/metrics.jsonl")) == 3 * 3


def test_the_worst_trials_are_on_the_wrong_side_and_of_their_kind():
    rows = rows_of("abcdefgh")
    pairs = torch.tensor([[0, i] for i in range(8)])
    same = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1]).bool()
    trials = Trials(rows, pairs, same)
    scores = torch.tensor([0.1, 0.9, 0.8, 0.2, 0.7, 0.5, 0.0, 0.3], dtype=torch.float64)
    worst = worst_trials(trials, scores, threshold=0.45)
    assert [m.id for m in worst] == ["u0 / u2", "u0 / u3", "u0 / u4", "u0 / u7"]
    assert [m.score for m in worst] == [0.8, 0.2, 0.7, 0.3]
    assert [m.truth for m in worst] == ["different speakers", "same speaker"] * 2
    assert all(m.truth != m.prediction for m in worst)
    assert worst[0].audio == ("/0.wav", "/2.wav")


def test_every_wrong_trial_is_among_the_worst_whatever_the_page_shows():
    pairs = torch.tensor([[0, 1]] * 900 + [[0, 0]] * 100)
    trials = Trials(rows_of("ab"), pairs, pairs[:, 1] == 0)
    assert len(worst_trials(trials, torch.linspace(1.0, 0.0, 1000), threshold=0.5)) == 600


def test_two_trials_have_two_worst_or_none():
    trials = Trials(rows_of("ab"), torch.tensor([[0, 0], [0, 1]]), torch.tensor([True, False]))
    assert worst_trials(trials, torch.tensor([1.0, 0.0]), 1.0) == []
    assert [m.truth for m in worst_trials(trials, torch.tensor([0.0, 1.0]), 0.5)] == [
        "different speakers",
        "same speaker",
    ]


def manifest_of(path: Path, speakers: str) -> Path:
    wavs = [write_noise(path.parent / f"more{i}.wav", 8000) for i in range(len(speakers))]
    rows = "".join(f"{w.stem},0.5,{w},{s}\n" for w, s in zip(wavs, speakers, strict=True))
    path.write_text(f"ID,duration,wav,spk_id\n{rows}")
    return path


def test_added_speech_only_trains(tmp_path: Path):
    hparams = {"valid_share": 0.5, "seed": 0, "output_folder": tmp_path, "max_bad_share": 0.0}
    hparams["add_manifest"] = manifest_of(tmp_path / "a.csv", "xy")
    trials, train = unheard_trials(hparams, None, rows_of("abcdabcd"), ())
    held_out = {u.speaker for u in trials.utterances}
    assert len(held_out) == 2 and held_out < set("abcd")
    assert {u.speaker for u in train} == set("abcdxy") - held_out
    hparams["add_manifest"] = manifest_of(tmp_path / "a.csv", "x" + min(held_out))
    with pytest.raises(UserError, match="1 of their speakers train too"):
        unheard_trials(hparams, None, rows_of("abcdabcd"), ())


def test_speech_without_speakers_is_nobodys(tmp_path: Path):
    rows = [dataclasses.replace(u, speaker="") for u in rows_of("ab")]
    trials = Trials([], torch.empty(0, 2).long(), torch.empty(0).bool())
    plain = {"valid_share": 0.0, "add_manifest": None, "seed": 0}
    assert unheard_trials(plain, trials, rows, {"", "c"})[1] == rows
    with pytest.raises(UserError, match="u0 has no speaker"):
        unheard_trials(plain | {"valid_share": 0.5}, trials, rows, ())
