"""Models that transformers computes, as our folders hold them."""

from __future__ import annotations

import torch

from mgf_brain.errors import UserError
from mgf_brain.folder.weights import Weight, blueprint, misfit
from mgf_brain.folder.write import new_node
from mgf_brain.foreign.published import Parts, Published
from mgf_brain.nn.published_inputs import SAMPLE_RATE
from mgf_brain.nn.transformers_model import SWITCHED_OFF, TransformersModel, configuration

PLACE = "speech_model.encoder.model."
# What no state is computed with: training's own, and adapters that shorten the states.
UNUSED = ("masked_spec_embed", "encoder.upsample.", "adapter.", "intermediate_ffn.")


def wrapped_parts(published: Published) -> Parts:
    """The arguments and weights of a ``SpeechEncoder`` around transformers' own model.

    Arguments
    ---------
    published : Published

    Returns
    -------
    Parts

    Raises
    ------
    UserError
        If the family is unknown, transformers is not installed, or the weights do not fit the
        configuration.

    Example
    -------
    >>> config = {"model_type": "hubert", "hidden_size": 32, "num_hidden_layers": 2}
    >>> wrapped_parts(Published(config, {}, {}))
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: the weights do not fit config.json: ... is missing.
    """
    config, rate = _plain(published), published.preprocessor.get("sampling_rate", SAMPLE_RATE)
    preprocessor = {
        key: published.preprocessor[key]
        for key in ("do_normalize", "sampling_rate", "stride")
        if key in published.preprocessor
    }
    weights = {
        PLACE + name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in published.weights.items()
        if not name.startswith(UNUSED)
    }
    header = {name: Weight(tuple(x.shape), x.is_floating_point()) for name, x in weights.items()}
    with blueprint(len(header)):
        holder = torch.nn.ModuleDict({"speech_model": TransformersModel(config, preprocessor)})
    if reason := misfit(holder, header):
        raise UserError(f"the weights do not fit config.json: {reason.replace(PLACE, '')}.")
    node = new_node(TransformersModel, config=config, preprocessor=preprocessor)
    return Parts({"sample_rate": rate, "speech_model": node}, weights)


def _plain(published: Published) -> dict:
    """What of config.json the encoder is built from."""
    settings = configuration(published.config)
    names = [key for key in published.config if hasattr(settings, key)]
    declared = {name: published.config[name] for name in names if name in vars(settings)}
    kept = {
        key: value
        for key, value in declared.items()
        if key not in SWITCHED_OFF and not _of_text(key)
    }
    return {"model_type": published.config["model_type"], **kept}


def _of_text(key: str) -> bool:
    return key.startswith(("decoder", "suppress", "begin", "id2label", "label2id"))
