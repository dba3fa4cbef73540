"""The baselines as whole networks: dropped inputs, missing inputs, saved order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from usmm.models import SingleStream
from usmm.registry import MODELS

IMAGES = ('bus', 'cdfi', 'ue', 'dceus')
RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(0, 1, 2, 3))
ENCODER: dict[str, Any] = {
    **{m: dict(type='ImageEncoder', modality=m, backbone=RESNET) for m in IMAGES[:3]},
    'dceus': dict(type='ClipEncoder', backbone=dict(type='R2Plus1D', base_channels=4)),
}
SUPERVISED = [dict(type='CrossEntropyLoss'), dict(type='DeepSupervisionLoss', loss_weight=1.0)]
PARTS: dict[str, dict[str, Any]] = {
    'score_tree': dict(fusion=dict(type='PoolFusion'), head=dict(type='ScoreTreeHead', losses=SUPERVISED)),
    'central_net': dict(fusion=dict(type='CentralNet'), head=dict(losses=SUPERVISED)),
    'hi_net': dict(fusion=dict(type='HiNet', channels=8), head=dict(losses=SUPERVISED)),
    'late_fusion': dict(fusion=dict(type='PoolFusion'), head=dict(type='LateFusionHead')),
}
Batch = Callable[..., dict[str, Any]]


def make(name: str, modalities: tuple[str, ...] = IMAGES, encoder: dict[str, Any] | None = None) -> Any:
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='MultiModalClassifier',
            modalities=modalities,
            classes=('ADC', 'SCC'),
            encoder=encoder or ENCODER,
            **PARTS[name],
        )
    )


@pytest.mark.parametrize('modalities', [IMAGES, ('bus', 'dceus'), ('cdfi', 'ue'), ('dceus',)])
@pytest.mark.parametrize('name', PARTS)
def test_any_inputs(name: str, modalities: tuple[str, ...], batch: Batch) -> None:
    model, data = make(name, modalities), batch()
    assert set(model.encoder) == set(modalities)
    assert len(modalities) > 1 or not isinstance(model.fusion, SingleStream)
    data['inputs'] = {m: data['inputs'][m] for m in modalities}
    losses = model(**data, mode='loss')
    sum(losses.values()).backward()
    assert all(bool(value.isfinite()) for value in losses.values())
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    assert all(abs(float(f['scores'].sum()) - 1) < 1e-5 for f in model(**data, mode='predict'))


@pytest.mark.parametrize('name', PARTS)
def test_a_missing_modality_is_handled_or_refused(name: str, batch: Batch) -> None:
    model, data = make(name), batch()
    data['present'] = {m: torch.tensor([True, True, m != 'ue', True]) for m in IMAGES}
    if name in ('central_net', 'hi_net'):
        assert model.missing_modalities(['ue']) == ['ue']
        with pytest.raises(ValueError, match=r"'ue' is missing from cases \['case2'\]: this model needs all"):
            model(**data, mode='loss')
        return
    assert model.missing_modalities(['ue']) == [] and model.missing_modalities(IMAGES) == list(IMAGES)
    sum(model(**data, mode='loss').values()).backward()
    model.eval()
    before = model(**data).logits
    data['inputs']['ue'] = data['inputs']['ue'].index_fill(0, torch.tensor([2]), 9.0)
    torch.testing.assert_close(model(**data).logits, before)


@pytest.mark.parametrize('name', PARTS)
def test_streams_come_in_the_order_of_the_modalities(name: str, batch: Batch) -> None:
    """A saved config has its keys in another order; weights by place must still mean the same streams."""
    one, data = make(name), batch()
    other = make(name, encoder={m: ENCODER[m] for m in sorted(ENCODER)})
    other.load_state_dict(one.state_dict())
    assert other.fusion.streams == IMAGES
    torch.testing.assert_close(other.eval()(**data).logits, one.eval()(**data).logits)
