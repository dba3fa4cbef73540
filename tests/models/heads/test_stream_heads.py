"""The heads that decide by the streams' own predictions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from usmm.models import LateFusionHead, ScoreTreeHead
from usmm.models.heads.late_fusion import log_mean_probability

WIDTHS = dict(bus=4, cdfi=4, ue=4, dceus=2)
SUPERVISED: list[dict[str, Any]] = [dict(type='CrossEntropyLoss'), dict(type='DeepSupervisionLoss', loss_weight=1.0)]


def vectors(batch: int = 5) -> dict[str, torch.Tensor]:
    return {s: torch.randn(batch, w) for s, w in WIDTHS.items()}


def linear(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return x @ layer.weight.T + layer.bias


def test_late_fusion_is_the_mean_of_the_probabilities() -> None:
    head, given = LateFusionHead(3, 14, WIDTHS), vectors()
    logits, aux = head(torch.zeros(5, 14), given)
    mean = sum(linear(head.aux[s], given[s]).softmax(1) for s in WIDTHS) / 4
    torch.testing.assert_close(logits.softmax(1), mean)
    assert list(aux) == list(WIDTHS)
    assert sum(p.numel() for p in head.parameters()) == 3 * sum(WIDTHS.values()) + 4 * 3


def test_late_fusion_counts_the_streams_that_are_there() -> None:
    head, given = LateFusionHead(2, 14, WIDTHS), vectors(2)
    present = {s: torch.tensor([True, s in ('bus', 'ue')]) for s in WIDTHS}
    logits, aux = head(torch.zeros(2, 14), given, present)
    expected = (aux['bus'].softmax(1)[1] + aux['ue'].softmax(1)[1]) / 2
    torch.testing.assert_close(logits.softmax(1)[1], expected)
    torch.testing.assert_close(logits[:1], head(torch.zeros(2, 14), given)[0][:1])


def test_wild_logits_stay_finite() -> None:
    wild = torch.tensor([[[1e4, -1e4]], [[-1e4, 1e4]]])
    torch.testing.assert_close(log_mean_probability(wild).exp(), torch.tensor([[0.5, 0.5]]))


def test_each_stream_of_late_fusion_has_its_own_loss() -> None:
    head, given = LateFusionHead(2, 14, WIDTHS), vectors(4)
    target = torch.tensor([0, 1, 1, 0])
    present = {s: torch.ones(4, dtype=torch.bool) for s in WIDTHS}
    present['ue'], present['cdfi'] = torch.tensor([True, False, True, False]), torch.zeros(4, dtype=torch.bool)
    logits, aux = head(torch.zeros(4, 14), given, present)
    losses = head.loss(logits, aux, given, target, None, present)
    assert set(losses) == {f'loss_cross_entropy_{s}' for s in WIDTHS}
    torch.testing.assert_close(losses['loss_cross_entropy_bus'], F.cross_entropy(aux['bus'], target))
    torch.testing.assert_close(losses['loss_cross_entropy_ue'], F.cross_entropy(aux['ue'][[0, 2]], target[[0, 2]]))
    empty = losses['loss_cross_entropy_cdfi']
    assert empty.requires_grad and empty.item() == 0


def test_flat_score_tree_is_a_layer_on_the_probabilities() -> None:
    head, given = ScoreTreeHead(2, 14, WIDTHS, losses=SUPERVISED), vectors()
    logits, aux = head(torch.zeros(5, 14), given)
    scores = torch.cat([linear(head.aux[s], given[s]).softmax(1) for s in WIDTHS], dim=1)
    torch.testing.assert_close(logits, linear(head.fc, scores))
    assert sum(p.numel() for p in head.fc.parameters()) == 8 * 2 + 2
    losses = head.loss(logits, aux, given, torch.arange(5) % 2)
    expected = sum(F.cross_entropy(aux[s], torch.arange(5) % 2) for s in WIDTHS)
    torch.testing.assert_close(losses['loss_deep_supervision'], expected)


def test_nested_score_tree() -> None:
    head, given = ScoreTreeHead(2, 14, WIDTHS, [['bus', ['cdfi', 'ue']], 'dceus'], SUPERVISED), vectors()
    logits, aux = head(torch.zeros(5, 14), given)
    p = {s: linear(head.aux[s], given[s]).softmax(1) for s in WIDTHS}
    pair = linear(head.groups['cdfi+ue'], torch.cat([p['cdfi'], p['ue']], 1))
    group = linear(head.groups['bus+cdfi+ue'], torch.cat([p['bus'], pair.softmax(1)], 1))
    torch.testing.assert_close(logits, linear(head.fc, torch.cat([group.softmax(1), p['dceus']], 1)))
    assert set(aux) == {*WIDTHS, 'cdfi+ue', 'bus+cdfi+ue'}
    torch.testing.assert_close(aux['bus+cdfi+ue'], group)


@pytest.mark.parametrize('streams', [('bus', 'dceus'), ('dceus',), ('cdfi', 'ue')])
def test_a_tree_loses_the_streams_that_a_model_has_not(streams: tuple[str, ...]) -> None:
    head = ScoreTreeHead(2, 8, {s: WIDTHS[s] for s in streams}, (('bus', 'cdfi', 'ue'), 'dceus'))
    assert set(head.tree) == set(streams) and len(head.groups) == 0
    assert head.fc.in_features == 2 * len(streams)


def test_an_absent_stream_says_nothing_in_a_score_tree() -> None:
    head, given = ScoreTreeHead(2, 14, WIDTHS), vectors(2)
    present = {s: torch.tensor([s != 'ue', True]) for s in WIDTHS}
    logits, _ = head(torch.zeros(2, 14), given, present)
    scores = torch.cat([linear(head.aux[s], given[s]).softmax(1) for s in WIDTHS], dim=1)
    scores[0, 4:6] = 0.5
    torch.testing.assert_close(logits, linear(head.fc, scores))


@pytest.mark.parametrize('tree', [('bus', 'cdfi', 'ue'), ('bus', 'bus', 'cdfi', 'ue', 'dceus')])
def test_a_tree_names_every_stream_once(tree: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"tree of ScoreTreeHead must name each of \['bus', .*\] once, got"):
        ScoreTreeHead(2, 14, WIDTHS, tree)


@pytest.mark.parametrize('cls', [LateFusionHead, ScoreTreeHead])
def test_no_stream(cls: Any) -> None:
    with pytest.raises(ValueError, match=f'{cls.__name__} needs one stream or more, got none'):
        cls(2, 8, {})


def test_losses_of_late_fusion_take_logits() -> None:
    with pytest.raises(ValueError, match=r"own losses on logits, got \['loss_deep_supervision'\]"):
        LateFusionHead(2, 14, WIDTHS, SUPERVISED)
