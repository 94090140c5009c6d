"""What several tests of downstream training share: a few files of noise, settings, an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.inference import SpeechEncoder, example_encoder
from mgf_brain.pooling import UtteranceHead
from mgf_brain.probes import Probe, train_probe
from mgf_brain.schedules import warmup_cosine
from tests.data.miniatures import write_noise

PROBING = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.0, "seed": 0}


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
        "crops": 1,
        "longest_crop": 0.2,
        "shortest_crop": 0.1,
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
