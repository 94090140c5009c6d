"""``--initial``: the model that a pretraining goes on from, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from speechbrain.utils.checkpoints import CKPT_PREFIX, METAFNAME
from speechbrain.utils.logger import get_logger
from torch import nn

from mgf_brain.downstream.pretrained import model_node
from mgf_brain.errors import UserError, some
from mgf_brain.files import open_text
from mgf_brain.folder.adapted import weights_fingerprint
from mgf_brain.folder.hub import licence_of, read_card
from mgf_brain.folder.model_names import is_model_name, pretrained_name
from mgf_brain.folder.source import Source
from mgf_brain.folder.write import INFERENCE_KEYS, dump_expanded, inference_yaml, new_node
from mgf_brain.foreign.source import open_model
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.any_model import load_encoder
from mgf_brain.nn.low_rank import merge_low_rank
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.public_names import with_current_names
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.plain import read_plain

logger = get_logger(__name__)


class Initial(NamedTuple):
    """What a pretraining begins from."""

    name: str  # as the user wrote it
    node: CommentedMap  # of the yaml, a ``SpeechEncoder``
    encoder: SpeechEncoder  # of a run that has a checkpoint, with other weights


def open_initial(values: Mapping[str, Any]) -> Initial:
    """The model that a run begins from, or began from.

    Arguments
    ---------
    values : mapping of str to Any
        The yaml's: ``initial``, ``trust``, ``output_folder``, ``save_folder``, ``debug``. A run
        that has a checkpoint needs the model no longer: what it was is in the run's own yaml.

    Returns
    -------
    Initial

    Raises
    ------
    UserError
        If it names no speech encoder.
    """
    name, trust = str(values["initial"]), bool(values.get("trust"))
    if has_checkpoint(values):
        node = _saved_node(Path(values["output_folder"]) / "hyperparams.yaml")
        return Initial(name, node, load_hyperpyyaml(dump_expanded({"encoder": node}))["encoder"])
    source = open_model(name, trust)
    return Initial(name, model_node(source), _loaded(source, trust))


def has_checkpoint(values: Mapping[str, Any]) -> bool:
    """Whether a run will go on with the weights of a checkpoint of its own.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> has_checkpoint({"output_folder": folder, "save_folder": folder / "save"})
    False
    """
    saved = (Path(values["output_folder"]) / "hyperparams.yaml").is_file()
    found = Path(values["save_folder"]).glob(f"{CKPT_PREFIX}+*/{METAFNAME}")
    return saved and not values.get("debug") and any(found)


def _saved_node(path: Path) -> CommentedMap:
    with open_text(path) as file:
        text = with_current_names(file.read())
    more = {"embedding"} & read_plain(text, str(path)).keys()
    return new_node(SpeechEncoder, **YAML().load(inference_yaml(text, (*INFERENCE_KEYS, *more))))


def _loaded(source: Source, trust: bool) -> SpeechEncoder:
    with torch.random.fork_rng(devices=[]):  # its weights are drawn before they are read
        encoder = load_encoder(source, trust=trust)
    if not isinstance(encoder, SpeechEncoder):
        kind = type(encoder).__name__
        raise UserError(f"initial {source.name}: a {kind}, no SpeechEncoder. Pass another model.")
    merge_low_rank(encoder)
    return encoder


def begin(experiment: Experiment) -> dict[str, Any] | None:
    """Give the model of a run the weights of ``initial``, before it has taken a step.

    Teachers are made anew, and so equal what they are to follow. A run with a checkpoint has
    weights of its own.

    Arguments
    ---------
    experiment : Experiment
        Its yaml follows the model, see ``mgf_brain.pretraining.following``.

    Returns
    -------
    dict or None
        What ``results.json`` says of the model: ``name``, ``fingerprint``, ``licence``. None if
        the run doesn't begin here from one.

    Raises
    ------
    UserError
        If the model does not fit, with the name of what differs.
    """
    hparams = experiment.hparams
    name = hparams.get("initial")
    values = {**hparams, "debug": experiment.run_opts.get("debug")}
    if name is None or has_checkpoint(values):
        return None
    trust = hparams.get("trust", False)
    source = open_model(name, trust)
    encoder = _loaded(source, trust)
    public = source.name if is_model_name(name) else pretrained_name(name)
    load_initial(hparams["model"], hparams.get("embedding"), encoder, public)
    return {
        "name": public,
        "fingerprint": weights_fingerprint(encoder.state_dict()),
        "licence": licence_of(read_card(source.place)),
    }


def load_initial(
    model: PretrainingModel, embedding: nn.Module | None, encoder: SpeechEncoder, name: str
) -> None:
    """Give a model the weights of an encoder, and its embedding those of the encoder's if it fits.

    Arguments
    ---------
    model : PretrainingModel
    embedding : torch.nn.Module, optional
        What the model's objectives train for downstream.
    encoder : SpeechEncoder
    name : str
        The encoder's, for messages.

    Raises
    ------
    UserError
        If the encoder has what the model has no place for, or the other way round.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> model = PretrainingModel(example_encoder().speech_model, {}, {})
    >>> encoder = example_encoder()
    >>> load_initial(model, None, encoder, "example")
    >>> torch.equal(model.speech.encoder.norm.weight, encoder.speech_model.encoder.norm.weight)
    True
    """
    ours, theirs = model.speech.state_dict(), encoder.speech_model.state_dict()
    if more := [key for key in theirs if key not in ours]:
        raise UserError(f"initial {name}: this system has no place for its {some(more, 2)}.")
    for key, weight in theirs.items():
        if weight.shape != ours[key].shape:
            shapes = f"{list(weight.shape)} there, {list(ours[key].shape)} here"
            raise UserError(f"initial {name}: {key} has another shape, {shapes}.")
    model.speech.load_state_dict(theirs, strict=False)
    came = "front-end and encoder"
    if embedding is not None and _fits(embedding, encoder.embedder):
        embedding.load_state_dict(encoder.embedder.state_dict())
        came += ", utterance embedding"
    model.attach()
    new = [".".join(key.split(".")[:2]) for key in ours if key not in theirs]
    new += [f"the heads of {', '.join(model.weights)}"]
    logger.info("From %s: %s. New: %s.", name, came, ", ".join(dict.fromkeys(new)))


def _fits(ours: nn.Module, theirs: nn.Module) -> bool:
    shapes = ({key: x.shape for key, x in part.state_dict().items()} for part in (ours, theirs))
    one, other = shapes
    return type(ours) is type(theirs) and bool(one) and one == other
