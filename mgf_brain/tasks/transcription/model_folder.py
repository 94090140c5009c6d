"""The recogniser, its folder and its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mgf_brain.downstream.card import USE, Card
from mgf_brain.downstream.model_folder import Hparams, Results, export_model
from mgf_brain.downstream.pretrained import run_encoder_node
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.write import new_node
from mgf_brain.inference import SpeechRecognizer
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.nn.ctc_head import CTCHead


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
    units = isinstance(tokens, SentencePieceTokens)
    files = [tokens.path] if units else []
    parts = {
        "encoder": run_encoder_node(hparams, extractor.encoder),
        "head": new_node(hparams["head"], **ctc_head_sizes(extractor, tokens)),
        "tokens": tokens.path.name if units else _symbols(tokens),
    }
    model = SpeechRecognizer(extractor.encoder, head, tokens)
    return export_model(hparams, model, parts, results, recogniser_card(results), files)


def _symbols(tokens: Tokens) -> Any:
    return new_node(Tokens, symbols=tokens.names[1:], separator=tokens.separator)


def recogniser_card(results: Mapping[str, Any]) -> Card:
    """Of a model that writes words or phones; ``results`` is what ``results.json`` holds.

    Example
    -------
    >>> [recogniser_card({"metrics": {name: 9.5}}).title for name in ("per", "wer")]
    ['Phone recognition', 'Speech recognition']
    """
    phones = "per" in results["metrics"]
    return Card(
        title=f"{'Phone' if phones else 'Speech'} recognition",
        summary=f"Writes down the {'phones' if phones else 'words'} of an utterance, by CTC.",
        code=USE.substitute(
            kind="SpeechRecognizer", call='model.transcribe("speech.wav")', made="# str"
        ),
        limit="It writes only what it has seen in its training transcripts, without punctuation.",
        pipeline_tag="automatic-speech-recognition",
        notes=(
            "The class decodes greedily, as for the scores whose names do not end in `_beam`; "
            "files of more than 30 s are cut into overlapping chunks.",
        ),
    )


def ctc_head_sizes(
    extractor: FeatureExtractor, tokens: Tokens | SentencePieceTokens
) -> dict[str, int]:
    """Arguments of the yaml's ``head``."""
    return {
        "num_states": extractor.num_states,
        "dim": extractor.dim,
        "hop": extractor.hop,
        "tokens": len(tokens),
    }
