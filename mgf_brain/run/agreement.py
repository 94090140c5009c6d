"""Values that are possible one by one, but not together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mgf_brain.errors import UserError

# A batch that can't hold one of these would be larger than it was allowed to be.
PIECES = ("longest_crop", "global_seconds", "chunk_seconds", "crop_seconds")


def check_agreement(values: Mapping[str, Any]) -> None:
    """Raise a UserError if two values of a run do not go together.

    Arguments
    ---------
    values : mapping of str to Any
        Of all keys, each of its kind; and ``device``.

    Example
    -------
    >>> check_agreement({"precision": "bf16", "device": "cpu"})
    >>> check_agreement({"precision": "fp16", "device": "cpu"})
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: precision: fp16 needs CUDA. Pass fp32 or bf16, or --device cuda.
    """
    for key in ("precision", "eval_precision"):
        if values.get(key) == "fp16" and not str(values["device"]).startswith("cuda"):
            raise UserError(f"{key}: fp16 needs CUDA. Pass fp32 or bf16, or --device cuda.")
    intervals = [_number(values.get(f"ckpt_interval_{unit}")) or 0 for unit in ("minutes", "steps")]
    if min(intervals) > 0:
        raise UserError(
            "ckpt_interval_minutes and ckpt_interval_steps exclude each other. Set one to 0."
        )
    budget = _number(values.get("batch_seconds"))
    for key in PIECES:
        piece = _number(values.get(key))
        if budget is not None and piece is not None and budget < piece:
            raise UserError(
                f"batch_seconds: {budget} holds no piece of {key}, {piece}. Raise it, or lower "
                f"{key}."
            )
    encoder = values.get("encoder", {})
    dim, heads = (_number(encoder.get(name)) for name in ("dim", "heads"))
    if dim and heads and dim % heads:
        raise UserError(f"encoder: {heads} heads do not divide its dim, {dim}. Change one of them.")


def _number(value: Any) -> float | None:
    """A value that is one already: not a tag, which becomes one when objects are built."""
    return value if isinstance(value, (int, float)) else None
