"""The ``model/`` of a downstream run: encoder, head and what they need, by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from mgf_brain.classification import FoldTrainer, Predictions
from mgf_brain.downstream_card import (
    Card,
    classifier_card,
    downstream_card,
    enhancer_card,
    recogniser_card,
    verifier_card,
)
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.write import dump_expanded, export_folder, new_node, plain
from mgf_brain.inference import Enhancer, SpeakerVerifier, SpeechRecognizer
from mgf_brain.inference.task import SpeechTask
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.nn import mask_head as enhancement
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.pretrained import encoder_node
from mgf_brain.transcription import head_sizes
from mgf_brain.verification import Calibration

Hparams = Mapping[str, Any]
Results = dict[str, Any]


def export_classifier(
    hparams: Hparams, trainer: FoldTrainer, made: Predictions, results: Results
) -> Path:
    """Write the model of one fold, see ``UtteranceClassifier``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    trainer : FoldTrainer
    made : Predictions
        Of the fold that was trained last.
    results : dict
        What ``results.json`` holds; the fold's name is added to it.

    Returns
    -------
    Path
        The folder.
    """
    model = trainer.classifier(made)
    parts = {
        "encoder": encoder_node(hparams["pretrained"], hparams["untrained"]),
        "head": new_node(hparams["probe"], **trainer.probe_sizes()),
        "labels": plain(model.labels),
    }
    card = classifier_card(results, made.fold, [u.speaker for u in made.utterances], model.labels)
    return _export(hparams, model, parts, results | {"exported_fold": made.fold}, card)


def export_verifier(
    hparams: Hparams,
    extractor: FeatureExtractor,
    embedding_dim: int,
    added: partial | None,
    calibration: Calibration | None,
    results: Results,
) -> Path:
    """Write the encoder with its embedding and a threshold, see ``SpeakerVerifier``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    extractor : FeatureExtractor
        With the encoder, tuned or not, and the statistics that standardise its embeddings.
    embedding_dim : int
        Channels of its embeddings.
    added : functools.partial, optional
        How the embedding was made that the run gave the encoder, see ``affine_layers``.
    calibration : Calibration, optional
        Of training speakers.
    results : dict
        What ``results.json`` holds; the calibration is added to it.

    Returns
    -------
    Path
        The folder.
    """
    settings = {"embedding_dim": embedding_dim}
    model = SpeakerVerifier(extractor.encoder, **settings)
    model.standardiser.mean[:] = extractor.mean
    model.standardiser.deviation[:] = extractor.deviation
    encoder = encoder_node(hparams["pretrained"], hparams["untrained"])
    if added:
        encoder["embedding"] = new_node(added)
    if calibration:
        settings["threshold"] = calibration.threshold
        results = results | {"calibration": asdict(calibration)}
    card = verifier_card(calibration, hparams["adapt"])
    return _export(hparams, model, {"encoder": encoder, **settings}, results, card)


def export_recogniser(
    hparams: Hparams,
    extractor: FeatureExtractor,
    head: CTCHead,
    tokens: Tokens | SentencePieceTokens,
    results: Results,
) -> Path:
    """Write encoder, head and symbols, see ``SpeechRecognizer``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    extractor : FeatureExtractor
        With the encoder, tuned or not.
    head : CTCHead
    tokens : Tokens or SentencePieceTokens
    results : dict
        What ``results.json`` holds.

    Returns
    -------
    Path
        The folder.
    """
    files = [tokens.path] if isinstance(tokens, SentencePieceTokens) else []
    parts = {
        "encoder": encoder_node(hparams["pretrained"], hparams["untrained"]),
        "head": new_node(hparams["head"], **head_sizes(extractor, tokens)),
        "tokens": files[0].name if files else _symbols(tokens),
    }
    model = SpeechRecognizer(extractor.encoder, head, tokens)
    return _export(hparams, model, parts, results, recogniser_card(results), files)


def export_enhancer(
    hparams: Hparams, extractor: FeatureExtractor, enhancer: Enhancer, results: Results
) -> Path:
    """Write encoder and head, see ``Enhancer``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    extractor : FeatureExtractor
        Of the same encoder.
    enhancer : Enhancer
    results : dict
        What ``results.json`` holds.

    Returns
    -------
    Path
        The folder.
    """
    parts = {
        "encoder": encoder_node(hparams["pretrained"], hparams["untrained"]),
        "head": new_node(hparams["head"], **enhancement.head_sizes(extractor)),
    }
    return _export(hparams, enhancer, parts, results, enhancer_card())


def _symbols(tokens: Tokens) -> Any:
    return new_node(Tokens, symbols=tokens.names[1:], separator=tokens.separator)


def _export(
    hparams: Hparams,
    model: SpeechTask,
    parts: Mapping[str, Any],
    results: Results,
    card: Card,
    files: Sequence[Path] = (),
) -> Path:
    """Write the folder; ``parts`` are the arguments of the model's class."""
    return export_folder(
        Path(hparams["output_folder"]) / "model",
        dict(model.named_children()),
        dump_expanded(parts),
        results,
        downstream_card(card, hparams, results),
        files,
    )
