"""Random numbers drawn from keys instead of a running stream.

Crops, masks and negatives of an utterance are drawn from ``(seed, epoch, utterance id)``: they do
not depend on the rank, the worker, the batch they fall in or on what was drawn before, so a run
that is resumed, or spread over more processes, draws the same numbers.
"""

from __future__ import annotations

import hashlib

import torch

# Constants of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), as signed 64-bit integers.
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64


def make_key(*parts: object) -> int:
    """Hash any printable parts to one 63-bit key.

    Arguments
    ---------
    *parts : object
        What identifies the draw, such as seed, epoch and utterance id.

    Returns
    -------
    int
        In [0, 2**63), the same on every machine.

    Example
    -------
    >>> make_key(0, 1, "utt") == make_key(0, 1, "utt"), make_key(0, 1) == make_key(1, 0)
    (True, False)
    """
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _shift(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical right shift, which torch lacks for signed integers."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def uniform(keys: torch.Tensor, count: int, stream: int = 0) -> torch.Tensor:
    """Uniform numbers in [0, 1), row b from ``keys[b]`` alone.

    Arguments
    ---------
    keys : torch.Tensor
        (B,) int64.
    count : int
        Numbers per key. Number t of a row is the same whatever the count: padding changes nothing.
    stream : int
        Different streams of a key are independent (masks 0, negatives 1, ...).

    Returns
    -------
    torch.Tensor
        (B, count) float32 with 24 random bits.

    Example
    -------
    >>> u = uniform(torch.tensor([7, 8]), 1000)
    >>> u.shape, bool(abs(u.mean() - 0.5) < 0.03)
    (torch.Size([2, 1000]), True)
    """
    steps = torch.arange(1, count + 1, device=keys.device, dtype=torch.int64)
    start = keys.to(torch.int64) * _MIX_1 + (stream + 1) * _MIX_2 % 2**62
    x = start[:, None] + steps[None] * _GOLDEN  # (B, count)
    x = (x ^ _shift(x, 30)) * _MIX_1
    x = (x ^ _shift(x, 27)) * _MIX_2
    x = x ^ _shift(x, 31)
    return _shift(x, 40).to(torch.float32) * 2.0**-24
