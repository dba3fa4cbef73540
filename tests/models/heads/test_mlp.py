"""MLP head: what it computes, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from usmm.models import MLPHead


def test_two_layers_with_a_relu_between_them() -> None:
    head = MLPHead(3, 8, hidden_channels=4)
    x = torch.randn(5, 8)
    logits, aux = head(x, {})
    first, last = head.hidden[0], head.fc
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    torch.testing.assert_close(logits, hidden @ last.weight.T + last.bias)
    assert aux == {} and logits.shape == (5, 3)


def test_the_paper_head() -> None:
    head = MLPHead(3, 2048)
    assert [tuple(p.shape) for n, p in head.named_parameters() if n.endswith('weight')] == [(3, 256), (256, 2048)]


def test_losses_and_auxiliary_layers_are_those_of_the_linear_head() -> None:
    head = MLPHead(2, 8, dict(a=5), [dict(type='CrossEntropyLoss'), dict(type='DeepSupervisionLoss')])
    logits, aux = head(torch.randn(4, 8), dict(a=torch.randn(4, 5)))
    losses = head.loss(logits, aux, dict(a=torch.randn(4, 5)), torch.arange(4) % 2)
    assert set(losses) == {'loss_cross_entropy'} and torch.isfinite(losses['loss_cross_entropy'])


def test_no_channels() -> None:
    with pytest.raises(ValueError, match='hidden_channels of MLPHead must be 1 or more, got 0'):
        MLPHead(2, 8, hidden_channels=0)
