"""Exports that SpeechBrain's own inference classes load: its layout of a folder, our modules.

The yaml names classes of this package, which must be installed where it is loaded: the model, and
``mgf_brain.inference.adapters`` around it.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from ruamel.yaml.comments import TaggedScalar
from ruamel.yaml.tag import Tag
from speechbrain.dataio.encoder import CategoricalEncoder
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.folder.safe_yaml import refuse_brackets
from mgf_brain.folder.source import YAML_FILE
from mgf_brain.folder.write import copy_card, dump_expanded, new_node, staged_folder
from mgf_brain.inference import (
    SpeakerVerifier,
    SpeechEncoder,
    SpeechRecognizer,
    UtteranceClassifier,
)
from mgf_brain.inference.task import SpeechTask
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.nn.masking import lengths_of

# The classes of speechbrain.inference that an export serves, the one for its task first.
SERVED = {
    SpeechEncoder: ("WaveformEncoder", "EncoderClassifier", "SpeakerRecognition"),
    SpeakerVerifier: ("SpeakerRecognition", "EncoderClassifier", "WaveformEncoder"),
    UtteranceClassifier: ("EncoderClassifier", "WaveformEncoder"),
    SpeechRecognizer: ("EncoderASR",),
}
MODULES = {
    "SpeakerRecognition": "speaker",
    "EncoderClassifier": "classifiers",
    "WaveformEncoder": "encoders",
    "EncoderASR": "ASR",
}
CALLS = {
    "WaveformEncoder": """\
states = model.encode_file("speech.wav")  # (1, frames, channels), the top layer
""",
    "SpeakerRecognition": """\
score, _ = model.verify_files("a.wav", "b.wav")  # a cosine, and a decision at 0.25
same = score >= model.hparams.threshold  # a better decision, if this model has a threshold
""",
    "EncoderClassifier": """\
log_probabilities, score, index, labels = model.classify_file("speech.wav")
""",
    "EncoderASR": """\
text = model.transcribe_file("speech.wav")
""",
}
CARD = """
## Loading this folder with SpeechBrain

It was exported for these classes of `speechbrain.inference`: {served}.
Its yaml names modules of mgf_brain, which must be installed. The code above is for the folder that
it came from.

```python
from speechbrain.inference.{module} import {name}

model = {name}.from_hparams(source="path/to/this/folder", savedir="path/to/another")
{call}```
"""

# What follows the model in the yaml. SpeechBrain's features and normalisation are inside the model.
COMMON_YAML = """\
audio_normalizer: !new:mgf_brain.inference.adapters.MonoAudio
  sample_rate: !ref <sample_rate>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables: !ref <loadables>
"""
VERIFIER_YAML = """\
loadables:
  model: !ref <model>
mean_var_norm_emb: !new:mgf_brain.inference.adapters.PassOn {}
modules:
  encoder: !new:mgf_brain.inference.adapters.LayerStates
    model: !ref <model>
  compute_features: !new:mgf_brain.inference.adapters.PassOn {}
  mean_var_norm: !new:mgf_brain.inference.adapters.PassOn {}
  embedding_model: !new:mgf_brain.inference.adapters.Embedding
    model: !ref <model>
  mean_var_norm_emb: !ref <mean_var_norm_emb>
"""
CLASSIFIER_YAML = """\
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder {}
loadables:
  model: !ref <model>
  label_encoder: !ref <label_encoder>
modules:
  encoder: !new:mgf_brain.inference.adapters.LayerStates
    model: !ref <model>
  compute_features: !new:mgf_brain.inference.adapters.PassOn {}
  mean_var_norm: !new:mgf_brain.inference.adapters.PassOn {}
  embedding_model: !new:mgf_brain.inference.adapters.ProbeInput
    model: !ref <model>
  classifier: !new:mgf_brain.inference.adapters.ProbeOutput
    model: !ref <model>
"""
RECOGNISER_YAML = """\
modules:
  encoder: !new:mgf_brain.inference.adapters.TokenLogProbabilities
    model: !ref <model>
"""
SYMBOLS_YAML = """\
tokenizer: !new:mgf_brain.inference.adapters.SymbolDecoder
  model: !ref <model>
loadables:
  model: !ref <model>
decoding_function: !name:mgf_brain.inference.adapters.best_paths
  blanks: 0  # SpeechBrain wants a function with an argument set
"""
UNITS_YAML = """\
tokenizer: !new:sentencepiece.SentencePieceProcessor {}
loadables:
  model: !ref <model>
  tokenizer: !ref <tokenizer>
decoding_function: !name:mgf_brain.inference.adapters.best_paths
  blanks: 1  # SentencePiece's numbers do not count the blank
"""


def export_speechbrain(
    model: SpeechEncoder | SpeechTask,
    folder: str | Path,
    output: str | Path,
    loaded_by: str | None = None,
) -> tuple[str, ...]:
    """Write a model folder anew, so that unmodified classes of SpeechBrain load it.

    Arguments
    ---------
    model : SpeechEncoder or SpeechTask
        What ``folder`` holds, on the CPU: of one of the classes in ``SERVED``.
    folder : str or Path
        ``pretrained/`` or ``model/`` of a run.
    output : str or Path
        Replaced as a whole.
    loaded_by : str, optional
        The class that is to load it; it must be among those that are returned.

    Returns
    -------
    tuple of str
        The classes of ``speechbrain.inference`` that load ``output``, the one for its task first.

    Raises
    ------
    UserError
        If the model has not what the class needs, or SpeechBrain would run words of its yaml.

    Example
    -------
    >>> model = UtteranceClassifier.from_pretrained("path/to/model")  # doctest: +SKIP
    >>> export_speechbrain(model, "path/to/model", "path/to/export")  # doctest: +SKIP
    ('EncoderClassifier', 'WaveformEncoder')
    """
    served = _served(model, folder, loaded_by)
    refuse_brackets(Path(folder) / YAML_FILE)
    task, parts = _task_and_parts(model, YAML().load(Path(folder) / YAML_FILE))
    with staged_folder(output) as staging:
        tree = {"sample_rate": task.encoder.sample_rate, "model": new_node(type(task), **parts)}
        if "threshold" in parts:
            tree["threshold"] = parts["threshold"]
        text = dump_expanded(tree) + COMMON_YAML + _write_side_files(task, staging)
        (staging / YAML_FILE).write_text(text, encoding="utf-8")
        weights = io.BytesIO()  # to a full disk torch says nothing that names it
        torch.save(task.state_dict(), weights)
        (staging / "model.ckpt").write_bytes(weights.getvalue())
        copy_card(folder, staging, _card(served))
    return served


def _served(model: nn.Module, folder: str | Path, loaded_by: str | None) -> tuple[str, ...]:
    """The classes that can load a model, checked."""
    name = type(model).__name__
    served = next((names for kind, names in SERVED.items() if isinstance(model, kind)), None)
    if served is None:
        raise UserError(f"{folder} holds a {name}, which no class of SpeechBrain can load.")
    if loaded_by not in (None, *served):
        raise UserError(
            f"{folder}: {loaded_by} needs what a {name} has not; it serves {', '.join(served)}. "
            "Pass one of these as --as, or another folder."
        )
    return served


def _task_and_parts(
    model: SpeechEncoder | SpeechTask, parts: dict[str, Any]
) -> tuple[SpeechTask, dict[str, Any]]:
    """What is exported, and the arguments of its class as nodes of a yaml."""
    if isinstance(model, SpeechRecognizer):
        return model, {**parts, "tokens": _tokens_node(model.tokens)}
    if not isinstance(model, SpeechEncoder):
        return model, dict(parts)
    second = torch.zeros(1, model.sample_rate)
    size = model.embed(second, lengths_of(second)).shape[1]
    verifier = SpeakerVerifier(model, size).eval()  # whose embeddings nothing standardises
    return verifier, {"encoder": new_node(SpeechEncoder, **parts), "embedding_dim": size}


def _tokens_node(tokens: Tokens | SentencePieceTokens) -> Any:
    """What the model in the export has as its tokens; units are in SpeechBrain's tokenizer."""
    if isinstance(tokens, SentencePieceTokens):
        return TaggedScalar("<tokenizer>", tag=Tag(suffix="!ref"))
    return new_node(Tokens, symbols=tokens.names[1:], separator=tokens.separator)


def _write_side_files(model: SpeechTask, folder: Path) -> str:
    """Write what SpeechBrain loads beside the weights; return the yaml that names it."""
    if isinstance(model, UtteranceClassifier):
        labels = CategoricalEncoder()
        labels.update_from_iterable(model.labels)
        labels.save(folder / "label_encoder.ckpt")
        return CLASSIFIER_YAML
    if isinstance(model, SpeakerVerifier):
        return VERIFIER_YAML
    if isinstance(model.tokens, SentencePieceTokens):
        shutil.copy(model.tokens.path, folder / "tokenizer.ckpt")
        return UNITS_YAML + RECOGNISER_YAML
    return SYMBOLS_YAML + RECOGNISER_YAML


def _card(served: tuple[str, ...]) -> str:
    name = served[0]
    return CARD.format(served=", ".join(served), name=name, module=MODULES[name], call=CALLS[name])
