"""Padded batches that users hand over as tensors: checked before an encoder makes noise of them."""

from __future__ import annotations

from typing import Any

import torch

from mgf_brain.errors import UserError


def check_batch(wavs: Any, lengths: Any, shortest: int, relative: bool = False) -> torch.Tensor:
    """Lengths in samples of a padded batch.

    Arguments
    ---------
    wavs : torch.Tensor
        (B, N) floats in [-1, 1], padded at the end.
    lengths : torch.Tensor
        (B,) whole numbers of samples; with ``relative`` shares of N.
    shortest : int
        Samples that each row needs.
    relative : bool

    Returns
    -------
    torch.Tensor
        (B,) ``lengths`` itself; int64 with ``relative``.

    Raises
    ------
    UserError
        If either is something else, or a row is shorter than that or longer than N.

    Example
    -------
    >>> check_batch(torch.zeros(2, 8000), torch.tensor([1.0, 0.5]), 400, relative=True)
    tensor([8000, 4000])
    >>> check_batch(torch.zeros(2, 8000), torch.tensor([1.0, 0.5]), 400)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: lengths: torch.float32 counts no samples. Pass ...
    """
    if not isinstance(wavs, torch.Tensor) or wavs.dim() != 2 or not len(wavs):
        raise UserError(
            f"wavs: a batch is a tensor (rows, samples), not {_found(wavs)}. Pad recordings to one "
            "length with torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)."
        )
    if not wavs.is_floating_point():
        raise UserError(f"wavs: {wavs.dtype} is no type of a batch. Pass floats within [-1, 1].")
    rows, size = wavs.shape
    if not isinstance(lengths, torch.Tensor) or lengths.shape != (rows,):
        raise UserError(
            f"lengths: a number for each of {rows} rows is wanted, a tensor ({rows},), not "
            f"{_found(lengths)}. Pass one."
        )
    if relative:
        return _check(_samples(lengths, size), size, shortest)
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise UserError(
            f"lengths: {lengths.dtype} counts no samples. Pass int64; of relative ones, "
            "(lengths * wavs.shape[1]).round().long()."
        )
    return _check(lengths, size, shortest)


def _samples(lengths: torch.Tensor, size: int) -> torch.Tensor:
    samples = (lengths * size).round()
    for share, count in zip(lengths.tolist(), samples.tolist(), strict=True):
        if not (share > 0 and count <= size):  # as NaN is
            raise UserError(
                f"lengths: {share:g} is no share of the longest row. Pass samples divided by "
                "wavs.shape[1], above 0 and up to 1."
            )
    return samples.long()


def _check(lengths: torch.Tensor, size: int, shortest: int) -> torch.Tensor:
    for row, length in enumerate(lengths.tolist()):
        if length > size or length < 1:
            raise UserError(
                f"lengths: {length} of row {row} is not from 1 to {size}, the samples that it has. "
                "Pass how many are not padding."
            )
        if length < shortest:
            raise UserError(
                f"wavs: row {row} is shorter than a frame ({shortest} samples). Pass longer audio."
            )
    return lengths


def _found(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__
