"""What the papers claim, as comparisons of two systems, and whether runs confirm it.

A difference is that of ``mgf_brain.reports.differences``: over drawn test speakers and seeds. Which
comparisons there are was written down before any of these runs: p is of each by itself.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from experiments.results.plan import Results
from experiments.results.systems import EMOTIONS, SPEAKERS, metrics_of
from mgf_brain.bench.runs import Run
from mgf_brain.files import open_atomic
from mgf_brain.metrics.names import metric_read
from mgf_brain.reports.differences import CHANCE, Difference, difference
from mgf_brain.reports.run_scores import run_sample
from mgf_brain.reports.samples import Sample, joined

COLUMNS = ("better", "worse", "task", "score", "difference", "low", "high", "p")


class Comparison(NamedTuple):
    """That one system is better than another on a task, by its first score."""

    better: str
    worse: str
    task: str

    @property
    def score(self) -> str:
        """Which ranks."""
        return metrics_of(self.task)[0]


class Claim(NamedTuple):
    """A sentence of a paper, and the comparisons that confirm or refute it."""

    paper: str
    text: str
    comparisons: tuple[Comparison, ...]


def each(better: str, worse: str, *tasks: str) -> tuple[Comparison, ...]:
    """The same two on several tasks.

    Example
    -------
    >>> each("mgf", "fbank", "phones")
    (Comparison(better='mgf', worse='fbank', task='phones'),)
    """
    return tuple(Comparison(better, worse, task) for task in tasks)


MGF = "MGF (Zhao et al. 2021)"
DINO = "DINO for speech (Cho et al. 2022)"
PROGRE = "ProgRE (Wang et al. 2024)"
MT4SSL = "MT4SSL (Ma et al. 2023)"
OURS = "MGF 2 (ours)"
RECOGNITION = ("phones", "phone_recognition", "asr")
CLAIMS = (
    Claim(
        MGF,
        "Targets and losses of different time scales complement each other: without one, less is "
        "learnt.",
        each("mgf", "mgf_no_sample", "phones", SPEAKERS[1], EMOTIONS[0])
        + each("mgf", "mgf_no_frame", "phones", SPEAKERS[1], EMOTIONS[0])
        + each("mgf", "mgf_no_phoneme", "phones", "phone_recognition")
        + each("mgf", "mgf_no_utterance", *SPEAKERS),
    ),
    Claim(
        MGF,
        "At small scales the loss is to be generative: a contrastive one of frames is worse.",
        each("mgf", "mgf_frame_contrastive", "phones", SPEAKERS[1], EMOTIONS[0]),
    ),
    Claim(
        MGF,
        "At the phonemes' scale the loss is to be discriminative: regression is worse.",
        each("mgf", "mgf_phoneme_regression", "phones", "phone_recognition"),
    ),
    Claim(
        DINO,
        "Self-distillation makes better speaker embeddings than a contrastive loss.",
        each("dino", "contrastive", *SPEAKERS) + each("mgf_dino", "mgf", *SPEAKERS),
    ),
    Claim(
        DINO,
        "Fine-tuned with labels it is better than an x-vector trained with them.",
        each("dino_two_step", "xvector", SPEAKERS[1]),
    ),
    Claim(
        DINO,
        "To tune the last affine layers first is better than to tune all at once.",
        each("dino_two_step", "dino_full", SPEAKERS[1]),
    ),
    Claim(
        DINO,
        "Augmentation helps to recognise emotion.",
        each("dino_augmented", "dino", *EMOTIONS),
    ),
    Claim(
        PROGRE,
        "Content, speaker, emotion and enhancement all gain over HuBERT.",
        each("progre", "hubert", *RECOGNITION, *SPEAKERS, *EMOTIONS, "enhancement"),
    ),
    Claim(
        PROGRE,
        "To subtract what was extracted helps.",
        each("progre", "progre_kept", "phones", "phone_recognition", *SPEAKERS, *EMOTIONS),
    ),
    Claim(
        MT4SSL,
        "Offline and online targets together are better than either.",
        each("mt4ssl", "hubert_1000", *RECOGNITION) + each("mt4ssl", "data2vec", *RECOGNITION),
    ),
    Claim(
        OURS,
        "One encoder is better than each specialist where that one is best (and trained for less "
        "time).",
        each("mgf2", "hubert", *RECOGNITION)
        + each("mgf2", "dino", *SPEAKERS)
        + each("mgf2", "progre", EMOTIONS[0]),  # RAVDESS has speakers that its settings are from
    ),
)
Differences = Mapping[Comparison, Difference]


def compared() -> Iterator[Comparison]:
    """All comparisons."""
    for claim in CLAIMS:
        yield from claim.comparisons


def measure(results: Results) -> dict[Comparison, Difference]:
    """The differences of all comparisons of which both systems have runs."""
    found = {}
    for it in compared():
        first, second = (
            _sample(results.task_runs(name, it.task), it.score) for name in (it.better, it.worse)
        )
        if first and second:
            found[it] = difference(it.better, it.worse, first, second)
    return found


def _sample(runs: list[Run], score: str) -> Sample | None:
    done = [run for run in runs if run.results()]
    samples = [run_sample(run.folder, score) for run in done]
    known = [sample for sample in samples if sample]
    return joined(known) if known and len(known) == len(samples) else None


def read_differences(path: Path) -> dict[Comparison, Difference]:
    """Those of a file; none of one that isn't there."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            Comparison(row["better"], row["worse"], row["task"]): Difference(
                row["better"],
                row["worse"],
                *(float(row[name]) for name in COLUMNS[4:]),
            )
            for row in csv.DictReader(file)
        }


def write_differences(path: Path, found: Differences) -> None:
    """Write those that claims still ask for, in their order."""
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for it in dict.fromkeys(compared()):
            if it in found:
                d = found[it]
                numbers = (f"{x:.7g}" for x in (d.value, d.low, d.high, d.p))
                writer.writerow([*it, it.score, *numbers])


def verdict(it: Comparison, found: Difference | None) -> str:
    """Whether a comparison confirms its claim.

    Example
    -------
    >>> it = Comparison("dino", "contrastive", "verification-speechocean762")
    >>> verdict(it, Difference("dino", "contrastive", -1.0, -1.5, -0.5, 0.01))
    'confirmed'
    >>> verdict(it, Difference("dino", "contrastive", 1.0, -0.5, 2.5, 0.2)), verdict(it, None)
    ('not shown', 'not run')
    """
    if found is None:
        return "not run"
    if not math.isfinite(found.p) or found.p >= CHANCE:
        return "not shown"
    gain = -found.value if metric_read(it.score).better == "lower" else found.value
    return "confirmed" if gain > 0 else "refuted"
