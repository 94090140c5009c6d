"""Exports that ``transformers.AutoModel`` loads, where the architecture is wav2vec 2.0's.

HuBERT's is the same. What transformers names and stores otherwise, and how it is met:

- the LayerNorm on the latents stands before the projection there, and at the end of our front-end:
  the same operation;
- queries, keys and values are three layers there, and one here: its rows are split;
- hidden states with layers that normalise their input (``do_stable_layer_norm``): the last one is
  normalised here, there only as ``last_hidden_state``;
- the waveform is normalised by our front-end, and there by the feature extractor, with 1e-7 added
  to its variance. Equal for a front-end with ``variance_eps: 1.0e-7``; otherwise what the feature
  extractor makes of speech of deviation 0.05 is larger by 2e-4, and states of a random model
  differ by as much.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder.write import copy_card, staged_folder
from mgf_brain.nn.encoder import EncoderLayer, TransformerEncoder
from mgf_brain.nn.frontends import Waveform
from mgf_brain.nn.speech_model import SpeechModel

MODELS = {"wav2vec2": "Wav2Vec2Model", "hubert": "HubertModel"}
VARIANCE_EPS = 1e-7  # of transformers' Wav2Vec2FeatureExtractor

# Parts of a SpeechModel as regular expressions, and where transformers has them.
PLACES = (
    (r"front_end\.convs\.(\d+)", r"feature_extractor.conv_layers.\1.conv"),
    (r"front_end\.norms\.(\d+)", r"feature_extractor.conv_layers.\1.layer_norm"),
    (r"front_end\.norm", "feature_projection.layer_norm"),
    (r"encoder\.projection", "feature_projection.projection"),
    (r"encoder\.mask_embedding", "masked_spec_embed"),
    (r"encoder\.positions\.conv", "encoder.pos_conv_embed.conv"),
    (r"encoder\.norm", "encoder.layer_norm"),
    (r"encoder\.layers\.(\d+)\.attention_norm", r"encoder.layers.\1.layer_norm"),
    (r"encoder\.layers\.(\d+)\.ffn_norm", r"encoder.layers.\1.final_layer_norm"),
    (r"encoder\.layers\.(\d+)\.qkv", r"encoder.layers.\1.attention.{}_proj"),
    (r"encoder\.layers\.(\d+)\.out", r"encoder.layers.\1.attention.out_proj"),
    (r"encoder\.layers\.(\d+)\.ffn_in", r"encoder.layers.\1.feed_forward.intermediate_dense"),
    (r"encoder\.layers\.(\d+)\.ffn_out", r"encoder.layers.\1.feed_forward.output_dense"),
)
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
{normalisation}"""
OTHERWISE_NORMALISED = """
The model was trained on waveforms with 1e-5 added to their deviation; the feature extractor adds
1e-7 to their variance. That scales its input by 1 + 2e-4 at a deviation of 0.05, more for faint
speech, and states differ accordingly. A front-end with `variance_eps: 1.0e-7` has no difference.
"""


def transformers_config(speech: SpeechModel, model_type: str) -> dict[str, Any]:
    """What ``config.json`` says of a model.

    Arguments
    ---------
    speech : SpeechModel
        ``Waveform`` and ``TransformerEncoder``.
    model_type : str
        "wav2vec2" or "hubert".

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
    layer, positions = encoder.layers[0], encoder.positions.conv
    assert isinstance(layer, EncoderLayer) and isinstance(positions, nn.Conv1d)
    return {
        "architectures": [MODELS[model_type]],
        "model_type": model_type,
        "feat_extract_norm": "layer",
        "feat_extract_activation": "gelu",  # that of the positions too
        "conv_dim": [conv.out_channels for conv in convs],
        "conv_kernel": [conv.kernel_size[0] for conv in convs],
        "conv_stride": [conv.stride[0] for conv in convs],
        "conv_bias": True,
        "num_feat_extract_layers": len(convs),
        "feat_proj_layer_norm": True,
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
        "layerdrop": 0.0,
        "num_conv_pos_embeddings": positions.kernel_size[0],
        "num_conv_pos_embedding_groups": positions.groups,
    }


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
    placed = {}
    for name, tensor in speech.state_dict().items():
        place, tensor = _place(name), tensor.detach().cpu()
        if "{}" in place:
            parts = zip("qkv", tensor.chunk(3), strict=True)
            placed |= {place.format(letter): part.contiguous() for letter, part in parts}
        else:
            placed[place] = tensor.contiguous()
    return placed


def _place(name: str) -> str:
    """Where transformers has a weight."""
    for ours, theirs in PLACES:
        if match := re.match(rf"{ours}(?=\.|$)", name):
            return match.expand(theirs) + name[match.end() :]
    raise UserError(f"speech_model: wav2vec 2.0 has no place for the weight {name}.")


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
        "wav2vec2" or "hubert", which compute the same; by default what the run's yaml is named.

    Returns
    -------
    str
        The class that ``AutoModel`` makes of ``output``.

    Raises
    ------
    UserError
        If the model is of another architecture, or there is no such type.

    Example
    -------
    >>> model = SpeechEncoder.from_pretrained("path/to/pretrained")  # doctest: +SKIP
    >>> export_transformers(model, "path/to/pretrained", "path/to/export")  # doctest: +SKIP
    'Wav2Vec2Model'
    """
    speech = _checked(getattr(model, "encoder", model), folder)
    model_type = model_type or _named_type(Path(folder) / "results.json")
    if model_type not in MODELS:
        raise UserError(f"--as {model_type}: transformers' types are {', '.join(MODELS)}.")
    config, weights = transformers_config(speech, model_type), transformers_weights(speech)
    front_end, _ = _parts(speech)
    rate, name = front_end.sample_rate, MODELS[model_type]
    equal = front_end.variance_eps == VARIANCE_EPS
    card = CARD.format(name=name, rate=rate, normalisation="" if equal else OTHERWISE_NORMALISED)
    with staged_folder(output) as staging:
        _write_json(staging / "config.json", config)
        _write_json(staging / "preprocessor_config.json", _extractor_config(rate))
        (staging / "model.safetensors").write_bytes(save(weights, {"format": "pt"}))
        copy_card(folder, staging, card)
    return name


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


def _extractor_config(rate: int) -> dict[str, Any]:
    return {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "do_normalize": True,
        "feature_size": 1,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,  # padding is not to be looked at
        "sampling_rate": rate,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
