"""What a capture leaves behind: nothing."""

from __future__ import annotations

import gc
import resource

import pytest
import torch
from torch import nn

from usmm.explain import Capture, heat_maps
from usmm.models import GuidedEncoder, MultiModalClassifier


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._backward_hooks) for m in model.modules())


@pytest.mark.parametrize('where', ['forward', 'score', 'class'])
def test_hooks_are_removed_whatever_fails(where: str) -> None:
    model = net().train()

    def forward(inputs):
        if where == 'forward':
            raise RuntimeError('broken')
        logits = model(inputs['m'])
        return logits[0] if where == 'score' else logits

    with pytest.raises((RuntimeError, ValueError)):
        heat_maps(model, {'m': torch.randn(2, 3, 8, 8)}, {'m': '0'}, forward, 7 if where == 'class' else 0)
    assert hooks(model) == 0 and all(m.training for m in model.modules())


def test_half_set_up_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = net().train()
    monkeypatch.setattr(model[1], 'register_forward_hook', lambda hook: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Capture(model, {'a': '0', 'b': '1'}).__enter__()
    assert hooks(model) == 0 and model[1].training


def test_modes_gradients_and_statistics_stay() -> None:
    model = net()
    model.train()
    model[1].eval()
    model[0].requires_grad_(False)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    heat = heat_maps(model, {'m': torch.randn(2, 3, 8, 8)}, {'m': '0'}, lambda i: model(i['m']), 0)['m'].heat
    assert heat.max() > 0
    assert [m.training for m in model.children()] == [True, False, True, True, True]
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [False] * 2 + [True] * 4
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize('context', [torch.no_grad, torch.inference_mode])
def test_frozen_networks_and_callers_without_gradients(context) -> None:
    model = net().requires_grad_(False)
    x = torch.randn(2, 3, 8, 8)
    with context():
        found = heat_maps(model, {'m': x.clone()}, {'m': '0'}, lambda i: model(i['m']), 0)['m'].heat
    model2 = net()
    again = heat_maps(model2, {'m': x}, {'m': '0'}, lambda i: model2(i['m']), 0)['m'].heat
    assert abs(found - again).max() < 1e-6


def test_recomputed_blocks() -> None:
    torch.manual_seed(0)
    kind = dict(guide='bus', guided=(), depth=10, base_channels=4)
    encoder = GuidedEncoder(**kind, with_cp=True)
    x = {'bus': torch.randn(2, 3, 64, 64)}

    def run() -> torch.Tensor:
        layers = {'bus': 'trunks.bus.layer1'}
        return heat_maps(encoder, x, layers, lambda i: encoder(i)[-1].mean((2, 3)), 0)['bus'].heat

    found = run()
    assert any(getattr(m, 'with_cp', False) for m in encoder.modules())
    for m in encoder.modules():
        if hasattr(m, 'with_cp'):
            m.with_cp = False
    assert abs(run() - found).max() < 1e-6 and found.max() > 0


def test_a_module_that_gives_no_map_says_so() -> None:
    class Odd(nn.Module):
        def forward(self, x):
            return {'map': x}

    model = nn.Sequential(Odd())
    with pytest.raises(TypeError, match='Odd returns dict, expected a map'):
        heat_maps(model, {'m': torch.zeros(1, 3, 4, 4)}, {'m': '0'}, lambda i: model(i['m'])['map'].mean((2, 3)), 0)


def test_many_calls_leave_no_hook_and_no_memory() -> None:
    """40 here; 500 with the same result were run for the page."""
    encoder = dict(static=dict(type='GuidedEncoder', guided=('ue',), depth=10, base_channels=4))
    model = MultiModalClassifier(('bus', 'ue'), ('A', 'B'), encoder=encoder)
    x = {m: torch.randn(1, 3, 32, 32) for m in ('bus', 'ue')}

    def call() -> None:
        heat_maps(model, x, model.cam_layers(), lambda i: model(i).logits)

    for _ in range(10):
        call()
    gc.collect()
    tensors, start = sum(map(torch.is_tensor, gc.get_objects())), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(40):
        call()
    gc.collect()
    assert hooks(model) == 0
    assert sum(map(torch.is_tensor, gc.get_objects())) == tensors
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1.01 * start
