"""Counted operations against counts by hand."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.flops import count_flops


def test_a_linear_layer_forward_and_backward():
    layer, x = nn.Linear(8, 16), torch.randn(10, 8, requires_grad=True)
    product = 2 * 10 * 8 * 16
    assert count_flops(lambda: layer(x)) == product
    assert count_flops(lambda: layer(x).sum().backward()) == 3 * product


def test_a_grouped_convolution_forward_and_backward():
    conv, x = nn.Conv1d(8, 12, 3, groups=4), torch.randn(2, 8, 20, requires_grad=True)
    product = 2 * 2 * 18 * 12 * (8 // 4) * 3  # batch, frames, outputs, inputs of a group, kernel
    assert count_flops(lambda: conv(x)) == product
    assert count_flops(lambda: conv(x).sum().backward()) == 3 * product


def test_a_transposed_convolution_forward_and_backward():
    conv, x = nn.ConvTranspose1d(4, 6, 8, stride=8), torch.randn(2, 4, 5, requires_grad=True)
    product = 2 * 2 * 5 * 4 * 6 * 8  # batch, input frames, inputs, outputs, kernel
    assert count_flops(lambda: conv(x)) == product
    assert count_flops(lambda: conv(x).sum().backward()) == 3 * product


def test_attention_on_the_cpu():
    q, k, v = (torch.randn(2, 3, 7, 4, requires_grad=True) for _ in range(3))
    product = 2 * 2 * 3 * 7 * 7 * 4
    attend = F.scaled_dot_product_attention
    assert count_flops(lambda: attend(q, k, v)) == 2 * product
    assert count_flops(lambda: attend(q, k, v).sum().backward()) == (2 + 5) * product


def test_a_fourier_transform_of_real_frames():
    x = torch.randn(3, 5, 256, requires_grad=True)
    transforms = 15 * (5 * 256 * 8) // 2  # 8 = log2(256); half of complex ones
    assert count_flops(lambda: torch.fft.rfft(x)) == transforms
    # The gradient takes a whole complex transform: half of its input is zeros.
    assert count_flops(lambda: torch.fft.rfft(x).abs().sum().backward()) == 3 * transforms


def test_an_inverse_fourier_transform_to_real_frames():
    x = torch.randn(3, 5, 129, dtype=torch.complex64, requires_grad=True)
    transforms = 15 * (5 * 256 * 8) // 2
    assert count_flops(lambda: torch.fft.irfft(x)) == transforms
    assert count_flops(lambda: torch.fft.irfft(x).sum().backward()) == 2 * transforms


def test_a_transformer_layer_by_hand():
    from mgf_brain.nn.encoder import EncoderLayer

    dim, ffn, batch, frames = 32, 64, 2, 10
    layer, x = EncoderLayer(dim, 4, ffn), torch.randn(batch, frames, dim, requires_grad=True)
    products = 2 * batch * frames * (4 * dim * dim + 2 * dim * ffn)
    attention = 2 * batch * frames * frames * dim  # one of the two products, over all heads
    assert count_flops(lambda: layer(x)) == products + 2 * attention
    expected = 3 * products + 7 * attention
    assert count_flops(lambda: layer(x).sum().backward()) == expected
