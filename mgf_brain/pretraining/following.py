"""A pretraining's yaml made to follow the model that it begins from.

Sizes and front-ends state numbers that heads, masks and tracks refer to. Where a model is given,
these are the model's, and the nodes of front-end and encoder are the model's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from mgf_brain.errors import UserError
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.encoder import some_sound
from mgf_brain.kinds import quote
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.masking import lengths_of
from mgf_brain.nn.progressive import ProgressiveEncoder
from mgf_brain.pretraining.initial import Initial, open_initial
from mgf_brain.public_names import find
from mgf_brain.run.asked import resolve
from mgf_brain.run.overrides import tag_of
from mgf_brain.run.places import named_by_yaml
from mgf_brain.run.yaml_files import dump, read_tree

FRONT_ENDS = ("logmel", "waveform", "wav2vec2")  # of hparams/front_end
SIZE = ("dim", "layers", "heads", "ffn", "pre_norm")  # of hparams/encoder
SHORT_HOP = 160  # samples: 10 ms, in which pitch is told
Numbers = dict[str, Any]


def follow_initial(tree: CommentedMap, given: Mapping[str, Any], hparams_file: str) -> None:
    """Let the yaml files of a pretraining follow the model that the key ``initial`` names.

    Arguments
    ---------
    tree : CommentedMap
        All yaml files with what the command line sets; changed in place, unless ``initial`` is
        null.
    given : mapping of str to Any
        The keys that the command line sets.
    hparams_file : str
        The main yaml file.

    Raises
    ------
    UserError
        If it names no model, the system can't train one like it, or the command line contradicts
        it.
    """
    if tree.get("initial") is None:
        return
    if "speech_model" in given:
        raise UserError("--speech_model and --initial exclude each other. Pass one of them.")
    whole = YAML().load(resolve(dump(tree), hparams_file))
    initial = open_initial(whole)
    node = initial.node["speech_model"]
    if not {"front_end", "encoder"} <= node.keys():
        kind = _made_by(node).__name__
        raise UserError(
            f"initial {initial.name}: a {kind}, which objectives cannot mask. Pass a model whose "
            "front-end and encoder are of mgf_brain.nn, or fine-tune it with --pretrained."
        )
    if initial.encoder.sample_rate != whole["sample_rate"]:
        rates = f"{initial.encoder.sample_rate} Hz there, {whole['sample_rate']} here"
        raise UserError(f"initial {initial.name}: another sampling rate, {rates}.")
    follow = _follow_network if "network" in tree else _follow_size
    stated = follow(tree, whole, given, initial, hparams_file)
    _refuse_contradictions(given, stated, initial.name)
    if "learning_rate" not in given:
        tree["learning_rate"] = whole["learning_rate"] * whole["initial_learning_rate_share"]


def _made_by(node: CommentedMap) -> type:
    """The class of a ``!new:`` node."""
    return find(tag_of(node).partition(":")[2])


def _refuse_contradictions(
    given: Mapping[str, Any], stated: Numbers, name: str, within: str = "--"
) -> None:
    for key, number in stated.items():
        value = given.get(key)
        if isinstance(number, dict):
            if isinstance(value, dict):
                _refuse_contradictions(value, number, name, f"--{key}: ")
        elif value is not None and value != number:
            raise UserError(
                f"{within}{key} {quote(value)} contradicts --initial {name}, which has {number}. "
                "Leave it out."
            )


# -- front-end and Transformer, each with a file of numbers ----------------------------------------


def _follow_size(
    tree: CommentedMap,
    whole: CommentedMap,
    given: Mapping[str, Any],
    initial: Initial,
    hparams_file: str,
) -> Numbers:
    """For MGF and masked prediction; what the model states."""
    node, encoder = initial.node["speech_model"], initial.encoder
    front_end = _usual(initial, whole, given, hparams_file)
    span = front_end["mask_span"] * front_end["hop"]  # samples
    heard = front_end_numbers(encoder)
    front_end.update(heard, module=node["front_end"])
    front_end["mask_span"] = max(1, round(span / encoder.hop))
    front_end["sample"].update(latent_dim=heard["dim"], hop=encoder.hop)
    tree["front_end"] = front_end

    arguments = _transformer_arguments(node["encoder"], initial.name)
    size, numbers = whole["encoder"], {key: arguments[key] for key in SIZE}
    positions = {
        "position_seconds": arguments["position_kernel"] * encoder.hop / encoder.sample_rate
    }
    numbers |= positions
    usual = {
        "speaker_layer": max(1, arguments["layers"] // 3),  # as all sizes have it
        "first_momentum": size["last_momentum"],  # nothing random is to be left behind
    }
    own = given["encoder"] if isinstance(given.get("encoder"), dict) else {}
    size.update(numbers, **{key: own.get(key, number) for key, number in usual.items()})
    tree["encoder"] = CommentedMap(size)
    stated = {"dim": numbers["dim"], "encoder": numbers, "front_end": heard, **positions}
    stated["position_layers"] = arguments["position_layers"]

    ours = tree["speech_model"].get("encoder")
    if not isinstance(ours, CommentedMap):
        raise UserError(f"{hparams_file}: speech_model: write its encoder out, or leave --initial.")
    theirs = node["encoder"]  # but for what is the training's
    dropout = {"dropout": size["dropout"], "layer_drop": whole.get("layer_drop", 0.0)}
    if issubclass(_made_by(ours), ProgressiveEncoder):
        ours.update(arguments | dropout)
        return stated | _follow_extractors(tree, theirs, initial)
    if issubclass(_made_by(theirs), ProgressiveEncoder):
        raise UserError(
            f"initial {initial.name}: a ProgressiveEncoder, for which this system has no pitch. "
            "Pass hparams/progre.yaml, or another model."
        )
    theirs.update(dropout)
    tree["speech_model"]["encoder"] = theirs
    return stated


def front_end_numbers(encoder: SpeechEncoder) -> Numbers:
    """What a file of ``hparams/front_end`` states of the front-end of a model.

    Arguments
    ---------
    encoder : SpeechEncoder

    Returns
    -------
    dict of str to int

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> numbers = front_end_numbers(example_encoder(stack=2))
    >>> numbers["hop"], numbers["window"], numbers["spectra"], numbers["spectrum_bins"]
    (320, 560, 2, 402)
    """
    front_end = encoder.speech_model.front_end
    wavs = some_sound(encoder)[None]  # (1, N)
    with torch.no_grad():
        frames = front_end(wavs, lengths_of(wavs))
    spectra = frames.power.shape[1] // frames.latents.shape[1]
    return {
        "hop": front_end.hop,
        "window": front_end.window,
        "dim": front_end.dim,
        "colour_dim": front_end.colour_dim,
        "spectrum_bins": spectra * frames.power.shape[2],
        "spectra": spectra,
        "short_frames": max(1, front_end.hop // SHORT_HOP),
    }


def _usual(
    initial: Initial, whole: CommentedMap, given: Mapping[str, Any], hparams_file: str
) -> CommentedMap:
    """The numbers of the front-end file that comes nearest: its objectives fit the class."""
    kind = _made_by(initial.node["speech_model"]["front_end"])
    known = [whole["front_end"]]
    if not isinstance(given.get("front_end"), str):
        beside = [Path(hparams_file).parent]
        known += [read_tree(named_by_yaml(f"front_end/{name}.yaml", beside)) for name in FRONT_ENDS]
    alike = [x for x in known if _made_by(x["module"]) is kind]
    if not alike:
        wanted = " or ".join(sorted({_made_by(x["module"]).__name__ for x in known}))
        raise UserError(
            f"initial {initial.name}: its front-end is a {kind.__name__}, not a {wanted}. Pass "
            f"another {'front_end' if len(known) == 1 else 'system or model'}."
        )
    return CommentedMap(next((x for x in alike if x["hop"] == initial.encoder.hop), alike[0]))


def _transformer_arguments(node: CommentedMap, name: str) -> Numbers:
    """What a Transformer is built with, be it written in the yaml or not."""
    if not issubclass(_made_by(node), TransformerEncoder):
        kind = _made_by(node).__name__
        raise UserError(
            f"initial {name}: its encoder is a {kind}; this system needs a Transformer."
        )
    parameters = signature(TransformerEncoder).parameters.values()
    return {x.name: node.get(x.name, x.default) for x in parameters}


def _follow_extractors(tree: CommentedMap, theirs: CommentedMap, initial: Initial) -> Numbers:
    """ProgRE's, where the model has them; they are new where it doesn't."""
    if initial.encoder.hop % SHORT_HOP and tree.get("pitch") is not None:
        raise UserError(
            f"initial {initial.name}: frames of {initial.encoder.hop} samples hold no whole "
            "number of 10 ms. Pass --pitch null --pitch_tracks null, or another model."
        )
    for part in ("pitch", "speaker"):
        if theirs.get(part) is not None:
            if tree.get(part) is None:
                raise UserError(f"initial {initial.name} has a {part}. Leave out --{part} null.")
            tree[part] = theirs[part]
    if theirs.get("speaker") is None:
        return {}
    tree["speaker_layer"] = theirs["speaker_layer"]
    return {"speaker_layer": theirs["speaker_layer"]}


# -- DINO's network ------------------------------------------------------------------------------


def _follow_network(
    tree: CommentedMap,
    whole: CommentedMap,
    given: Mapping[str, Any],
    initial: Initial,
    hparams_file: str,
) -> Numbers:
    """For DINO, whose network is the model, with the model's embedding if it has such a one."""
    del hparams_file
    node, usual = initial.node["speech_model"], whole["network"]
    if "network" in given:
        for part in ("front_end", "encoder"):
            ours, theirs = (_made_by(x[part]).__name__ for x in (usual, node))
            if ours != theirs:
                raise UserError(
                    f"--network {quote(given['network'])} has a {ours}, --initial {initial.name} a "
                    f"{theirs}. Leave --network out."
                )
    embedding, theirs = usual["embedding"], initial.node.get("embedding")
    if theirs is not None and _made_by(theirs) is _made_by(embedding):
        embedding = theirs
    else:
        pooled = embedding.get("pool", embedding)
        pooled["dim"] = initial.encoder.dim
        embedding["colour_dim"] = initial.encoder.speech_model.front_end.colour_dim
    tree["network"] = CommentedMap(
        embedding_dim=embedding["embedding_dim"],
        front_end=node["front_end"],
        encoder=node["encoder"],
        embedding=embedding,
    )
    return {}
