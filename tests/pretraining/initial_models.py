"""Tiny models to begin a pretraining from, unlike what any yaml file describes."""

from __future__ import annotations

from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml

from mgf_brain import nn
from mgf_brain.folder.write import dump_expanded, export_folder, new_node

CARD = "---\nlicense: cc-by-4.0\n---\n# A model\n"


def transformer(**changes):
    usual = {"heads": 4, "ffn": 40, "position_kernel": 6, "position_groups": 8, "dropout": 0.1}
    return new_node(nn.TransformerEncoder, **usual | changes)


MODELS = {
    "mel": lambda: {
        "speech_model": new_node(
            nn.SpeechModel,
            front_end=new_node(nn.LogMel, dim=24, stack=2),
            encoder=transformer(input_dim=24, dim=40, layers=2, pre_norm=False),
        ),
        "embedding": new_node(nn.UtteranceHead, dim=40, colour_dim=160),
    },
    "wave": lambda: {
        "speech_model": new_node(
            nn.SpeechModel,
            front_end=new_node(nn.Waveform, channels=[16] * 7, variance_eps=1e-7),
            encoder=transformer(input_dim=16, dim=48, layers=3, pre_norm=True),
        )
    },
    "progressive": lambda: {
        "speech_model": new_node(
            nn.ProgressiveModel,
            front_end=new_node(nn.LogMel, dim=24, stack=2),
            encoder=new_node(
                nn.ProgressiveEncoder,
                pitch=new_node(nn.PitchEncoder, dim=40, channels=8, hidden=4, per_frame=2),
                speaker=new_node(nn.SpeakerExtractor, dim=40, attention=8),
                speaker_layer=2,
                input_dim=24,
                dim=40,
                layers=3,
                heads=4,
                ffn=40,
                position_kernel=6,
                position_groups=8,
            ),
        )
    },
    "resnet": lambda: {
        "speech_model": new_node(
            nn.SpeechModel,
            front_end=new_node(nn.ResNetTrunk, channels=[2, 4, 4, 8], blocks=[1, 2, 1, 1]),
            encoder=new_node(nn.NoContext, dim=80),
        ),
        "embedding": new_node(
            nn.AffineEmbedding,
            pool=new_node(nn.StatisticsPooling, dim=80),
            embedding_dim=24,
            norm_output=True,
        ),
    },
}


def write_model(folder: Path, name: str) -> Path:
    """A pretrained folder, its weights far from initial ones: biases are not zero."""
    text = dump_expanded({"sample_rate": 16000, **MODELS[name]()})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = load_hyperpyyaml(text)
        modules = {key: part for key, part in parts.items() if key != "sample_rate"}
        for module in modules.values():
            for parameter in module.parameters():
                parameter.data += 0.1 * torch.randn_like(parameter)
    return export_folder(folder, modules, text, {}, CARD)
