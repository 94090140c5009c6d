"""The run that every recipe for speech enhancement shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from mgf_brain.data.augment.noisy_speech import (
    Mixed,
    Mixtures,
    make_mixture_loader,
    prepare_clean_folder,
    split_files,
)
from mgf_brain.data.augment.recordings import Recordings, audio_files
from mgf_brain.data.augment.waveform import Noise
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, require_speakers, split_speakers
from mgf_brain.downstream.finetuning import ADAPT, train_head
from mgf_brain.downstream.run import corpus_parts, finish_run, open_run, read_own
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import Enhancer
from mgf_brain.metrics.enhancement import enhancement_scores, mean_scores
from mgf_brain.run.experiment import Experiment, load_experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.enhancement.brain import EnhancementBrain
from mgf_brain.tasks.enhancement.model_folder import export_enhancer
from mgf_brain.tasks.enhancement.report import write_enhancement_page
from mgf_brain.tasks.enhancement.training import head_sizes
from mgf_brain.throughput import Throughput

TEST_SEED = 0  # of what own_mixtures holds out: runs of all seeds are scored on the same
STANDARDISED = 20  # batches, ten minutes of speech: enough for the mean of every channel

Data = tuple[Mixtures, Mixtures]  # training and test


def enhance_speech(
    recipe: str, corpus: str, dataio_prepare: Callable[[dict[str, Any]], Data]
) -> None:
    """Read the yaml, prepare the data, train a head, score it once, write results and report.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data, ``valid_share`` already held out.
    """
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    hparams = experiment.hparams
    extractor = open_run(experiment, ADAPT)
    train, test = dataio_prepare(hparams)
    assert_disjoint_speakers(train=train.utterances, test=test.utterances)
    _check_durations([*train.utterances, *test.utterances], extractor)
    enhancer, throughput = train_enhancer(experiment, extractor, train)
    scores = score_mixtures(enhancer, test)
    tuned = hparams["adapt"] != "frozen"
    results = finish_run(
        experiment,
        train.utterances,
        nn.ModuleList([enhancer.encoder, enhancer.head]) if tuned else enhancer.head,
        mean_scores(scores),
        recipe=recipe,
        started=started,
        throughput=throughput,
    )
    export_enhancer(hparams, extractor, enhancer, results)
    write_enhancement_page(hparams, recipe, enhancer, test, scores)


def _check_durations(utterances: Sequence[Utterance], extractor: FeatureExtractor) -> None:
    frame = extractor.window / extractor.encoder.sample_rate
    for u in utterances:
        if u.duration < frame:
            raise UserError(f"{u.wav} is shorter than a frame, {frame:.3f} s. Remove it.")


def train_enhancer(
    experiment: Experiment, extractor: FeatureExtractor, train: Mixtures
) -> tuple[Enhancer, Throughput]:
    """Train a head on the layers of noisy speech, then if asked the encoder with it.

    Arguments
    ---------
    experiment : Experiment
        ``adapt``: "frozen", "two_step" or "full"; the last two change the extractor's encoder.
    extractor : FeatureExtractor
    train : Mixtures

    Returns
    -------
    Enhancer
        In evaluation mode.
    Throughput
        Of training.
    """
    hparams = experiment.hparams
    head = hparams["head"](**head_sizes(extractor)).to(extractor.device)
    enhancer = Enhancer(extractor.encoder, head)
    loader = make_mixture_loader(train, hparams, hparams["seed"])
    standardise(enhancer, loader, extractor.device)
    log = TrainingLog(hparams["output_folder"])
    steps = {"frozen": ["head_training"], "full": ["tuning"]}
    for name in steps.get(hparams["adapt"], ["head_training", "tuning"]):
        parts = (experiment, extractor.encoder, head, loader, {}, log, hparams[name])
        train_head(EnhancementBrain, *parts)
    return enhancer.eval(), log.throughput


@torch.no_grad()
def standardise(enhancer: Enhancer, loader: DataLoader, device: str) -> None:
    """Set mean and deviation of the layers by the first batches of noisy speech."""
    batches = (batch.to(device) for batch in islice(loader, STANDARDISED))
    encoded = (enhancer.encoder.encode(batch.noisy, batch.lengths) for batch in batches)
    enhancer.head.standardise(
        row[:count]
        for states, frames in encoded
        for row, count in zip(torch.stack(states, dim=2), frames, strict=True)
    )


def score_mixtures(enhancer: Enhancer, test: Mixtures) -> list[dict[str, float]]:
    """Scores of each utterance, in their order, see ``enhancement_scores``.

    Arguments
    ---------
    enhancer : Enhancer
    test : Mixtures

    Returns
    -------
    list of dict of str to float

    Raises
    ------
    UserError
        If a clean utterance is silent.
    """
    scores = []
    for utterance in tqdm(test.utterances, desc="enhancement", unit="utt", leave=False):
        noisy, clean = test.fixed(utterance)
        if not clean.any():
            raise UserError(f"{utterance.wav} is silent. Remove it from the corpus.")
        enhanced = enhancer.enhance(noisy, enhancer.encoder.sample_rate)
        scores.append(enhancement_scores(clean, noisy, enhanced))
    return scores


def own_mixtures(hparams: Mapping[str, Any]) -> Data:
    """Training and test mixtures of one's own clean speech and noise, with nothing in common.

    The test holds the manifest's fold "test" or, without one, ``test_share`` of the speakers, and
    ``test_share`` of the noise files. With ``valid_share``, as much of what then trains is scored
    in its place.

    Arguments
    ---------
    hparams : mapping

    Returns
    -------
    tuple of two Mixtures

    Raises
    ------
    UserError
        If speech or noise is missing, or there is too little of them to hold some out.
    """
    if not hparams["noise_folder"]:
        raise UserError("noise_folder: there is nothing to mix in. Pass --noise_folder <folder>.")
    speech = split_own_speech(_clean_speech(hparams), hparams["test_share"])
    files = audio_files(hparams["noise_folder"], "noise_folder")
    files = sorted({path.resolve() for path in files})  # two links to one file count once
    noise = split_files(files, hparams["test_share"], TEST_SEED)
    if hparams["valid_share"]:
        share, seed = hparams["valid_share"], hparams["seed"]
        speech = split_speakers(speech[0], share, seed=seed)
        noise = split_files(noise[0], share, seed)
    low, high = hparams["snr"]
    if low > high:
        raise UserError(f"snr: {hparams['snr']} is no range. Give lowest and highest value.")
    train, test = (Recordings.of_files(paths, hparams["noise_cache_mb"]) for paths in noise)
    return (
        Mixtures(speech[0], Mixed(Noise(train, (low, high)))),
        Mixtures(speech[1], Mixed(Noise(test, (low, high)))),
    )


def split_own_speech(
    utterances: Sequence[Utterance], test_share: float
) -> tuple[list[Utterance], list[Utterance]]:
    """Training and test utterances: by the fold "test" if there is one, else by speaker.

    Example
    -------
    >>> rows = [Utterance(f"u{i}", 1.0, "/a.wav", f"s{i}") for i in range(10)]
    >>> [len(part) for part in split_own_speech(rows, 0.2)]
    [8, 2]
    """
    require_speakers(utterances)
    test = [u for u in utterances if u.fold == "test"]
    if not test:
        return split_speakers(utterances, test_share, seed=TEST_SEED)
    return [u for u in utterances if u.fold != "test"], test


def _clean_speech(hparams: Mapping[str, Any]) -> list[Utterance]:
    """The rows of the manifest, or the files of the data folder."""
    if hparams["manifest"]:
        return read_own(hparams, ("spk_id",))
    if not hparams["data_folder"]:
        raise UserError("data_folder: no clean speech is named. Pass --data_folder or --manifest.")
    (rows,) = corpus_parts(hparams, prepare_clean_folder).values()
    return rows
