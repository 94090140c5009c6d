"""What ``--pretrained`` names: a pretrained folder, or a baseline."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml
from torch import nn

from mgf_brain.baselines import EcapaTdnn, XVector
from mgf_brain.config import resolve
from mgf_brain.export import inference_yaml
from mgf_brain.features import FeatureExtractor, LogMelFeatures
from mgf_brain.inference import SpeechEncoder
from mgf_brain.pooling import mean_and_deviation
from mgf_brain.yaml_files import dump, read_files

NETWORKS = {"fbank": LogMelFeatures, "xvector": XVector, "ecapa": EcapaTdnn}
FROM_SCRATCH = ("xvector", "ecapa")  # mean something only once they are trained with labels
BASELINES = (*NETWORKS, "random")


class LayerStatistics(nn.Module):
    """An untrained encoder's embedding: mean and deviation over time of every layer.

    Example
    -------
    >>> states = [torch.randn(2, 5, 8) for _ in range(3)]
    >>> LayerStatistics()(states, torch.ones(2, 5).bool(), torch.zeros(2, 0)).shape
    torch.Size([2, 48])
    """

    def forward(
        self, states: list[torch.Tensor], valid: torch.Tensor, colour: torch.Tensor
    ) -> torch.Tensor:
        """(B, T, D) each -> (B, 2 D layers)."""
        return torch.cat([mean_and_deviation(state, valid) for state in states], dim=1)


def untrained_encoder(hparams_file: str, seed: int) -> SpeechEncoder:
    """The encoder of a pretraining yaml with its initial weights.

    Arguments
    ---------
    hparams_file : str
        Such as ``hparams/mgf.yaml``.
    seed : int
        Of the weights; the caller's random state stays as it is.

    Returns
    -------
    SpeechEncoder
        Its embedding is ``LayerStatistics``.

    Raises
    ------
    UserError
        If the file is missing or holds no encoder.

    Example
    -------
    >>> encoder = untrained_encoder("hparams/mgf.yaml", seed=1)  # doctest: +SKIP
    """
    text = resolve(dump(read_files(hparams_file, "LibriSpeech")), hparams_file)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = load_hyperpyyaml(inference_yaml(text))
    return SpeechEncoder(**parts, embedding=LayerStatistics())


def pretrained_name(pretrained: str | os.PathLike) -> str:
    """A short name of ``--pretrained`` for folders and tables.

    Arguments
    ---------
    pretrained : str or os.PathLike
        "fbank", "random" or a pretrained folder.

    Returns
    -------
    str
        A folder's own name, or for the ``pretrained/`` of a run the run's, a bare seed with the
        name of the system above it.

    Example
    -------
    >>> pretrained_name("results/LibriSpeech/mgf/1986/pretrained"), pretrained_name("fbank")
    ('mgf-1986', 'fbank')
    """
    parts = [part for part in Path(pretrained).absolute().parts if part != "pretrained"]
    return "-".join(parts[-2:]) if parts[-1].isdecimal() else parts[-1]


def load_extractor(
    pretrained: str, untrained: str, seed: int, device: str = "cpu", cache_gb: float = 0.0
) -> FeatureExtractor:
    """The features that ``--pretrained`` names.

    Arguments
    ---------
    pretrained : str
        "fbank", "random", "xvector", "ecapa" or a pretrained folder.
    untrained : str
        The pretraining yaml whose encoder "random" is.
    seed : int
        Of the random weights.
    device : str
        Where the encoder runs.
    cache_gb : float
        Size limit of the cache of features on disk; 0 for none.

    Returns
    -------
    FeatureExtractor

    Raises
    ------
    UserError
        If the folder holds no pretrained encoder.

    Example
    -------
    >>> load_extractor("fbank", "hparams/mgf.yaml", seed=0).name
    'fbank'
    """
    if pretrained in NETWORKS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder: nn.Module = NETWORKS[pretrained]()
    elif pretrained == "random":
        encoder = untrained_encoder(untrained, seed)
    else:
        encoder = SpeechEncoder.from_pretrained(pretrained)
    return FeatureExtractor(encoder, pretrained_name(pretrained), device, cache_gb)
