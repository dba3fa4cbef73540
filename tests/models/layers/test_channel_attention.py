from __future__ import annotations

import math

import pytest
import torch

from usmm.models import ChannelAttention


def naive(layer: ChannelAttention, image: torch.Tensor) -> torch.Tensor:
    """Equation 1, one number at a time."""
    w1, b1 = layer.squeeze.weight.tolist(), layer.squeeze.bias.tolist()
    w2, b2 = layer.excite.weight.tolist(), layer.excite.bias.tolist()
    out = image.clone()
    for n in range(len(image)):
        means = [float(image[n, c].double().mean()) for c in range(3)]
        hidden = [max(0.0, sum(w * m for w, m in zip(row, means)) + b) for row, b in zip(w1, b1)]
        scores = [sum(w * h for w, h in zip(row, hidden)) + b for row, b in zip(w2, b2)]
        if layer.gate == 'softmax':
            gates = [math.exp(s) / sum(math.exp(t) for t in scores) for s in scores]
        else:
            gates = [1 / (1 + math.exp(-s)) for s in scores]
        for c in range(3):
            out[n, c] *= gates[c]
    return out


@pytest.mark.parametrize('gate', ['softmax', 'sigmoid'])
def test_equals_a_naive_loop(gate: str) -> None:
    layer, image = ChannelAttention(gate=gate), torch.randn(3, 3, 5, 7)
    torch.testing.assert_close(layer(image), naive(layer, image))


def test_softmax_weights_of_an_image_sum_to_one() -> None:
    weights = ChannelAttention().weights(torch.rand(4, 3, 6, 6))
    torch.testing.assert_close(weights.sum(1), torch.ones(4))


def test_has_the_papers_73_parameters() -> None:
    assert sum(p.numel() for p in ChannelAttention().parameters()) == 73


def test_keeps_channels_last() -> None:
    image = torch.rand(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert ChannelAttention()(image).is_contiguous(memory_format=torch.channels_last)


def test_unknown_gate() -> None:
    with pytest.raises(ValueError, match=r"gate of ChannelAttention must be one of .* got 'tanh'"):
        ChannelAttention(gate='tanh')
