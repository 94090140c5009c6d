"""Training steps of this package, through the same loader and Brain as a recipe's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import speechbrain as sb
import torch
import yaml
from torch.utils.data import DataLoader

from benchmarks.shapes import Shape
from benchmarks.speech import as_utterances
from mgf_brain.data.batches.loader import make_loader
from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.data.labels.track_making import make_tracks, open_tracks, track_makers
from mgf_brain.pretraining.run import make_brain
from mgf_brain.run.experiment import Experiment, load_experiment

HPARAMS = Path(__file__).parents[1] / "hparams"


def make_step(
    yaml_name: str,
    choices: Mapping[str, str],
    shape: Shape,
    files: list[Path],
    folder: Path,
    precision: str = "fp32",
) -> tuple[Callable[[], Any], torch.nn.Module]:
    """A training step of a system, all of its objectives on.

    Arguments
    ---------
    yaml_name : str
        Of ``hparams/``, such as "mgf".
    choices : mapping of str to str
        More options, such as the front-end; DINO's networks keep their own width and depth.
    shape : Shape
    files : list of Path
        Speech, at least two crops long.
    folder : Path
        For what a run writes.
    precision : str
        "fp32" or "bf16".

    Returns
    -------
    tuple of callable and torch.nn.Module
        The step, from reading files to the optimizer's, and the model with its heads.
    """
    experiment = load(yaml_name, choices, shape, folder, precision)
    brain = make_brain(experiment)
    brain.init_optimizers()
    brain.on_stage_start(sb.Stage.TRAIN, 1)
    brain.modules.train()
    batches = _forever(make_batches(experiment.hparams, files, folder))

    def step() -> None:
        brain.step += 1
        brain.fit_batch(next(batches))

    return step, brain.model


def load(
    yaml_name: str, choices: Mapping[str, str], shape: Shape, folder: Path, precision: str = "fp32"
) -> Experiment:
    """A recipe's yaml in the width, depth and batch of a shape; arguments as of ``make_step``."""
    shutil.copytree(HPARAMS, folder / "hparams")
    sizes = folder / f"hparams/encoder/{shape.size}.yaml"
    sizes.write_text(yaml.safe_dump(yaml.safe_load(sizes.read_text()) | shape.encoder()))
    options = {
        "size": shape.size,
        "precision": precision,
        "output_folder": folder / "run",
        "batch_seconds": shape.utterances * shape.seconds,
        **_crops(yaml_name, shape.seconds),
        **choices,
        "audio_cache_hours": 0,  # read files as the others do
        "num_workers": 0,
        "log_interval": 10**9,
        "valid_interval": 10**9,
    }
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    return load_experiment([str(folder / f"hparams/{yaml_name}.yaml"), *words], "LibriSpeech")


def make_batches(hparams: Mapping[str, Any], files: list[Path], folder: Path) -> DataLoader:
    """The recipe's loader, with the tracks that the system needs."""
    speech = as_utterances(files)
    tracks = open_tracks(make_tracks(track_makers(hparams), speech, (), folder / "tracks"))
    return make_loader(speech, hparams, tracks=tracks)


def _crops(yaml_name: str, seconds: float) -> dict[str, float]:
    """Crops that last ``seconds`` together: DINO's are 2 long and 4 short ones."""
    long, short = seconds / 4, seconds / 8
    if yaml_name == "dino":
        return {"global_seconds": long, "local_seconds": short}
    if yaml_name == "mgf_dino":
        return {"longest_crop": long, "local_seconds": short}
    return {"longest_crop": seconds}


def _forever(loader: Any) -> Iterator[SpeechBatch]:
    epoch = 0
    while True:
        epoch += 1
        loader.batch_sampler.set_epoch(epoch)
        yield from loader
