from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from usmm.models import LinearHead
from usmm.models.losses.focal import FocalLoss

STREAMS = dict(static=256, dynamic=256)
FOCAL: dict[str, Any] = dict(type='FocalLoss')
SUPERVISION: dict[str, Any] = dict(type='DeepSupervisionLoss', loss_weight=0.3)
ORTHOGONAL: dict[str, Any] = dict(type='OrthogonalLoss', loss_weight=0.1)
ENTROPY: dict[str, Any] = dict(type='CrossEntropyLoss')


def forward(head: LinearHead, batch: int = 4) -> tuple:
    vectors = {s: torch.randn(batch, w) for s, w in STREAMS.items()}
    vector = torch.randn(batch, head.fc.in_features)
    return (*head(vector, vectors), vectors, torch.arange(batch) % 2)


@pytest.mark.parametrize(
    ('losses', 'aux', 'parameters'),
    [(None, set(), 514), ([FOCAL, ORTHOGONAL], set(), 514), ([FOCAL, SUPERVISION], set(STREAMS), 3 * 514)],
)
def test_auxiliary_layers_only_where_a_loss_takes_them(losses: Any, aux: set[str], parameters: int) -> None:
    head = LinearHead(2, 256, STREAMS, losses)
    assert set(head.aux) == aux
    assert sum(p.numel() for p in head.parameters()) == parameters


def test_losses_are_combined_by_config() -> None:
    head = LinearHead(2, 256, STREAMS, [ENTROPY, SUPERVISION, ORTHOGONAL])
    logits, aux, vectors, target = forward(head)
    losses = head.loss(logits, aux, vectors, target)
    cosine = F.cosine_similarity(vectors['static'], vectors['dynamic']).abs().mean()
    expected = dict(
        loss_cross_entropy=F.cross_entropy(logits, target),
        loss_deep_supervision=0.3 * sum(F.cross_entropy(a, target) for a in aux.values()),
        loss_orthogonal=0.1 * cosine,
    )
    assert list(losses) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)


def test_two_losses_of_one_kind_keep_their_own_names() -> None:
    assert len(LinearHead(2, 256, STREAMS, [FOCAL, FOCAL]).losses) == 2


def test_losses_between_streams_look_at_complete_rows_only() -> None:
    head = LinearHead(2, 256, STREAMS, [ENTROPY, SUPERVISION, ORTHOGONAL])
    logits, aux, vectors, target = forward(head)
    complete = torch.tensor([True, False, True, False])
    losses = head.loss(logits, aux, vectors, target, complete)
    part = {s: v[complete] for s, v in vectors.items()}
    torch.testing.assert_close(losses['loss_cross_entropy'], F.cross_entropy(logits, target))
    cosine = F.cosine_similarity(part['static'], part['dynamic']).abs().mean()
    torch.testing.assert_close(losses['loss_orthogonal'], 0.1 * cosine)
    none = head.loss(logits, aux, vectors, target, torch.zeros(4, dtype=torch.bool))
    assert float(none['loss_orthogonal'].detach()) == 0
    assert float(none['loss_deep_supervision'].detach()) == 0
    assert none['loss_deep_supervision'].requires_grad


def test_losses_are_float32_under_bf16() -> None:
    head = LinearHead(2, 256, STREAMS, [FOCAL, SUPERVISION, ORTHOGONAL])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logits, aux, vectors, target = forward(head)
        vectors = {s: v.bfloat16() for s, v in vectors.items()}
        losses = head.loss(logits, aux, vectors, target)
    assert logits.dtype == torch.bfloat16
    assert {v.dtype for v in losses.values()} == {torch.float32}


def test_a_loss_between_streams_is_dropped_for_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr('usmm.models.heads.linear.print_log', lambda line, logger: lines.append(line))
    head = LinearHead(2, 256, dict(static=256), [FOCAL, SUPERVISION, ORTHOGONAL])
    assert lines == [
        'DeepSupervisionLoss needs 2 streams, this model has 1: dropped',
        'OrthogonalLoss needs 2 streams, this model has 1: dropped',
    ]
    assert list(head.losses) == ['loss_focal']
    assert len(head.aux) == 0


def test_no_loss_left() -> None:
    with pytest.raises(ValueError, match=r"no loss is left for a model with 1 stream\(s\): \['OrthogonalLoss'\]"):
        LinearHead(2, 256, dict(static=256), [ORTHOGONAL])


def test_dropout() -> None:
    head = LinearHead(2, 256, STREAMS, dropout=0.5)
    vector = torch.randn(2, 256)
    assert not torch.equal(head(vector, {})[0], head(vector, {})[0])


@pytest.mark.parametrize(
    'loss', [dict(type='FocalLoss', alpha=(0.4, 0.6)), dict(type='CrossEntropyLoss', class_weight=(1, 2))]
)
def test_class_weights_must_fit_the_classes(loss: dict) -> None:
    assert LinearHead(2, 4, losses=[loss]).num_classes == 2
    with pytest.raises(ValueError, match=r'loss_\w+ has 2 class weights for 3 classes'):
        LinearHead(3, 4, losses=[loss])


def test_a_loss_that_does_not_state_what_it_takes() -> None:
    with pytest.raises(TypeError, match=r"a loss of a head, got type='ChannelAttention', which has no \['min_streams'"):
        LinearHead(2, 256, STREAMS, losses=[dict(type='ChannelAttention')])


def test_a_loss_that_takes_what_no_head_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FocalLoss, 'takes', 'feats')
    message = r"FocalLoss\.takes must be one of \['logits', 'aux_logits', 'vectors'\], got 'feats'"
    with pytest.raises(ValueError, match=message):
        LinearHead(2, 256, STREAMS, losses=[dict(type='FocalLoss')])
