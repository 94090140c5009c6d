"""Models that transformers computes, as our folders hold them."""

from __future__ import annotations

import torch

from mgf_brain.errors import UserError
from mgf_brain.folder.weights import Weight, blueprint, misfit
from mgf_brain.folder.write import new_node
from mgf_brain.foreign.published import Parts, Published
from mgf_brain.nn.published_inputs import SAMPLE_RATE
from mgf_brain.nn.transformers_config import UNUSED, encoder_settings
from mgf_brain.nn.transformers_model import TransformersModel

PLACE = "speech_model.encoder.model."
# Weights that no state is computed with.
NO_STATE = ("masked_spec_embed",)


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
    >>> wrapped_parts(Published({"model_type": "bert"}, {}, {}))
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: model_type: 'bert' is no speech model of data2vec-audio, ...
    """
    config = encoder_settings(published.config)
    rate = published.preprocessor.get("sampling_rate", SAMPLE_RATE)
    preprocessor = {
        key: published.preprocessor[key]
        for key in ("do_normalize", "sampling_rate", "stride", "variance_eps")
        if key in published.preprocessor
    }
    unused = (*NO_STATE, f"encoder.{UNUSED.get(config['model_type'], '-')}.")
    weights = {
        PLACE + name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in published.weights.items()
        if not name.startswith(unused)
    }
    header = {name: Weight(tuple(x.shape), x.is_floating_point()) for name, x in weights.items()}
    with blueprint(len(header)):
        holder = torch.nn.ModuleDict({"speech_model": TransformersModel(config, preprocessor)})
    if reason := misfit(holder, header):
        raise UserError(f"the weights do not fit config.json: {reason.replace(PLACE, '')}.")
    node = new_node(TransformersModel, config=config, preprocessor=preprocessor)
    return Parts({"sample_rate": rate, "speech_model": node}, weights)
