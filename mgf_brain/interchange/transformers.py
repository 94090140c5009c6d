"""Exports that ``transformers.AutoModel`` loads, where the architecture is wav2vec 2.0's.

HuBERT's is the same, WavLM's and data2vec's nearly so. What transformers stores otherwise, and how
it is met (names are those of ``mgf_brain.foreign.names``):

- the LayerNorm on the latents stands before the projection there, and at the end of our front-end:
  the same operation;
- hidden states with layers that normalise their input (``do_stable_layer_norm``): the last one is
  normalised here, there only as ``last_hidden_state``;
- the waveform is normalised by our front-end, and there by the feature extractor, with 1e-7 added
  to its variance. Equal for a front-end with ``variance_eps: 1.0e-7``; otherwise what the feature
  extractor makes of speech of deviation 0.05 is larger by 2e-4, and states of a random model
  differ by as much;
- the first convolution's group norm, where a model has one, takes padding for speech there: of a
  padded batch, states differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder.write import copy_card, staged_folder
from mgf_brain.foreign.names import to_transformers
from mgf_brain.foreign.wav2vec2 import VARIANCE_EPS
from mgf_brain.nn.encoder import EncoderLayer, TransformerEncoder
from mgf_brain.nn.positions import StackedConvPositions
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import UtteranceNorm, Waveform

MODELS = {
    "wav2vec2": "Wav2Vec2Model",
    "hubert": "HubertModel",
    "wavlm": "WavLMModel",
    "data2vec-audio": "Data2VecAudioModel",
}

CARD = """
## Loading this folder with transformers

It was exported from the folder that the code above is for; objectives and heads are left out.

```python
from transformers import AutoFeatureExtractor, AutoModel

extractor = AutoFeatureExtractor.from_pretrained("path/to/this/folder")
model = AutoModel.from_pretrained("path/to/this/folder")  # {name}
inputs = extractor(wavs, sampling_rate={rate}, padding=True, return_tensors="pt")
hidden_states = model(**inputs, output_hidden_states=True).hidden_states
```
{differences}"""
OTHERWISE_NORMALISED = """
The model was trained on waveforms with 1e-5 added to their deviation; the feature extractor adds
1e-7 to their variance. That scales its input by 1 + 2e-4 at a deviation of 0.05, more for faint
speech, and states differ accordingly. A front-end with `variance_eps: 1.0e-7` has no difference.
"""
ONE_BY_ONE = """
Encode recordings one by one: transformers takes the padding of a batch into the statistics of the
first convolution.
"""


def transformers_config(speech: SpeechModel, model_type: str) -> dict[str, Any]:
    """What ``config.json`` says of a model.

    Arguments
    ---------
    speech : SpeechModel
        ``Waveform`` and ``TransformerEncoder``.
    model_type : str
        One of ``possible_types``.

    Returns
    -------
    dict

    Example
    -------
    >>> encoder = TransformerEncoder(8, 32, 2, 4, 64, position_kernel=8)
    >>> config = transformers_config(SpeechModel(Waveform([8] * 7), encoder), "hubert")
    >>> config["architectures"], config["conv_kernel"], config["num_attention_heads"]
    (['HubertModel'], [10, 3, 3, 3, 3, 2, 2], 4)
    """
    front_end, encoder = _parts(speech)
    convs = [conv for conv in front_end.convs if isinstance(conv, nn.Conv1d)]  # all of them
    layer = encoder.layers[0]
    assert isinstance(layer, EncoderLayer)
    config = {
        "architectures": [MODELS[model_type]],
        "model_type": model_type,
        "feat_extract_norm": "group" if _grouped(front_end) else "layer",
        "feat_extract_activation": "gelu",  # that of the positions too
        "conv_dim": [conv.out_channels for conv in convs],
        "conv_kernel": [conv.kernel_size[0] for conv in convs],
        "conv_stride": [conv.stride[0] for conv in convs],
        "conv_bias": convs[0].bias is not None,
        "num_feat_extract_layers": len(convs),
        "feat_proj_layer_norm": isinstance(front_end.norm, nn.LayerNorm),
        "feat_proj_dropout": 0.0,
        "hidden_size": encoder.dim,
        "num_hidden_layers": len(encoder.layers),
        "num_attention_heads": layer.heads,
        "intermediate_size": layer.ffn_in.out_features,
        "hidden_act": "gelu",
        "do_stable_layer_norm": encoder.pre_norm,
        "layer_norm_eps": encoder.norm.eps,
        "hidden_dropout": encoder.dropout,
        "attention_dropout": encoder.dropout,
        "activation_dropout": 0.0,
        "layerdrop": encoder.layer_drop,
    }
    return config | _positions_config(encoder)


def _positions_config(encoder: TransformerEncoder) -> dict[str, Any]:
    positions, relative = encoder.positions, encoder.relative
    if isinstance(positions, StackedConvPositions):
        conv, kernel = positions.convs[0], "conv_pos_kernel_size"
        config = {"num_conv_pos_embeddings": len(positions.convs)}
    else:
        conv, kernel, config = positions.conv, "num_conv_pos_embeddings", {}
    assert isinstance(conv, nn.Conv1d)
    config |= {kernel: conv.kernel_size[0], "num_conv_pos_embedding_groups": conv.groups}
    if relative is not None:
        config["num_buckets"] = relative.embedding.num_embeddings
        config["max_bucket_distance"] = relative.longest
    return config


def possible_types(speech: SpeechModel) -> list[str]:
    """What transformers can load a model as; empty if no type of its has all that the model has.

    Arguments
    ---------
    speech : SpeechModel
        ``Waveform`` and ``TransformerEncoder``.

    Returns
    -------
    list of str
        Of ``MODELS``.

    Example
    -------
    >>> encoder = TransformerEncoder(8, 32, 2, 4, 64, position_kernel=8, relative_buckets=32)
    >>> possible_types(SpeechModel(Waveform([8] * 7), encoder))
    ['wavlm']
    """
    front_end, encoder = _parts(speech)
    stacked = isinstance(encoder.positions, StackedConvPositions)
    final = isinstance(front_end.norm, nn.LayerNorm)
    if final and front_end.norm.eps != encoder.norm.eps:
        return []  # there it is one number
    if stacked:
        fits = final and not (encoder.relative or encoder.pre_norm or _grouped(front_end))
        return ["data2vec-audio"] if fits else []
    if encoder.relative is not None:
        return ["wavlm"] if final else []
    return ["wav2vec2", "hubert"] if final else ["hubert"]


def transformers_weights(speech: SpeechModel) -> dict[str, torch.Tensor]:
    """The weights of a model under the names that transformers gives them.

    Arguments
    ---------
    speech : SpeechModel
        ``Waveform`` and ``TransformerEncoder``.

    Returns
    -------
    dict of str to torch.Tensor
        On the CPU.

    Raises
    ------
    UserError
        If wav2vec 2.0 has no place for a weight.

    Example
    -------
    >>> encoder = TransformerEncoder(8, 32, 2, 4, 64, position_kernel=8)
    >>> weights = transformers_weights(SpeechModel(Waveform([8] * 7), encoder))
    >>> weights["encoder.layers.1.attention.q_proj.weight"].shape
    torch.Size([32, 32])
    """
    weights = {name: tensor.detach().cpu() for name, tensor in speech.state_dict().items()}
    return {name: part.contiguous() for name, part in to_transformers(weights).items()}


def export_transformers(
    model: nn.Module, folder: str | Path, output: str | Path, model_type: str | None = None
) -> str:
    """Write the encoder of a model folder anew, so that ``transformers.AutoModel`` loads it.

    Arguments
    ---------
    model : torch.nn.Module
        What ``folder`` holds: a ``SpeechEncoder``, or with a head that is left out.
    folder : str or Path
        ``pretrained/`` or ``model/`` of a run.
    output : str or Path
        Replaced as a whole.
    model_type : str, optional
        One of ``MODELS``. By default the only one that has all that the model has; of "wav2vec2"
        and "hubert", which compute the same, what the run's yaml is named.

    Returns
    -------
    str
        The class that ``AutoModel`` makes of ``output``.

    Raises
    ------
    UserError
        If the model is of another architecture, or of another type than was asked for.

    Example
    -------
    >>> model = SpeechEncoder.from_pretrained("path/to/pretrained")  # doctest: +SKIP
    >>> export_transformers(model, "path/to/pretrained", "path/to/export")  # doctest: +SKIP
    'Wav2Vec2Model'
    """
    speech = _checked(getattr(model, "encoder", model), folder)
    model_type = _model_type(speech, folder, model_type)
    config, weights = transformers_config(speech, model_type), transformers_weights(speech)
    front_end, _ = _parts(speech)
    card = CARD.format(
        name=MODELS[model_type], rate=front_end.sample_rate, differences=_differences(front_end)
    )
    with staged_folder(output) as staging:
        _write_json(staging / "config.json", config)
        _write_json(staging / "preprocessor_config.json", _extractor_config(front_end))
        (staging / "model.safetensors").write_bytes(save(weights, {"format": "pt"}))
        copy_card(folder, staging, card)
    return MODELS[model_type]


def _differences(front_end: Waveform) -> str:
    """How states there may differ, for the card."""
    equal = front_end.variance_eps == VARIANCE_EPS or not front_end.normalised
    parts = ["" if equal else OTHERWISE_NORMALISED, ONE_BY_ONE if _grouped(front_end) else ""]
    return "".join(parts)


def _grouped(front_end: Waveform) -> bool:
    return isinstance(front_end.norms[0], UtteranceNorm)


def _model_type(speech: SpeechModel, folder: str | Path, asked: str | None) -> str:
    """The type that was asked for, or that fits."""
    if asked is not None and asked not in MODELS:
        raise UserError(f"--as {asked}: transformers' types are {', '.join(MODELS)}.")
    possible = possible_types(speech)
    if not possible:
        raise UserError(
            f"{folder}: transformers has no model with all that this one has: its positions, its "
            "norms and their eps are of several. Load it with mgf_brain."
        )
    if asked is not None and asked not in possible:
        raise UserError(
            f"--as {asked}: {MODELS[asked]} has other positions or norms than this model. Pass "
            f"--as {' or '.join(possible)}."
        )
    named = asked or _named_type(Path(folder) / "results.json")
    return named if named in possible else possible[0]


def _checked(encoder: nn.Module, folder: str | Path) -> SpeechModel:
    """The speech model of an encoder, if it is wav2vec 2.0's."""
    speech = getattr(encoder, "speech_model", None)
    found = [type(encoder)] if speech is None else [type(speech.front_end), type(speech.encoder)]
    if speech is None or found != [Waveform, TransformerEncoder]:
        names = " and ".join(kind.__name__ for kind in found)
        raise UserError(
            f"{folder}: transformers knows wav2vec 2.0's Waveform and TransformerEncoder, and this "
            f"model is made of {names}. Pretrain with --front_end wav2vec2 or waveform."
        )
    return speech


def _parts(speech: SpeechModel) -> tuple[Waveform, TransformerEncoder]:
    assert isinstance(speech.front_end, Waveform)  # see ``_checked``
    assert isinstance(speech.encoder, TransformerEncoder)
    return speech.front_end, speech.encoder


def _named_type(results: Path) -> str:
    """What the yaml of a run says by its name."""
    known = read_json(results) if results.is_file() else {}
    return "hubert" if "hubert" in Path(str(known.get("hparams", ""))).stem else "wav2vec2"


def _extractor_config(front_end: Waveform) -> dict[str, Any]:
    return {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "do_normalize": front_end.normalised,
        "feature_size": 1,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,  # padding is not to be looked at
        "sampling_rate": front_end.sample_rate,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
