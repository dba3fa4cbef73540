"""Heat-maps against the grad-cam package, against a naive loop, and by what must not depend on what."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS as UPSTREAM
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.explain import METHODS, HeatMap, Target, heat_maps


class Net(nn.Module):
    """Conv, conv, linear: small enough for closed forms."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        conv = nn.Conv2d if dims == 2 else nn.Conv3d
        self.first, self.second = conv(3, 4, 3, stride=2, padding=1), conv(4, 5, 3, padding=1)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.second(self.first(x).relu()).relu().flatten(2).mean(2))


def backbone(kind: str) -> nn.Module:
    torch.manual_seed(3)
    cfg = {
        'resnet': (dict(type='ResNet', depth=18, base_channels=8, stem_channels=8), 64, 'layer2'),
        'resnet50': (dict(type='ResNet', depth=50, base_channels=8, stem_channels=8), 256, 'layer3'),
        'efficientnet': (dict(type='EfficientNet', arch='b0'), 1280, 'layers.4'),
        'mobilenet': (dict(type='MobileNetV2', widen_factor=0.5), 1280, 'layer4'),
    }[kind]
    settings, width, layer = cfg
    net = UPSTREAM.build({**settings, '_scope_': 'mmpretrain'})
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0.3, 0.3)
    head = nn.Linear(width, 3)

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.head, self.layer = net, head, net.get_submodule(layer)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.net(x)[-1].mean((2, 3)))

    return Whole().eval()


@pytest.mark.parametrize('method', list(METHODS))
@pytest.mark.parametrize('kind', ['resnet', 'resnet50', 'efficientnet', 'mobilenet'])
def test_maps_are_those_of_the_grad_cam_package(kind: str, method: str) -> None:
    cam = pytest.importorskip('pytorch_grad_cam', reason='pip install --no-deps grad-cam ttach tqdm')
    targets = pytest.importorskip('pytorch_grad_cam.utils.model_targets')
    net = backbone(kind)
    x = torch.randn(3, 3, 96, 64)
    theirs = dict(layercam=cam.LayerCAM, gradcam=cam.GradCAM)[method](net, [net.layer])
    expected = theirs(x, [targets.ClassifierOutputTarget(k) for k in (0, 2, 1)])
    found = heat_maps(net, {'bus': x}, {'bus': net.layer}, lambda i: net(i['bus']), [0, 2, 1], method)['bus']
    assert found.heat.shape == expected.shape == (3, 96, 64)
    warm = [i for i in range(3) if expected[i].max() > 0]
    assert warm == [i for i in range(3) if found.heat[i].max() > 0] and warm
    for i in warm:
        assert np.corrcoef(found.heat[i].ravel(), expected[i].ravel())[0, 1] >= 0.99


def naive(maps: Tensor, gradients: Tensor, method: str) -> np.ndarray:
    """(C, ...) each -> (...), one place after the other."""
    a, g = maps.detach().numpy(), gradients.numpy()
    out = np.zeros(a.shape[1:])
    for place in np.ndindex(*out.shape):
        at = (slice(None), *place)
        for c in range(len(a)):
            weight = max(g[at][c], 0) if method == 'layercam' else g[c].mean()
            out[place] += weight * a[at][c]
    return np.maximum(out, 0)


@pytest.mark.parametrize('method', list(METHODS))
@pytest.mark.parametrize(('dims', 'shape'), [(2, (8, 12)), (3, (6, 8, 8))])
def test_maps_are_those_of_the_naive_loop(dims: int, shape: tuple[int, ...], method: str) -> None:
    torch.manual_seed(0)
    net = Net(dims)
    x = torch.randn(2, 3, *shape)
    kept = net.first(x).relu().detach().requires_grad_()
    logits = net.fc(net.second(kept).relu().flatten(2).mean(2))
    logits[:, 1].sum().backward()
    small = np.stack([naive(a, g, method) for a, g in zip(kept, kept.grad)])
    mode = 'bilinear' if dims == 2 else 'trilinear'
    expected = F.interpolate(torch.tensor(small)[:, None], shape, mode=mode, align_corners=False)[:, 0]

    wrapped = nn.Sequential()  # the ReLU as a module, to have a layer whose output it is
    wrapped.first, wrapped.relu, wrapped.net = net.first, nn.ReLU(inplace=True), net

    def forward(inputs):
        hidden = wrapped.relu(net.first(inputs['m']))
        return net.fc(net.second(hidden).relu().flatten(2).mean(2))

    found = heat_maps(wrapped, {'m': x}, {'m': 'relu'}, forward, 1, method)['m']
    assert found.heat.shape == (2, *shape)
    np.testing.assert_allclose(found.heat, expected, rtol=1e-4, atol=1e-7)
    assert found.heat.max() > 0


def test_what_follows_in_place_does_not_change_the_map() -> None:
    """A ReLU in place behind the layer would cut the map, and give the gradient behind it."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, 4, 3)
    plain, sparing = (nn.Sequential(first, nn.ReLU(inplace), nn.Flatten(), nn.Linear(144, 2)) for inplace in (0, 1))
    sparing[3].load_state_dict(plain[3].state_dict())
    x = {'m': torch.randn(1, 3, 8, 8)}
    one, two = (heat_maps(n, x, {'m': '0'}, lambda i, n=n: n(i['m']), 0, 'gradcam')['m'].heat for n in (plain, sparing))
    np.testing.assert_array_equal(one, two)


def test_scores_and_classes() -> None:
    torch.manual_seed(0)
    net, x = Net(), {'m': torch.randn(4, 3, 8, 8)}
    with torch.no_grad():
        predicted = net(x['m']).argmax(1).tolist()
    maps = [heat_maps(net, x, {'m': 'first'}, lambda i: net(i['m']), k)['m'] for k in (None, predicted, 0)]
    np.testing.assert_array_equal(maps[0].heat, maps[1].heat)
    assert maps[0].classes.tolist() == predicted and maps[2].classes.tolist() == [0] * 4
    # of two classes the margin is the difference of the logits: that of a network whose row is the difference
    two = Net()
    two.fc = nn.Linear(5, 2)
    one = Net()
    one.load_state_dict({**two.state_dict(), 'fc.weight': torch.zeros(3, 5), 'fc.bias': torch.zeros(3)})
    one.fc.weight.data[0] = two.fc.weight.data[1] - two.fc.weight.data[0]
    margin = heat_maps(two, x, {'m': 'first'}, lambda i: two(i['m']), 1, score='margin')['m'].heat
    np.testing.assert_allclose(margin, heat_maps(one, x, {'m': 'first'}, lambda i: one(i['m']), 0)['m'].heat, rtol=1e-5)


def test_one_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, 'grad', lambda *a, **k: calls.append(1) or original(*a, **k))
    nets = nn.ModuleDict({m: Net() for m in ('bus', 'ue', 'clip')})
    x = {m: torch.randn(2, 3, 8, 8) for m in nets}
    heat_maps(nets, x, {m: f'{m}.first' for m in nets}, lambda i: sum(nets[m](i[m]) for m in nets), 0)
    assert calls == [1]


def test_calls_of_a_shared_module_are_told_apart() -> None:
    torch.manual_seed(0)
    net, x = Net(), {m: torch.randn(2, 3, 8, 8) for m in ('bus', 'ue')}
    together = heat_maps(net, x, {'bus': 'first', 'ue': 'first@1'}, lambda i: net(i['bus']) + net(i['ue']), 1)
    for m in x:
        alone = heat_maps(net, {m: x[m]}, {m: 'first'}, lambda i, m=m: net(i[m]), 1)[m].heat
        np.testing.assert_allclose(together[m].heat, alone, rtol=1e-5)
    stacked = heat_maps(
        net, x, {'bus': 'first[0/2]', 'ue': 'first[1/2]'},
        lambda i: net(torch.cat([i['bus'], i['ue']])).unflatten(0, (2, 2)).sum(0), 1,
    )  # fmt: skip
    for m in x:
        np.testing.assert_allclose(stacked[m].heat, together[m].heat, rtol=1e-5)


def test_a_modality_that_was_not_used_is_named() -> None:
    nets = nn.ModuleDict({m: Net() for m in ('used', 'ignored', 'never')})
    x = {m: torch.randn(2, 3, 8, 8) for m in nets}

    def forward(inputs):
        return nets['used'](inputs['used']) + 0 * nets['ignored'](inputs['ignored'])

    found = heat_maps(nets, x, {m: f'{m}.first' for m in nets}, forward, 0)
    assert {m: h.status for m, h in found.items()} == {
        'used': ('used', 'used'), 'ignored': ('not used', 'not used'), 'never': ('not used', 'not used'),
    }  # fmt: skip
    assert found['never'].heat is None and found['ignored'].normalised() is None


def test_rows_that_a_layer_did_not_see() -> None:
    torch.manual_seed(0)
    net, x = Net(), {'m': torch.randn(3, 3, 8, 8)}
    here = torch.tensor([True, False, True])

    def forward(inputs):
        return torch.zeros(3, 3).index_copy(0, here.nonzero()[:, 0], net(inputs['m'][here]))

    found = heat_maps(net, x, {'m': 'first'}, forward, 2, rows={'m': here})['m']
    assert found.status[1] == 'not used' and not found.heat[1].any()
    whole = heat_maps(net, x, {'m': 'first'}, lambda i: net(i['m']), 2)['m'].heat
    np.testing.assert_allclose(found.heat[[0, 2]], whole[[0, 2]], rtol=1e-5)
    with pytest.raises(ValueError, match='saw 2 rows of a batch of 3'):
        heat_maps(net, x, {'m': 'first'}, forward, 2)


def test_no_heat_is_not_the_same_as_not_used() -> None:
    net = Net()
    for p in net.parameters():
        p.data.abs_()
    net.fc.weight.data.neg_()
    x = {'m': torch.rand(1, 3, 8, 8)}
    assert heat_maps(net, x, {'m': 'second'}, lambda i: net(i['m']), 0)['m'].status == ('no heat',)


def test_tokens_become_a_grid() -> None:
    class Tokens(nn.Module):
        def __init__(self, extra: int) -> None:
            super().__init__()
            self.conv, self.mix, self.extra = nn.Conv2d(3, 4, 4, 4), nn.Linear(4, 4), extra

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.conv(x).flatten(2).transpose(1, 2)
            return self.mix(torch.cat([tokens.new_zeros(len(x), self.extra, 4), tokens], 1)).mean(1)

    torch.manual_seed(0)
    x = {'m': torch.randn(2, 3, 16, 16)}
    nets = [Tokens(extra) for extra in (0, 1, 2)]
    for net in nets[1:]:
        net.load_state_dict(nets[0].state_dict())
    maps = [heat_maps(n, x, {'m': 'mix'}, lambda i, n=n: n(i['m']), 0)['m'].normalised() for n in nets]
    for other in maps[1:]:
        np.testing.assert_allclose(other, maps[0], atol=1e-6)


def test_normalised_heat_reaches_one_once_a_clip() -> None:
    heat = np.zeros((2, 3, 4, 4), np.float32)
    heat[0, 1, 2, 2], heat[0, 0, 0, 0] = 4, 1
    found = HeatMap('clip', 'l', heat, ('used', 'no heat'), np.zeros(2, int)).normalised()
    assert found[0, 1, 2, 2] == 1 and found[0, 0, 0, 0] == 0.25 and not found[1].any()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(method='scorecam'), 'method must be one of'),
        (dict(score='loss'), 'score must be one of'),
        (dict(classes=3), 'indices from 0 to 2'),
        (dict(classes=[0, 1, 2]), 'one or 2 indices'),
        (dict(layers={}), 'reads no image'),
        (dict(layers={'m': 'frist'}), r"no module 'frist'; did you mean 'first'"),
        (dict(layers={'m': nn.ReLU()}), 'is no part of the model'),
        (dict(layers={'m': 'a@b'}), "'name@call'"),
        (dict(layers={'m': 'fc'}), r'which is no map of an input of 4 axes'),
        (dict(layers={'m': 'first[0/3]'}), 'does not have 3 equal parts'),
        (dict(layers={'m': 'first[2/2]'}), '0 <= part < parts'),
    ],
)
def test_what_cannot_be_done(change: dict, message: str) -> None:
    net, x = Net(), {'m': torch.randn(2, 3, 8, 8)}
    with pytest.raises(ValueError, match=message):
        heat_maps(net, x, **{'layers': {'m': 'first'}, 'forward': lambda i: net(i['m']), **change})


def test_targets_as_text() -> None:
    for text in ('a.b', 'a@2', 'a[1/3]', 'a@1[0/2]'):
        assert str(Target.of(text)) == text
