"""Training a head that enhances speech, alone or with its encoder, and scoring it."""

from __future__ import annotations

from itertools import islice

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from mgf_brain.data.augment.noisy_speech import Mixtures, make_mixture_loader
from mgf_brain.downstream.finetuning import train_head
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import Enhancer
from mgf_brain.metrics.enhancement import enhancement_scores
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.enhancement.brain import EnhancementBrain
from mgf_brain.tasks.enhancement.model_folder import mask_head_sizes
from mgf_brain.throughput import Throughput

STANDARDISED = 20  # batches, ten minutes of speech: enough for the mean of every channel


def train_enhancer(
    experiment: Experiment, extractor: FeatureExtractor, train: Mixtures
) -> tuple[Enhancer, Throughput]:
    """Train a head on the layers of noisy speech, then if asked the encoder with it.

    Arguments
    ---------
    experiment : Experiment
        ``adapt``: "frozen", "two_step", "full" or "lora"; all but the first change the
        extractor's encoder.
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
    head = hparams["head"](**mask_head_sizes(extractor)).to(extractor.device)
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
