"""What several tests of downstream training share: a few files of noise, settings, an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from mgf_brain.data.batches.crops import SeparateCrops
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.probes import train_probe
from mgf_brain.inference import SpeechEncoder, example_encoder
from mgf_brain.nn.encoder import NoContext
from mgf_brain.nn.pooling import AffineEmbedding, AttentivePooling, StatisticsPooling, UtteranceHead
from mgf_brain.nn.probe import Probe
from mgf_brain.nn.resnet import ResNetTrunk
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.tdnn import EcapaTrunk, XVectorTrunk
from mgf_brain.nn.trunk import LogMelTrunk
from mgf_brain.run.schedules import warmup_cosine
from tests.data.miniatures import write_noise

PROBING = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.0, "seed": 0}
LORA = {"lora_rank": 2, "lora_alpha": 4.0, "lora_dropout": 0.0} | dict.fromkeys(
    ("lora_targets", "lora_layers")
)


def write_speech(folder: Path, speakers: str = "abcd", each: int = 2) -> list[Utterance]:
    """So many files of 0.3 s of each speaker, labelled "even" and "odd" in turn."""
    return [
        Utterance(
            id := f"{speaker}{i}",
            0.3,
            str(write_noise(folder / f"{id}.wav", 0.3)),
            speaker,
            label=("even", "odd")[i % 2],
        )
        for speaker in speakers
        for i in range(each)
    ]


def experiment(folder: Path, seed: int = 0, **hparams: Any) -> SimpleNamespace:
    """Like a loaded ``Experiment``: a classifier on frozen features, unless changed."""
    usual = {
        "seed": seed,
        "output_folder": str(folder),
        "adapt": "frozen",
        "log_interval": 1,
        "max_grad_norm": 5.0,
        "number_of_epochs": PROBING["epochs"],
        "probe": Probe,
        "train_probe": partial(train_probe, **PROBING),
        **LORA,
    }
    hparams = usual | hparams
    return SimpleNamespace(
        hparams=hparams, run_opts={"device": "cpu"}, resolved_yaml=repr(sorted(hparams.items()))
    )


def settings(tune_encoder: bool = True, epochs: int = 1, **changes: Any) -> dict[str, Any]:
    """For ``tune`` and ``train_head``."""
    usual = {
        "epochs": epochs,
        "tune_encoder": tune_encoder,
        "layer_decay": 1.0,
        "crop_plan": SeparateCrops(crops=1, longest=0.2, shortest=0.1),
        "batch_seconds": 1.0,
        "num_workers": 0,
        "audio_cache_hours": 1.0,
        "opt_class": partial(torch.optim.AdamW, lr=0.01),
        "schedule": partial(warmup_cosine, peak=0.01, warmup=0.1),
    }
    return usual | changes


def speaker_encoder(seed: int = 0) -> SpeechEncoder:
    """Tiny, with affine layers in its embedding."""
    torch.manual_seed(seed)
    encoder = example_encoder(layers=2, stack=2)
    encoder.embedding = UtteranceHead(encoder.dim, encoder.speech_model.front_end.colour_dim)
    return encoder.eval()


TRUNKS = {
    "xvector": partial(XVectorTrunk, channels=16, dim=32),
    "ecapa": partial(EcapaTrunk, channels=16, dim=32, squeeze=8),
    "lresnet34": partial(ResNetTrunk, channels=(2, 4, 4, 8), blocks=(1, 2, 1, 1), bands=20),
}


def small_trunk(name: str) -> LogMelTrunk:
    """Tiny; its BatchNorm at its initial 0 and 1."""
    torch.manual_seed(0)
    return TRUNKS[name]()


def small_network(name: str, embedding_dim: int = 24) -> SpeechEncoder:
    """Tiny, with the embedding that hparams/network/<name>.yaml has."""
    front_end = small_trunk(name)
    pool = AttentivePooling if name == "ecapa" else StatisticsPooling
    embedding = AffineEmbedding(
        pool(front_end.dim),
        embedding_dim,
        norm_input=name == "ecapa",
        norm_output=name == "lresnet34",
    )
    model = SpeechModel(front_end, NoContext(front_end.dim))
    return SpeechEncoder(model, front_end.sample_rate, embedding)


def weights(*modules: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters, by place and name."""
    return {
        f"{i}.{name}": parameter.detach().clone()
        for i, module in enumerate(modules)
        for name, parameter in module.named_parameters()
    }


def changed(before: dict[str, torch.Tensor], modules: Sequence[torch.nn.Module]) -> set[str]:
    """Names of the parameters that differ from their copies."""
    return {
        name for name, value in weights(*modules).items() if not torch.equal(value, before[name])
    }
