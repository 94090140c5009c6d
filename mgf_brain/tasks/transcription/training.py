"""Writing down what was said: training and error rates of CTC recognisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jiwer
import numpy as np
import torch

from mgf_brain.data.batches.features import make_feature_loader
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.finetuning import train_head, tune
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.transcription.brain import CTCBrain
from mgf_brain.tasks.transcription.decoding import Decode
from mgf_brain.tasks.transcription.model_folder import ctc_head_sizes
from mgf_brain.throughput import Throughput


@dataclass
class Transcript:
    """What was said and what the recogniser wrote."""

    utterance: Utterance
    reference: str
    hypothesis: str


def train_recogniser(
    experiment: Experiment,
    extractor: FeatureExtractor,
    train: Sequence[Utterance],
    texts: Mapping[str, str],
    tokens: Tokens | SentencePieceTokens,
) -> tuple[CTCHead, Throughput]:
    """Train a head on frozen features, then if asked the encoder with it.

    Arguments
    ---------
    experiment : Experiment
        ``adapt``: "frozen", "two_step", "full" or "lora"; all but the first change the
        extractor's encoder.
    extractor : FeatureExtractor
    train : sequence of Utterance
    texts : mapping of str to str
        Transcripts by id.
    tokens : Tokens or SentencePieceTokens

    Returns
    -------
    CTCHead
    Throughput
        Of training on waveforms; nothing where the head was trained on states in memory.
    """
    hparams, device = experiment.hparams, experiment.run_opts["device"]
    log = TrainingLog(hparams["output_folder"])
    targets = {u.id: torch.tensor(tokens.encode(texts[u.id])) for u in train}
    head = hparams["head"](**ctc_head_sizes(extractor, tokens)).to(device)
    shared = (experiment, extractor.encoder, head)
    shortest = sorted(train, key=lambda u: u.duration)
    if hparams["adapt"] == "full":
        head.standardise(extractor.states(shortest))
    elif sum(u.duration for u in train) <= 3600 * hparams["states_in_memory_hours"]:
        states = dict(zip((u.id for u in shortest), extractor.states(shortest), strict=True))
        head.standardise(states.values())
        loader = make_feature_loader(train, states, hparams["batch_seconds"], hparams["seed"])
        train_head(CTCBrain, *shared, loader, targets, log, hparams["head_training"])
        del states, loader
    else:
        head.standardise(extractor.states(shortest))
        tune(CTCBrain, *shared, train, targets, log, hparams["head_training"])
    if hparams["adapt"] != "frozen":
        extractor.cache_gb = 0.0  # no other run has this encoder
        tune(CTCBrain, *shared, train, targets, log, hparams["tuning"])
    return head.eval(), log.throughput


@torch.no_grad()
def transcribe(
    head: CTCHead,
    extractor: FeatureExtractor,
    utterances: Sequence[Utterance],
    texts: Mapping[str, str],
    decode: Decode,
) -> list[Transcript]:
    """Recognise whole utterances, from the shortest to the longest."""
    rows = sorted(utterances, key=lambda u: u.duration)
    made = []
    for u, states in zip(rows, extractor.states(rows), strict=True):
        lengths = torch.tensor([len(states)], device=head.mean.device)
        log_probabilities, _ = head(states[None].to(lengths.device), lengths)
        made.append(Transcript(u, texts[u.id], decode(log_probabilities[0].cpu())))
    return made


def by_part(made: Sequence[Transcript]) -> dict[str, list[Transcript]]:
    """All transcripts, and beside them those of each part where the test has several.

    Arguments
    ---------
    made : sequence of Transcript
        The ``fold`` of an utterance is its part.

    Returns
    -------
    dict of str to list of Transcript
        By what a metric's name ends in: nothing, or ``_`` and the part.

    Example
    -------
    >>> rows = [Utterance("u", 1.0, "/a.wav", "s", fold=f"test-{x}") for x in ("clean", "other")]
    >>> list(by_part([Transcript(row, "A", "A") for row in rows]))
    ['', '_test-clean', '_test-other']
    """
    parts = sorted({t.utterance.fold for t in made if t.utterance.fold})
    named = {f"_{part}": [t for t in made if t.utterance.fold == part] for part in parts}
    return {"": list(made)} | (named if len(parts) > 1 else {})


def error_rates(made: Sequence[Transcript], phones: bool = False) -> dict[str, float]:
    """PER of phones, or WER and CER of words, in percent of the reference's symbols.

    Where the test has several parts, theirs stand beside those of all: ``wer_test-clean``.

    Example
    -------
    >>> row = Utterance("u", 1.0, "/a.wav", "s")
    >>> error_rates([Transcript(row, "A B C D", "A B X D")], phones=True)
    {'per': 25.0}
    """
    return {
        f"{name}{part}": rate
        for part, rows in by_part(made).items()
        for name, rate in _error_rates(rows, phones).items()
    }


def _error_rates(made: Sequence[Transcript], phones: bool) -> dict[str, float]:
    references, hypotheses = [t.reference for t in made], [t.hypothesis for t in made]
    if phones:
        return {"per": 100.0 * jiwer.wer(references, hypotheses)}
    return {
        "wer": 100.0 * jiwer.wer(references, hypotheses),
        "cer": 100.0 * jiwer.cer(references, hypotheses),
    }


def error_counts(made: Sequence[Transcript]) -> np.ndarray:
    """Wrong words or phones of each utterance, and those of its reference: (utterances, 2) int64.

    Example
    -------
    >>> row = Utterance("u", 1.0, "/a.wav", "s")
    >>> error_counts([Transcript(row, "A B C", "A X")]).tolist()
    [[2, 3]]
    """
    return _counts([jiwer.process_words(t.reference, t.hypothesis) for t in made])


def rate_counts(made: Sequence[Transcript], phones: bool = False) -> dict[str, np.ndarray]:
    """Errors and symbols of each utterance, by the names of ``error_rates``: (utterances, 2).

    Utterances that are not of the rate's part have no symbols there.

    Example
    -------
    >>> made = [Transcript(Utterance("u", 1.0, "/a.wav", "s"), "A B", "A X")]
    >>> {name: rows.tolist() for name, rows in rate_counts(made).items()}
    {'wer': [[1, 2]], 'cer': [[1, 3]]}
    """
    counts = {"per" if phones else "wer": error_counts(made)}
    if not phones:
        counts["cer"] = _counts([jiwer.process_characters(t.reference, t.hypothesis) for t in made])
    folds = [f"_{t.utterance.fold}" for t in made]
    places = {part: np.array([part in ("", fold) for fold in folds]) for part in by_part(made)}
    return {
        f"{name}{part}": np.where(inside[:, None], rows, 0)
        for part, inside in places.items()
        for name, rows in counts.items()
    }


def _counts(outputs: Sequence[jiwer.WordOutput | jiwer.CharacterOutput]) -> np.ndarray:
    errors = [o.substitutions + o.deletions + o.insertions for o in outputs]
    return np.array([errors, [o.hits + o.substitutions + o.deletions for o in outputs]]).T


def alignments(made: Sequence[Transcript]) -> str:
    """Each utterance's id, its reference and hypothesis one above the other, and errors marked.

    Example
    -------
    >>> row = Utterance("u7", 1.0, "/a.wav", "s")
    >>> print(alignments([Transcript(row, "WE CALL IT", "WE TALL")]))
    u7
    REF: WE CALL IT
    HYP: WE TALL **
               S  D
    <BLANKLINE>
    """
    return "\n".join(f"{t.utterance.id}\n{_aligned(t)}" for t in made)


def _aligned(made: Transcript) -> str:
    output = jiwer.process_words(made.reference, made.hypothesis)
    text = jiwer.visualize_alignment(output, show_measures=False, skip_correct=False)
    return text.partition("\n\n")[2]  # without the heading, "SENTENCE 1"


def token_set(hparams: Mapping[str, Any], texts: Sequence[str], folder: Any) -> Any:
    """Characters, or as many SentencePiece units as ``units`` says, of training texts.

    Example
    -------
    >>> token_set({"units": 0}, ["BA", "AB"], folder=None).names
    ['<blank>', 'A', 'B']
    """
    if hparams["units"]:
        return SentencePieceTokens.train(texts, hparams["units"], folder / "units.model")
    return Tokens.of(texts)
