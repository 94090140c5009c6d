"""Floating-point operations of a step, counted as it runs, and the rate that the machine reaches.

``torch.utils.flop_counter`` counts matrix products and convolutions, but takes attention on the
CPU and Fourier transforms for nothing; both get a formula here. A multiplication with an addition
is two operations. Element-wise work isn't counted: the share of the limit is that of the products.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

aten = torch.ops.aten


def attention_flops(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    """Two products, query by key and weights by value, of shapes (B, heads, T, width)."""
    batch, heads, frames, width = query
    return 2 * batch * heads * frames * key[2] * (width + value[3])


def attention_backward_flops(
    gradient: Any, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any
) -> int:
    """Five products: the weights anew, and the gradients of weights, values, queries and keys."""
    batch, heads, frames, width = query
    return 2 * batch * heads * frames * key[2] * (3 * width + 2 * value[3])


def complex_fft_flops(signal: Any, dims: Any, *args: Any, **kwargs: Any) -> int:
    """5 n log2(n), the usual count; so is the gradient of a real one, padded with zeros."""
    n = math.prod(signal[d] for d in dims)
    return int(math.prod(signal) * 5 * math.log2(n))


def real_fft_flops(signal: Any, dims: Any, *args: Any, **kwargs: Any) -> int:
    """Half of a complex transform's."""
    return complex_fft_flops(signal, dims) // 2


def inverse_real_fft_flops(
    spectrum: Any, dims: Any, normalization: Any, last: int, *args: Any, **kwargs: Any
) -> int:
    """As many as of the transform of the real signal; ``last`` is its length."""
    signal = list(spectrum)
    signal[dims[-1]] = last
    return real_fft_flops(signal, dims)


def convolution_backward_flops(
    gradient: Any, signal: Any, weight: Any, *args: Any, **kwargs: Any
) -> int:
    """The forward count for the gradient of the input and again for that of the weight.

    Torch's own formula takes a grouped convolution for a full one.
    """
    _, _, _, _, transposed, _, _, wanted = args
    return sum(wanted[:2]) * conv_flop_count(signal, weight, gradient, transposed=transposed)


FORMULAS = {
    aten._scaled_dot_product_flash_attention_for_cpu: attention_flops,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward_flops,
    aten._fft_r2c: real_fft_flops,
    aten._fft_c2c: complex_fft_flops,
    aten._fft_c2r: inverse_real_fft_flops,
    aten.convolution_backward: convolution_backward_flops,
}


def count_flops(step: Callable[[], Any]) -> int:
    """Operations of one call, its backward pass included where it has one.

    Example
    -------
    >>> count_flops(lambda: torch.ones(2, 3) @ torch.ones(3, 4))
    48
    """
    with FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        step()
    return counter.get_total_flops()


def product_rate(dtype: torch.dtype = torch.float32, size: int = 2048, runs: int = 5) -> float:
    """Operations a second of a large matrix product, the best of a few runs.

    Example
    -------
    >>> product_rate(size=64) > 0
    True
    """
    a, b = torch.randn(size, size, dtype=dtype), torch.randn(size, size, dtype=dtype)
    best = math.inf
    for _ in range(runs):
        started = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best
