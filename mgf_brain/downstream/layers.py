"""The parts of an encoder that is tuned: its layers, and what lies below and above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint


def layers_of(encoder: nn.Module) -> list[nn.Module]:
    """The layers of an encoder's network, from the input up; none if it has no network.

    Arguments
    ---------
    encoder : torch.nn.Module
        A ``SpeechEncoder``. Of one that wraps another library's model, its longest stack counts:
        the list of modules with the most parameters.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> [type(layer).__name__ for layer in layers_of(example_encoder(layers=2))]
    ['EncoderLayer', 'EncoderLayer']
    """
    model = getattr(encoder, "speech_model", encoder)
    layers = getattr(getattr(model, "encoder", None), "layers", None)
    if layers is not None:
        return list(layers)
    stacks = [part for part in model.modules() if isinstance(part, nn.ModuleList)]
    return list(max(stacks, key=_size, default=()))


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@contextmanager
def recomputed(layers: Sequence[nn.Module]) -> Iterator[None]:
    """In this block layers keep their input alone, and compute the rest again for the gradients.

    Chen et al. (2016), "Training deep nets with sublinear memory cost". Dropout draws the same.

    Example
    -------
    >>> import torch
    >>> layer, x = nn.Linear(2, 2), torch.ones(1, 2)
    >>> with recomputed([layer]):
    ...     layer(x).sum().backward()
    >>> layer.weight.grad
    tensor([[1., 1.],
            [1., 1.]])
    """
    for layer in layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's is there again


def parameter_groups(
    encoder: nn.Module, head: nn.Module, decay: float = 1.0
) -> list[dict[str, Any]]:
    """Parameters by depth, each layer's rate ``decay`` times that of the layer above.

    Arguments
    ---------
    encoder : SpeechEncoder
        Its front-end counts as one layer, with attentive pooling if it has it. What of it does not
        learn is left out.
    head : torch.nn.Module
        Learns at the full rate, and so do the affine layers of the encoder's embedding.
    decay : float
        1: one rate for all.

    Returns
    -------
    list of dict
        ``params`` and ``scale``, for an optimizer and ``BaseBrain``.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> groups = parameter_groups(example_encoder(layers=2), nn.Linear(2, 2), decay=0.5)
    >>> [group["scale"] for group in groups]
    [1.0, 0.5, 0.25, 0.125]
    """
    layers = [list(layer.parameters()) for layer in layers_of(encoder)]
    inside = {id(p) for layer in layers for p in layer}
    below = [p for p in body_of(encoder).parameters() if id(p) not in inside]
    stack = [head_parameters(encoder, head), *reversed(layers), below]
    groups = [
        {"params": [p for p in parameters if p.requires_grad], "scale": decay**depth}
        for depth, parameters in enumerate(stack)
    ]
    return [group for group in groups if group["params"]]


def body_of(encoder: nn.Module) -> nn.Module:
    """All of an encoder but the affine layers of its embedding: up to where it is pooled."""
    parts = [getattr(encoder, "speech_model", encoder)]
    pool = getattr(getattr(encoder, "embedding", None), "pool", None)
    return nn.ModuleList(parts + ([pool] if pool is not None else []))


def head_parameters(encoder: nn.Module, head: nn.Module) -> list[nn.Parameter]:
    """What the first of two steps trains: the head, and the encoder's last affine layers.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> [parameter.shape for parameter in head_parameters(example_encoder(), nn.Linear(2, 3))]
    [torch.Size([3, 2]), torch.Size([3])]
    """
    body = {id(p) for p in body_of(encoder).parameters()}
    return [*head.parameters(), *(p for p in encoder.parameters() if id(p) not in body)]
