"""Projector and predictor at the paper's sizes."""

from __future__ import annotations

import torch
from torch import nn

from usmm.models.layers.projector import ContrastiveMLP


def test_layers_and_sizes_of_the_paper():
    kinds = [type(layer) for layer in ContrastiveMLP(1408)]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.SiLU, nn.Linear]  # no norm, no activation on the output
    for width, expected in ((1408, (1408, 1792, 256)), (256, (256, 1792, 256))):
        first, _, _, last = ContrastiveMLP(width)
        assert (first.in_features, first.out_features, last.out_features) == expected


def test_outputs_may_be_negative():
    assert (ContrastiveMLP(8, 16, 4)(torch.randn(32, 8)) < 0).any()
