"""Error rates, decoding, and alignments."""

from __future__ import annotations

import dataclasses
import random
from functools import partial
from pathlib import Path

import pytest
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference.tokens import Tokens
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.tasks.transcription.training import (
    Transcript,
    alignments,
    error_counts,
    error_rates,
    token_set,
    train_recogniser,
    transcribe,
)
from tests.small_runs import changed, experiment, settings, speaker_encoder, weights, write_speech

ROW = Utterance("u", 1.0, "/a.wav", "s")


def distance(truth: list[str], made: list[str]) -> int:
    """Levenshtein's, by dynamic programming."""
    row = list(range(len(made) + 1))
    for i, symbol in enumerate(truth, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(made, 1):
            cost = min(row[j] + 1, row[j - 1] + 1, above + (symbol != other))
            above, row[j] = row[j], cost
    return row[-1]


def random_transcripts(count: int = 60) -> list[Transcript]:
    draw = random.Random(0)

    def text(least: int) -> str:
        count = draw.randint(least, 7)
        return " ".join(draw.choice(("AB", "B", "CA", "ABC")) for _ in range(count))

    return [Transcript(ROW, text(1), text(0)) for _ in range(count)]


def test_error_rates_are_those_of_the_edit_distance():
    made = random_transcripts()
    words = [(t.reference.split(), t.hypothesis.split()) for t in made]
    characters = [(list(t.reference), list(t.hypothesis)) for t in made]
    wer, cer = (
        100 * sum(distance(*pair) for pair in pairs) / sum(len(truth) for truth, _ in pairs)
        for pairs in (words, characters)
    )
    assert error_rates(made) == pytest.approx({"wer": wer, "cer": cer})
    assert error_rates(made, phones=True) == pytest.approx({"per": wer})
    assert error_counts(made).tolist() == [[distance(*pair), len(pair[0])] for pair in words]


def test_nothing_recognised_is_all_deleted():
    made = [Transcript(ROW, "A B", ""), Transcript(ROW, "C", "")]
    assert error_rates(made) == {"wer": 100.0, "cer": 100.0}
    assert error_counts(made).tolist() == [[2, 2], [1, 1]]


def test_parts_have_the_rates_that_they_have_alone():
    rows = [dataclasses.replace(ROW, fold=f"test-{x}") for x in ("clean", "other", "clean")]
    texts = [("A B", "A"), ("A", "B"), ("C", "C")]
    made = [Transcript(row, *pair) for row, pair in zip(rows, texts, strict=True)]
    rates, clean = error_rates(made), error_rates(made[::2])
    assert list(clean) == ["wer", "cer"]  # of a single part: its own and the pooled are one
    assert {n: rates[f"{n}_test-clean"] for n in clean} == clean
    assert rates["wer"] == 50.0 and rates["wer_test-other"] == 100.0 and len(rates) == 6


def test_alignments_show_both_texts_and_mark_errors():
    other = dataclasses.replace(ROW, id="v")
    text = alignments([Transcript(ROW, "WE CALL IT", "WE TALL"), Transcript(other, "A", "A")])
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert lines == [
        ["u"],
        ["REF:", "WE", "CALL", "IT"],
        ["HYP:", "WE", "TALL", "**"],
        ["S", "D"],
        ["v"],
        ["REF:", "A"],
        ["HYP:", "A"],
    ]


def test_every_utterance_is_transcribed_by_itself(tmp_path: Path):
    rows = write_speech(tmp_path, "ab")
    extractor = FeatureExtractor(LogMelFeatures(), "fbank")
    head = CTCHead(1, 80, 160, tokens=4).eval()
    texts = {u.id: u.id.upper() for u in rows}
    made = transcribe(head, extractor, rows[::-1], texts, lambda scores: str(tuple(scores.shape)))
    assert {t.utterance.id: t.reference for t in made} == texts
    assert {t.hypothesis for t in made} == {"(14, 4)"}  # 28 frames of 10 ms
    assert not any(p.grad is not None for p in head.parameters())


@pytest.mark.parametrize("adapt", ["frozen", "two_step", "full", "lora"])
@pytest.mark.parametrize("hours", [1.0, 0.0])  # states in memory, or waveforms in every epoch
def test_what_training_changes(tmp_path: Path, adapt: str, hours: float):
    rows = write_speech(tmp_path / "speech", "ab")
    extractor = FeatureExtractor(speaker_encoder(), "tiny", cache_gb=1.0)
    start, texts = weights(extractor.encoder), {u.id: "AB A" for u in rows}
    run = experiment(
        tmp_path / "out",
        adapt=adapt,
        head=partial(CTCHead, hidden=8, layers=1),
        head_training=settings(tune_encoder=False),
        tuning=settings(),
        batch_seconds=1.0,
        states_in_memory_hours=hours,
    )
    head, throughput = train_recogniser(run, extractor, rows, texts, Tokens.of(texts.values()))
    trainings = (adapt != "full" and not hours) + (adapt != "frozen")  # on waveforms
    assert throughput.audio_s == pytest.approx(trainings * 4 * 0.2)
    assert not head.training and head.tokens == 4
    start |= {n: p.new_zeros(()) for n, p in weights(extractor.encoder).items() if n not in start}
    tuned = {n for n in changed(start, [extractor.encoder]) if "speech_model" in n}
    assert bool(tuned) == (adapt != "frozen")
    assert extractor.cache_gb == (1.0 if adapt == "frozen" else 0.0)
    assert float(head.deviation.min()) > 0 and not torch.equal(head.mean, torch.zeros(3, 32))


def test_token_sets(tmp_path: Path):
    texts = ["WE CALL IT BEAR", "CALL WE"] * 3
    assert token_set({"units": 0}, texts, tmp_path).names[1:3] == [" ", "A"]
    assert len(token_set({"units": 14}, texts, tmp_path)) == 15
    assert (tmp_path / "units.model").is_file()
