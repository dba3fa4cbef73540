from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from usmm.models import CentralNet, HiNet, PoolFusion
from usmm.models.fusions.layerwise import LayerwiseFusion, flatten_time, resize

IMAGE, CLIP = (256, 512, 1024, 2048), (64, 128, 256, 512)
PAPER = dict(bus=IMAGE, cdfi=IMAGE, ue=IMAGE, dceus=CLIP)
SMALL = dict(bus=(4, 8), dceus=(2, 4))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def maps(batch: int = 2) -> dict[str, list[torch.Tensor]]:
    """The clip's maps have other sizes, as those of 128 pixels have beside images of 224."""
    return dict(
        bus=[torch.rand(batch, 4, 7, 7), torch.rand(batch, 8, 4, 4)],
        dceus=[torch.rand(batch, 2, 5, 8, 8), torch.rand(batch, 4, 3, 4, 4)],
    )


def test_parameters_of_central_net_at_the_papers_widths() -> None:
    matching = sum(c * w + 2 * w for c, w in zip(CLIP, IMAGE))
    down = sum(9 * i * o + 2 * o for i, o in pairwise(IMAGE))
    assert count(CentralNet(PAPER)) == matching + down + 4 * 4 + 3


@pytest.mark.parametrize(('third', 'views'), [('concat', 2 + 4), ('max', 3)])
def test_parameters_of_hi_net_at_the_papers_widths(third: str, views: int) -> None:
    matching = sum(c * 256 + 512 for widths in PAPER.values() for c in widths)
    mix = 4 * (9 * views * 256 * 256 + 512)
    carry = 9 * 256 * 256 + 512 + 3 * (9 * 512 * 256 + 512)
    assert count(HiNet(PAPER, third=third)) == matching + mix + carry


def test_central_net_sums_what_it_says() -> None:
    fusion, given = CentralNet(SMALL).eval(), maps()
    with torch.no_grad():
        fusion.stream_weights.copy_(torch.tensor([[0.5, 2.0], [3.0, -1.0]]))
        fusion.central_weights.fill_(0.25)
        # eval mode and fresh batch norms: a 1x1 conv and division by sqrt(1 + eps)
        first, second = (
            torch.einsum('oc,bchw->bohw', fusion.match[i]['dceus'].conv.weight[:, :, 0, 0], given['dceus'][i].mean(2))
            / (1 + 1e-5) ** 0.5
            for i in range(2)
        )
        first = nn.functional.interpolate(first, (7, 7), mode='bilinear')
        central = 0.5 * given['bus'][0] + 2 * first
        carried = nn.functional.conv2d(central, fusion.down[0].conv.weight, stride=2, padding=1)
        expected = 3 * given['bus'][1] - second + 0.25 * (carried / (1 + 1e-5) ** 0.5).relu()
        vector, vectors = fusion(given)
    torch.testing.assert_close(vector, expected.mean((2, 3)))
    torch.testing.assert_close(vectors['dceus'], given['dceus'][1].mean((2, 3, 4)))


def test_central_net_leaves_equal_widths_alone_and_starts_at_one() -> None:
    fusion = CentralNet(dict(bus=(4, 8), ue=(4, 8)))
    assert all(len(level) == 0 for level in fusion.match)
    assert bool((fusion.stream_weights == 1).all()) and bool((fusion.central_weights == 1).all())


@pytest.mark.parametrize('third', ['concat', 'max'])
def test_hi_net_looks_at_sum_product_and_third(third: str) -> None:
    a, b, c = torch.randn(3, 2, 4, 5, 5)
    last = [a, b, c] if third == 'concat' else [torch.maximum(torch.maximum(a, b), c)]
    expected = torch.cat([a + b + c, a * b * c, *last], dim=1)
    widths = dict(bus=(4,), ue=(4,), cdfi=(4,))
    torch.testing.assert_close(HiNet(widths, channels=4, third=third).views([a, b, c]), expected)


@pytest.mark.parametrize('cls', [CentralNet, HiNet])
def test_every_parameter_learns(cls: Any) -> None:
    fusion = cls(SMALL)
    fusion.init_weights()
    vector, vectors = fusion(maps(4))
    assert vector.shape == (4, fusion.out_channels)
    assert {s: v.shape[1] for s, v in vectors.items()} == fusion.widths == dict(bus=8, dceus=4)
    vector.square().sum().backward()
    assert [name for name, p in fusion.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


def test_time_is_averaged_and_sizes_are_brought_together() -> None:
    clip = torch.arange(24.0).reshape(1, 1, 3, 2, 4)
    torch.testing.assert_close(flatten_time(clip), (clip[:, :, 0] + clip[:, :, 1] + clip[:, :, 2]) / 3)
    image = clip[:, :, 0]
    assert flatten_time(image) is image and resize(image, (2, 4)) is image
    # halving is the mean of 2 x 2 pixels
    torch.testing.assert_close(resize(image, (1, 2)), torch.tensor([[[[2.5, 4.5]]]]))


@pytest.mark.parametrize('cls', [CentralNet, HiNet])
def test_a_single_stream_is_that_streams_network(cls: Any) -> None:
    assert cls.single(dict(type=cls.__name__)) == dict(type='PoolFusion')
    assert PoolFusion.single(dict(type='PoolFusion')) == dict(type='PoolFusion')


def test_pool_fusion_is_the_averages_side_by_side() -> None:
    fusion, streams = PoolFusion(dict(bus=8, dceus=4)), maps()
    vector, vectors = fusion(streams)
    expected = torch.cat([streams['bus'][-1].mean((2, 3)), streams['dceus'][-1].mean((2, 3, 4))], dim=1)
    torch.testing.assert_close(vector, expected)
    assert fusion.out_channels == 12 and count(fusion) == 0
    here = dict(bus=torch.tensor([True, True]), dceus=torch.tensor([False, False]))
    _, without = fusion(dict(bus=streams['bus']), here)
    assert torch.equal(without['dceus'], torch.zeros(2, 4)) and torch.equal(without['bus'], vectors['bus'])


@pytest.mark.parametrize('cls', [CentralNet, HiNet])
def test_streams_of_different_depth(cls: Any) -> None:
    with pytest.raises(ValueError, match=rf"{cls.__name__} fuses stage by stage, .* {{'a': 3, 'b': 4}} stage maps"):
        cls(dict(a=(1, 2, 3), b=(1, 2, 3, 4)))


def test_unknown_third() -> None:
    with pytest.raises(ValueError, match=r"third of HiNet must be one of \('concat', 'max'\), got 'min'"):
        HiNet(SMALL, third='min')


def test_no_stream() -> None:
    with pytest.raises(ValueError, match='CentralNet needs one stream or more'):
        CentralNet({})


def test_base_class_leaves_the_fusion_to_others() -> None:
    with pytest.raises(NotImplementedError):
        LayerwiseFusion(SMALL)(maps())
