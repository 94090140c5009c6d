"""Folders as downstream runs leave them, of a tiny encoder with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ruamel.yaml.comments import CommentedMap
from torch import nn

from mgf_brain.folder.write import dump_expanded, export_folder, new_node, plain
from mgf_brain.inference import SpeechEncoder, UtteranceClassifier, example_encoder
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.probe import Probe
from mgf_brain.nn.speech_model import SpeechModel

SHAPE = {"input_dim": 16, "dim": 32, "layers": 2, "heads": 4, "ffn": 64, "position_kernel": 8}
LABELS = ["no", "yes", "1"]


def encoder_yaml() -> CommentedMap:
    """That of ``example_encoder``."""
    speech = new_node(
        SpeechModel,
        front_end=new_node(LogMel, dim=16, stack=4),
        encoder=new_node(TransformerEncoder, **SHAPE),
    )
    return new_node(SpeechEncoder, sample_rate=16000, speech_model=speech)


def write_folder(folder: Path, model: nn.Module, card: str = "", **parts: Any) -> Path:
    """A model's folder, with the other arguments of its class."""
    text = dump_expanded({"encoder": encoder_yaml(), **parts})
    return export_folder(folder, dict(model.named_children()), text, {}, card)


def write_classifier(folder: Path, card: str = "", seed: int = 0) -> UtteranceClassifier:
    """Writes a classifier of three labels that yaml could take for something else."""
    torch.manual_seed(seed)
    sizes = {"num_states": 3, "dim": 2 * 32 + 160, "classes": len(LABELS)}
    model = UtteranceClassifier(example_encoder(), Probe(**sizes), LABELS).eval()
    write_folder(folder, model, card, head=new_node(Probe, **sizes), labels=plain(LABELS))
    return model
