"""Speaker verification: embeddings of frozen or fine-tuned networks, and the back-ends' scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.back_ends import (
    Plda,
    adaptive_s_norm,
    centre,
    cosine_scores,
    speaker_means,
)
from mgf_brain.downstream.finetuning import HEAD_FIRST, tunable, tune
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import SpeechEncoder
from mgf_brain.metrics.detection import eer, min_dcf
from mgf_brain.nn.pooling import UtteranceHead
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.verification.brain import VerificationBrain
from mgf_brain.throughput import Throughput

COHORT = 2000  # speakers whose scores normalise others; more change little


def repeated_speakers(utterances: Sequence[Utterance], least: int = 2) -> list[Utterance]:
    """Utterances of speakers with at least so many: one recording teaches no variation.

    Example
    -------
    >>> rows = [Utterance(f"u{i}", 1.0, "/a.wav", s) for i, s in enumerate("aab")]
    >>> [u.id for u in repeated_speakers(rows)]
    ['u0', 'u1']
    """
    counts: dict[str, int] = {}
    for u in utterances:
        counts[u.speaker] = counts.get(u.speaker, 0) + 1
    return [u for u in utterances if counts[u.speaker] >= least]


def train_speakers(
    experiment: Experiment, extractor: FeatureExtractor, train: Sequence[Utterance]
) -> tuple[partial[UtteranceHead] | None, Throughput]:
    """Fine-tune an encoder, or train a network from scratch, to tell speakers apart.

    Arguments
    ---------
    experiment : Experiment
        ``adapt`` "two_step" trains the last affine layers first, then everything, "lora" then
        what it adds to the encoder.
    extractor : FeatureExtractor
        Its encoder is changed; one without affine layers in its embedding gets some.
    train : sequence of Utterance
        Those of speakers with a single utterance are left out.

    Returns
    -------
    functools.partial or None
        How the affine layers were made that it was given, see ``affine_layers``.
    Throughput
        Of training.

    Raises
    ------
    UserError
        If fewer than two speakers have two utterances.
    """
    hparams = experiment.hparams
    extractor.cache_gb = 0.0  # no other run has this encoder
    train = repeated_speakers(train)
    speakers = sorted({u.speaker for u in train})
    if len(speakers) < 2:
        raise UserError("fine-tuning needs two speakers with two utterances each; add speech.")
    encoder = tunable(extractor.encoder)
    if added := affine_layers(encoder):
        encoder.embedding = added().to(extractor.device)
    width = extractor.embeddings(train[:1]).shape[1]
    head = hparams["head"](width, len(speakers)).to(extractor.device)
    numbers = {name: number for number, name in enumerate(speakers)}
    targets = {u.id: numbers[u.speaker] for u in train}
    log = TrainingLog(hparams["output_folder"])
    shared = (VerificationBrain, experiment, encoder, head, train, targets, log)
    if hparams["adapt"] in HEAD_FIRST:
        tune(*shared, hparams["head_training"])
    tune(*shared, hparams["tuning"])
    return added, log.throughput


def affine_layers(encoder: SpeechEncoder) -> partial[UtteranceHead] | None:
    """How to make the affine layers of an embedding that has none.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> affine_layers(example_encoder()).keywords
    {'dim': 32, 'colour_dim': 160}
    """
    if list(encoder.embedder.parameters()):
        return None
    colour_dim = encoder.speech_model.front_end.colour_dim
    return partial(UtteranceHead, dim=encoder.dim, colour_dim=colour_dim)


def score_trials(
    embeddings: torch.Tensor,
    pairs: torch.Tensor,
    train: Sequence[Utterance],
    known: torch.Tensor,
    plda_dim: int,
) -> dict[str, torch.Tensor]:
    """Scores of every back-end: "" is the raw cosine; the others need training utterances.

    Arguments
    ---------
    embeddings : torch.Tensor
        (N, E), of the trials' utterances.
    pairs : torch.Tensor
        (trials, 2) int64.
    train : sequence of Utterance
        With speakers; may be empty.
    known : torch.Tensor
        (utterances, E), their embeddings.
    plda_dim : int
        Dimensions that PLDA keeps; fewer if there are fewer speakers.

    Returns
    -------
    dict of str to torch.Tensor
        "", "centred", "snorm" and "plda": (trials,) float64.

    Example
    -------
    >>> embeddings, pairs = torch.eye(2), torch.tensor([[0, 0], [0, 1]])
    >>> scores = score_trials(embeddings, pairs, [], known=torch.empty(0, 2), plda_dim=1)
    >>> {back_end: values.tolist() for back_end, values in scores.items()}
    {'': [1.0, 0.0]}
    """
    scores = {"": cosine_scores(embeddings, pairs)}
    if not train:
        return scores
    speakers = [u.speaker for u in train]
    moved = centre(embeddings, known)
    scores["centred"] = cosine_scores(moved, pairs)
    cohort = speaker_means(centre(known, known), speakers)
    generator = torch.Generator().manual_seed(0)
    cohort = cohort[torch.randperm(len(cohort), generator=generator)[:COHORT]]
    if len(cohort) > 1:  # one score has no deviation
        top = min(300, max(2, len(cohort) // 2))
        scores["snorm"] = adaptive_s_norm(scores["centred"], moved, pairs, cohort, top=top)
    repeated = {u.speaker for u in repeated_speakers(train)}
    if len(repeated) >= 10:  # fewer say nothing of how speakers differ
        scores["plda"] = Plda(dim=plda_dim).fit(known, speakers).score(embeddings, pairs)
    return scores


def verification_metrics(scores: torch.Tensor, same: torch.Tensor) -> dict[str, float]:
    """EER in percent, and normalised minimum costs at target priors of 0.01 and 0.05.

    Example
    -------
    >>> scores, same = torch.tensor([0.9, 0.8, 0.1, 0.2]), torch.tensor([1, 1, 0, 0]).bool()
    >>> verification_metrics(scores, same)
    {'eer': 0.0, 'min_dcf': 0.0, 'min_dcf_p05': 0.0}
    """
    split = scores[same].numpy(), scores[~same].numpy()
    return {
        "eer": eer(*split),
        "min_dcf": min_dcf(*split, p_target=0.01),
        "min_dcf_p05": min_dcf(*split, p_target=0.05),
    }


def back_end_metrics(scores: Mapping[str, torch.Tensor], same: torch.Tensor) -> dict[str, float]:
    """``verification_metrics`` of every back-end, its name behind theirs.

    Example
    -------
    >>> scores, same = {"plda": torch.tensor([2.0, 1.0])}, torch.tensor([True, False])
    >>> back_end_metrics(scores, same)
    {'eer_plda': 0.0, 'min_dcf_plda': 0.0, 'min_dcf_p05_plda': 0.0}
    """
    return {
        metric_name(key, back_end): value
        for back_end, values in scores.items()
        for key, value in verification_metrics(values, same).items()
    }


def metric_name(metric: str, back_end: str) -> str:
    """A metric of a back-end; that of the raw cosine, "", has the metric's own name.

    Example
    -------
    >>> metric_name("eer", ""), metric_name("eer", "plda")
    ('eer', 'eer_plda')
    """
    return f"{metric}_{back_end}" if back_end else metric
