"""What ``--pretrained`` names: a pretrained folder, here or on the hub, or a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.model_names import pretrained_name
from mgf_brain.folder.safe_yaml import refuse_brackets
from mgf_brain.folder.source import Source
from mgf_brain.folder.write import dump_expanded, inference_yaml, new_node
from mgf_brain.foreign.source import open_model
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.any_model import load_encoder
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.low_rank import LowRank
from mgf_brain.nn.pooling import StandardisedStatistics
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.run.asked import resolve
from mgf_brain.run.inputs import BASELINES, FROM_SCRATCH
from mgf_brain.run.yaml_files import dump, read_files


def untrained_encoder(name: str, untrained: str, seed: int) -> SpeechEncoder:
    """An encoder with its initial weights.

    Arguments
    ---------
    name : str
        "random", "xvector", "ecapa" or "lresnet34".
    untrained : str
        The pretraining yaml whose encoder "random" is; ``network/<name>.yaml`` lies beside it.
    seed : int
        Of the weights; the caller's random state stays as it is.

    Returns
    -------
    SpeechEncoder

    Raises
    ------
    UserError
        If a file is missing or holds no encoder.

    Example
    -------
    >>> encoder = untrained_encoder("random", "hparams/mgf.yaml", seed=1)  # doctest: +SKIP
    """
    text = dump_expanded({"encoder": encoder_node(name, untrained)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return load_hyperpyyaml(text)["encoder"]


def encoder_node(pretrained: str, untrained: str, trust: bool = False) -> CommentedMap:
    """The encoder that ``--pretrained`` names, as the yaml of an exported model writes it.

    Arguments
    ---------
    pretrained, untrained, trust : str, str, bool
        As of ``load_extractor``.

    Returns
    -------
    CommentedMap
        A ``!new:`` node, see ``mgf_brain.folder.write``.

    Raises
    ------
    UserError
        If the folder's yaml holds words that HyperPyYAML would run.

    Example
    -------
    >>> encoder_node("fbank", "hparams/mgf.yaml").tag.value
    '!new:mgf_brain.nn.LogMelFeatures'
    """
    if pretrained == "fbank":
        return new_node(LogMelFeatures, embedding=new_node(StandardisedStatistics))  # not fitted
    if pretrained in FROM_SCRATCH:
        return _network_node(Path(untrained).parent / "network" / f"{pretrained}.yaml")
    if pretrained == "random":
        parts = YAML().load(inference_yaml(_resolved(untrained, "LibriSpeech")))
        return new_node(SpeechEncoder, **parts)
    return model_node(open_model(pretrained, trust))


def model_node(source: Source) -> CommentedMap:
    """The encoder of a model of any kind, see ``encoder_node``.

    Raises
    ------
    UserError
        If the model's yaml holds words that HyperPyYAML would run.
    """
    refuse_brackets(source.yaml_place, source.yaml())
    parts = YAML().load(source.yaml())
    return parts["encoder"] if "encoder" in parts else new_node(SpeechEncoder, **parts)


def run_encoder_node(hparams: Mapping[str, Any], encoder: Encoder) -> CommentedMap:
    """The encoder of a run, see ``encoder_node``, as it is after the run.

    Arguments
    ---------
    hparams : mapping
        The run's.
    encoder : Encoder
        As it was adapted, with the read-out that the run fitted or took from it.

    Example
    -------
    >>> hparams = {"pretrained": "fbank", "untrained": "hparams/mgf.yaml"}
    >>> run_encoder_node(hparams, LogMelFeatures()).tag.value
    '!new:mgf_brain.nn.LogMelFeatures'
    """
    trust = hparams.get("trust", False)
    node = encoder_node(str(hparams["pretrained"]), hparams["untrained"], trust)
    if low_rank := getattr(encoder, "low_rank", None):
        node["low_rank"] = new_node(LowRank, **vars(low_rank))
    return with_readout(node, encoder)


def with_readout(node: CommentedMap, encoder: Encoder) -> CommentedMap:
    """The node of an encoder with the read-out that the encoder has now.

    Example
    -------
    >>> node = new_node(LogMelFeatures, readout=new_node(StandardisedStatistics, dim=80))
    >>> dict(with_readout(node, LogMelFeatures()))
    {}
    """
    node.pop("readout", None)
    if encoder.readout.fitted:
        node["readout"] = readout_node(encoder.readout)
    if encoder.embedding is None:
        node.pop("embedding", None)
    return node


def readout_node(readout: StandardisedStatistics) -> CommentedMap:
    """How a yaml writes a read-out whose buffers are among the weights."""
    return new_node(StandardisedStatistics, dim=readout.dim, colour_dim=readout.colour_dim)


def _network_node(path: Path) -> CommentedMap:
    tree = YAML().load(_resolved(str(path)))
    model = new_node(SpeechModel, front_end=tree["front_end"], encoder=tree["encoder"])
    return new_node(
        SpeechEncoder, speech_model=model, sample_rate=SAMPLE_RATE, embedding=tree["embedding"]
    )


def _resolved(hparams_file: str, merge: str | None = None) -> str:
    return resolve(dump(read_files(hparams_file, merge)), hparams_file)


def adapted_name(hparams: Mapping[str, Any]) -> str:
    """What ``--pretrained`` and ``--adapt`` name, for titles.

    Example
    -------
    >>> adapted_name({"pretrained": "fbank", "adapt": "frozen"})
    'fbank, frozen'
    """
    return f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}"


def load_extractor(
    pretrained: str,
    untrained: str,
    seed: int,
    device: str = "cpu",
    cache_gb: float = 0.0,
    trust: bool = False,
) -> FeatureExtractor:
    """The features that ``--pretrained`` names.

    Arguments
    ---------
    pretrained : str
        "fbank", "random", "xvector", "ecapa", "lresnet34", or a model: a run of ours, of whose
        ``model/`` the encoder is taken, or any other that ``open_model`` knows.
    untrained : str
        The pretraining yaml whose encoder "random" is; the networks' yaml files lie beside it.
    seed : int
        Of the random weights.
    device : str
        Where the encoder runs.
    cache_gb : float
        Size limit of the cache of features on disk; 0 for none.
    trust : bool
        Build whatever the model names, which can run any program.

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
    if pretrained == "fbank":
        encoder: Encoder = LogMelFeatures(embedding=StandardisedStatistics())  # not fitted: raw
    elif pretrained in BASELINES:
        encoder = untrained_encoder(pretrained, untrained, seed)
    else:
        encoder = load_encoder(pretrained, trust=trust)
    return FeatureExtractor(encoder, pretrained_name(pretrained), device, cache_gb)
