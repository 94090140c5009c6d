"""Exports for ONNX runtimes: from waveforms to states and embedding, without Python.

The graph is that of a whole recording: what lasts longer than ``mgf_brain.nn.chunks`` says must be
cut before. Batch and length are free; padding changes nothing, as in the model. Networks that look
whether anything is padded (x-vector, ECAPA-TDNN, ResNet) can't be followed, and are refused.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.folder.write import copy_card, staged_folder
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.chunks import WHOLE_SECONDS
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.progressive import ProgressiveModel
from mgf_brain.nn.speech_model import SpeechModel

GRAPH_FILE, CONFIG_FILE = "model.onnx", "config.json"
INPUTS = ("wavs", "lengths")
OUTPUTS = ("states", "frame_lengths", "embedding")
DIFFERENCE = 1e-3  # of the largest value, from which on the graph is not the model
CARD = """
## Running this folder with an ONNX runtime

It was exported from the folder that the code above is for.

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("path/to/this/folder/model.onnx")
inputs = {{"wavs": wavs, "lengths": lengths}}  # (B, N) float32 in [-1, 1], (B,) int64 samples
states, frame_lengths, embedding = session.run(None, inputs)
```

Waveforms are at {sample_rate:,} Hz, padded at the end, of {window} samples at least and
{whole:.0f} s at most. `states` are ({num_states}, B, frames, {dim}), from the first layer's input
to the top. Frame t sees the samples from {hop} t on, {window} of them; of row b the first
`frame_lengths[b]` count. `embedding` is (B, {embedding_dim}), to be compared by
cosine{threshold}. `config.json` holds these numbers. On noise the graph differed from the model by
{difference:.1g} at most.
"""


class Graph(nn.Module):
    """What is exported: an encoder, and what standardises its embeddings.

    Arguments
    ---------
    model : nn.Module
        A ``SpeechEncoder``, or a task's model with one.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> outputs = Graph(example_encoder())(torch.randn(2, 8000), torch.tensor([8000, 4000]))
    >>> [tuple(x.shape) for x in outputs]
    [(3, 2, 12, 32), (2,), (2, 64)]
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        encoder = getattr(model, "encoder", model)
        assert isinstance(encoder, SpeechEncoder)
        self.speech_model, self.embedding = encoder.speech_model, encoder.embedder
        self.standardiser = getattr(model, "standardiser", nn.Identity())

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, N), (B,) samples -> states (L, B, T, D), (B,) valid frames, embedding (B, E)."""
        frames, states = self.speech_model(wavs, lengths)
        valid = valid_frames(frames.lengths, states[0].shape[1])
        embedding = self.embedding(states, valid, frames.colour).float()
        return torch.stack(states), frames.lengths, self.standardiser(embedding)


def export_onnx(model: nn.Module, folder: str | Path, output: str | Path) -> float:
    """Write a model folder anew as a graph for ONNX runtimes.

    Arguments
    ---------
    model : nn.Module
        What ``folder`` holds, on the CPU: a ``SpeechEncoder``, a ``SpeakerVerifier``, whose
        embeddings are standardised, or another task's model, whose head is left out.
    folder : str or Path
        ``pretrained/`` or ``model/`` of a run.
    output : str or Path
        Replaced as a whole.

    Returns
    -------
    float
        How far the graph's outputs are from the model's on noise of two lengths.

    Raises
    ------
    UserError
        If what is needed is not installed, or the model can't be exported.

    Example
    -------
    >>> model = SpeechEncoder.from_pretrained("path/to/pretrained")  # doctest: +SKIP
    >>> export_onnx(model, "path/to/pretrained", "path/to/export")  # doctest: +SKIP
    3e-06
    """
    encoder = getattr(model, "encoder", model)
    if not isinstance(encoder, SpeechEncoder):
        raise UserError(
            f"{folder} holds no network but {type(encoder).__name__}: nothing to export."
        )
    if type(encoder.speech_model) not in (SpeechModel, ProgressiveModel):
        name = type(encoder.speech_model).__name__
        raise UserError(
            f"{folder}: the network is another library's ({name}): export it by that library."
        )
    _require("onnx", "onnxscript", "onnxruntime")
    graph = Graph(model.cpu()).eval()
    with staged_folder(output) as staging:
        _write_graph(graph, _noise(encoder, 2), staging / GRAPH_FILE, folder)
        difference, size = _compared(graph, encoder, staging / GRAPH_FILE, folder)
        config = _config(model, encoder, size)
        (staging / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        words = {**config, "whole": WHOLE_SECONDS, "difference": difference}
        same = config["threshold"]
        words["threshold"] = "" if same is None else f": the same speaker from {same:.4g} on"
        copy_card(folder, staging, CARD.format(**words))
    return difference


def _config(model: nn.Module, encoder: SpeechEncoder, embedding_dim: int) -> dict[str, Any]:
    sizes = {key: getattr(encoder, key) for key in ("sample_rate", "hop", "window", "dim")}
    return {
        **sizes,
        "num_states": encoder.num_states,
        "embedding_dim": embedding_dim,
        "threshold": getattr(model, "threshold", None),
        "inputs": INPUTS,
        "outputs": OUTPUTS,
    }


def _noise(encoder: SpeechEncoder, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of a second and less, padded, on which the graph is traced and compared."""
    size = max(encoder.sample_rate, encoder.window + 9 * encoder.hop)
    lengths = torch.linspace(size, encoder.window + 3 * encoder.hop, rows).long()
    wavs = 0.1 * torch.randn(rows, size, generator=torch.Generator().manual_seed(0))
    return wavs * valid_frames(lengths, size), lengths


def _write_graph(
    graph: Graph, inputs: tuple[torch.Tensor, torch.Tensor], path: Path, folder: str | Path
) -> None:
    free = torch.export.Dim.DYNAMIC
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                graph,
                inputs,
                input_names=INPUTS,
                output_names=OUTPUTS,
                dynamic_shapes={"wavs": {0: free, 1: free}, "lengths": {0: free}},
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # of many kinds: what torch can't follow in a model of any class
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise UserError(f"{folder} can't become an ONNX graph: {reason}") from error
    assert program is not None
    wavs = program.model.graph.inputs[0]
    if wavs.shape is None or any(isinstance(size, int) for size in wavs.shape):
        raise UserError(f"{folder} can't become an ONNX graph of any length: {wavs.shape}.")
    program.save(path)


def _compared(
    graph: Graph, encoder: SpeechEncoder, path: Path, folder: str | Path
) -> tuple[float, int]:
    """How far the file is from the model, and the size of an embedding."""
    import onnxruntime

    session, differences, size = onnxruntime.InferenceSession(path), [], 0
    for rows in (3, 1):  # other batches than the one that was traced
        wavs, lengths = _noise(encoder, rows)
        made = session.run(None, dict(zip(INPUTS, (wavs.numpy(), lengths.numpy()), strict=True)))
        with torch.no_grad():
            expected = [x.numpy() for x in graph(wavs, lengths)]
        size = expected[-1].shape[1]
        for name, a, b in zip(OUTPUTS, made, expected, strict=True):
            differences.append(float(np.abs(a - b).max()))
            if not differences[-1] <= DIFFERENCE * max(1.0, float(np.abs(b).max())):
                raise UserError(
                    f"{folder}: its ONNX graph has other {name}, by {differences[-1]:g}."
                )
    return max(differences), size


def _require(*modules: str) -> None:
    for name in modules:
        try:
            __import__(name)
        except ImportError as error:
            raise UserError(f"{name} is not installed: pip install 'mgf_brain[onnx]'.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.onnx logs of packages that nobody needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
