from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from usmm.engine.active.pool_outputs import dropout_on, pool_outputs
from usmm.models import MultiModalClassifier
from usmm.structures import Case

RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)


def model(dropout: float = 0.5, **options) -> MultiModalClassifier:
    torch.manual_seed(0)
    encoder = dict(lus=dict(type='ImageEncoder', modality='lus', backbone=RESNET))
    head = dict(type='LinearHead', dropout=dropout)
    return MultiModalClassifier(('lus',), 'ABC', encoder=encoder, fusion=dict(type='PoolFusion'), head=head, **options)


class Cases(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 7

    def __getitem__(self, i: int) -> Case:
        image = torch.from_numpy(np.random.default_rng(i).integers(0, 255, (3, 32, 32)).astype(np.uint8))
        return Case(f'c{i}', f'p{i}', data=dict(lus=image))


def test_probabilities_and_features_are_those_of_a_plain_pass() -> None:
    net = model().train()
    found = pool_outputs(net, Cases(), batch_size=3)
    assert found.names == [f'c{i}' for i in range(7)] and found.passes is None and net.training
    net.eval()
    images = torch.stack([Cases()[i].data['lus'] for i in range(7)])
    outputs = net(**net.data_preprocessor(dict(inputs=dict(lus=images), present={}, clinical=None, data_samples=[])))
    np.testing.assert_allclose(found.probabilities, outputs.logits.softmax(1).detach(), atol=1e-5)
    np.testing.assert_allclose(found.features, outputs.vector.detach(), atol=1e-5)


def test_passes_repeat_with_the_seed_and_leave_the_network_as_it_was() -> None:
    net = model().eval()
    before, state = torch.random.get_rng_state(), {k: v.clone() for k, v in net.state_dict().items()}
    one = pool_outputs(net, Cases(), 4, passes=10, seed=3).passes
    assert one.shape == (10, 7, 3) and one.std(0).max() > 0.001
    np.testing.assert_allclose(one.sum(2), 1, atol=1e-5)
    np.testing.assert_array_equal(one, pool_outputs(net, Cases(), 4, passes=10, seed=3).passes)
    assert not np.array_equal(one, pool_outputs(net, Cases(), 4, passes=10, seed=4).passes)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())  # batch norm stood still


def test_passes_of_the_head_alone_are_passes_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    net = model().eval()
    quick = pool_outputs(net, Cases(), 7, passes=400).passes.mean(0)
    net.extra = nn.Dropout(1e-9)  # dropout outside of the head: every pass is a whole one
    whole = pool_outputs(net, Cases(), 7, passes=400).passes.mean(0)
    np.testing.assert_allclose(quick, whole, atol=0.02)


def test_only_dropout_is_switched_on() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Dropout(0.0)).eval()
    with dropout_on(net):
        assert [m.training for m in net] == [False, True, False]
    assert [m.training for m in net] == [False, False, False]


def test_a_model_without_dropout_is_refused() -> None:
    with pytest.raises(ValueError, match='passes with dropout need a model with dropout'):
        pool_outputs(model(0.0), Cases(), 4, passes=10)


def test_a_model_without_a_vector_has_no_features() -> None:
    class Table(nn.Module):
        head = clinical = None

        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def data_preprocessor(self, batch, training=False):
            return {'n': len(batch['data_samples'])}

        def forward(self, n: int, mode: str):
            return SimpleNamespace(logits=self.drop(torch.ones(n, 2)), vector=None)

    found = pool_outputs(Table(), Cases(), 4, passes=3)
    assert found.features is None and found.passes.shape == (3, 7, 2)
