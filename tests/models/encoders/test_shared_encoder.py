"""The encoder that all modalities share."""

from __future__ import annotations

import pytest
import torch

from usmm.models import MultiModalClassifier, SharedEncoder
from usmm.models.building import build

RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
NAMES = ('t1', 't2', 'oop')


def images(rows: int = 2, side: int = 32) -> dict[str, torch.Tensor]:
    return {n: torch.randn(rows, 3, side, side) for n in NAMES}


def test_efficientnet_b2_has_the_paper_s_size():
    encoder = SharedEncoder(NAMES)
    assert sum(p.numel() for p in encoder.parameters()) == 7_700_994
    assert encoder.out_channels == (1408,)
    assert encoder.cam_layers()['t2'] == 'backbone.layers.4.2[1/3]'  # 2 + 3 + 3 blocks before, so the 11th


@pytest.mark.parametrize('training', [False, True])
def test_each_modality_gets_the_maps_of_its_own_rows(training):
    encoder, x = SharedEncoder(NAMES, RESNET), images()
    encoder.train(training)
    whole = encoder.backbone(torch.cat([x[n] for n in NAMES]))[-1]
    found = encoder.encode(x)
    assert list(found) == list(NAMES)
    torch.testing.assert_close(torch.cat([found[n][-1] for n in NAMES]), whole)
    torch.testing.assert_close(encoder(x)[-1], whole)


@pytest.mark.parametrize('training', [False, True])
def test_rows_that_lack_a_modality(training):
    encoder, x = SharedEncoder(NAMES, RESNET), images(3)
    rows = dict(t1=torch.ones(3, dtype=torch.bool), t2=torch.tensor([True, False, True]), oop=torch.zeros(3).bool())
    encoder.train(training)
    found = encoder.encode({n: x[n] for n in ('t1', 't2')}, rows)
    assert set(found) == {'t1', 't2'} and found['t2'][-1][1].abs().max() == 0
    there = torch.cat([x['t1'], x['t2'][rows['t2']]])
    expected = encoder.backbone(there)[-1]  # in training batch norm sees what is there, and nothing else
    torch.testing.assert_close(torch.cat([found['t1'][-1], found['t2'][-1][rows['t2']]]), expected)


def test_fewer_modalities_are_the_same_network_in_the_order_asked_for():
    cfg = dict(type='SharedEncoder', modalities=NAMES, backbone=RESNET)
    assert SharedEncoder.subset(cfg, ('oop', 'clinical', 't1'))['modalities'] == ('oop', 't1')
    assert SharedEncoder.subset(cfg, ('bus',)) is None
    assert SharedEncoder.modalities_of(dict(type='SharedEncoder')) == NAMES
    torch.manual_seed(0)
    one = build(SharedEncoder.subset(cfg, ('t2',)))
    assert one.cam_layers() == {'t2': 'backbone.layer2'} and one.streams('shared') == {'t2': ('t2',)}


def test_streams_carry_the_names_of_the_modalities():
    model = MultiModalClassifier(
        ('t2', 't1'), ('A', 'B'), encoder=dict(shared=dict(type='SharedEncoder', backbone=RESNET)),
        fusion=dict(type='PoolFusion'),
    )  # fmt: skip
    assert model.readers == {'t2': ('t2',), 't1': ('t1',)} and model.missing_modalities(['t1']) == ['t1']
    out = model(images())
    assert list(out.vectors) == ['t2', 't1'] and out.logits.shape == (2, 2)


def test_streams_of_one_name_are_refused():
    both = dict(
        shared=dict(type='SharedEncoder', backbone=RESNET), t1=dict(type='ImageEncoder', modality='t1', backbone=RESNET)
    )
    with pytest.raises(ValueError, match=r"several encoders make a stream of one name: \['t1', 't1'\]"):
        MultiModalClassifier(('t1',), ('A', 'B'), encoder=both)


def test_inputs_that_cannot_be():
    with pytest.raises(ValueError, match=r"SharedEncoder needs modalities, each once, got \('t1', 't1'\)"):
        SharedEncoder(('t1', 't1'), RESNET)
    with pytest.raises(ValueError, match=r"takes images of one size, got \{'t1': \(32, 32\), 't2': \(48, 48\)\}"):
        SharedEncoder(('t1', 't2'), RESNET).encode(dict(t1=torch.rand(1, 3, 32, 32), t2=torch.rand(1, 3, 48, 48)))
