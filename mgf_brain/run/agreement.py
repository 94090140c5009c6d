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
    budget = values.get("batch_seconds")
    for key in PIECES:
        piece = values.get(key)
        if budget and _numbers(budget, piece) and budget < piece:
            raise UserError(
                f"batch_seconds: {budget} holds no piece of {key}, {piece}. Raise it, or lower "
                f"{key}."
            )
    encoder = values.get("encoder")
    if isinstance(encoder, dict) and _numbers(encoder.get("dim"), encoder.get("heads")):
        if encoder["dim"] % encoder["heads"]:
            raise UserError(
                f"encoder: {encoder['heads']} heads do not divide its dim, {encoder['dim']}. "
                "Change one of them."
            )


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) for value in values)
