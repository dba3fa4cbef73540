from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from usmm.models import ModalityInteraction


def naive_conv(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """3x3 convolution with zero padding by loops over the output pixels."""
    height, width = x.shape[1:]
    padded = torch.zeros(x.shape[0], height + 2, width + 2, dtype=x.dtype)
    padded[:, 1:-1, 1:-1] = x
    out = torch.zeros(len(weight), height, width, dtype=x.dtype)
    for o in range(len(weight)):
        for i in range(height):
            for j in range(width):
                out[o, i, j] = (weight[o] * padded[:, i : i + 3, j : j + 3]).sum()
    return out


def naive_norm(x: torch.Tensor, norm: nn.BatchNorm2d) -> torch.Tensor:
    columns = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, var, weight, bias = (c.double().view(-1, 1, 1) for c in columns)
    return (x - mean) / (var + norm.eps).sqrt() * weight + bias


def naive_double_size(x: torch.Tensor) -> torch.Tensor:
    """Bilinear resize to twice the size, pixel centres at halves, borders repeated."""
    height, width = x.shape
    out = torch.zeros(2 * height, 2 * width, dtype=x.dtype)
    for i in range(2 * height):
        for j in range(2 * width):
            y, z = max((i + 0.5) / 2 - 0.5, 0.0), max((j + 0.5) / 2 - 0.5, 0.0)
            y0, z0 = int(y), int(z)
            y1, z1 = min(y0 + 1, height - 1), min(z0 + 1, width - 1)
            top = x[y0, z0] * (1 - (z - z0)) + x[y0, z1] * (z - z0)
            low = x[y1, z0] * (1 - (z - z0)) + x[y1, z1] * (z - z0)
            out[i, j] = top * (1 - (y - y0)) + low * (y - y0)
    return out


@pytest.mark.parametrize('relu_before_gate', [False, True])
@torch.no_grad()
def test_equals_a_naive_loop(relu_before_gate: bool) -> None:
    layer = ModalityInteraction(8, relu_before_gate=relu_before_gate)
    for norm in (layer.conv1.bn, layer.conv2.bn):
        for values in (norm.running_mean, norm.weight, norm.bias):
            values.normal_()
        norm.running_var.uniform_(0.5, 2)
    layer.eval()
    guide = torch.randn(1, 8, 3, 4)
    hidden = naive_norm(naive_conv(guide[0].double(), layer.conv1.conv.weight.double()), layer.conv1.bn).clamp(min=0)
    score = naive_norm(naive_conv(hidden, layer.conv2.conv.weight.double()), layer.conv2.bn)[0]
    score = score.clamp(min=0) if relu_before_gate else score
    expected = naive_double_size(score).apply_(lambda s: 1 / (1 + math.exp(-s)))
    torch.testing.assert_close(layer(guide, (6, 8))[0, 0], expected.float())


@pytest.mark.parametrize(('relu_before_gate', 'bounds'), [(False, (0, 0.3)), (True, (0.5, 0.6))])
@torch.no_grad()
def test_only_without_the_last_relu_can_a_place_be_shut_off(relu_before_gate: bool, bounds: tuple) -> None:
    gate = ModalityInteraction(16, relu_before_gate=relu_before_gate)(torch.randn(4, 16, 8, 8) * 5, (16, 16))
    assert gate.shape == (4, 1, 16, 16)
    assert bounds[0] <= float(gate.min()) < bounds[1]


def test_has_the_papers_591234_parameters() -> None:
    assert sum(p.numel() for p in ModalityInteraction(512).parameters()) == 591_234
