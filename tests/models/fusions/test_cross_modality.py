"""CGC and CMC: the paper's counts, a naive computation, missing modalities."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from usmm.models import CrossModalityConv, CrossModalityGroupConv, MultiModalClassifier
from usmm.models.fusions import CrossModalityConv as Dense

NAMES = ('t1', 't2', 'oop')


def weights(fusion: CrossModalityGroupConv) -> list[int]:
    return [m.weight.numel() for m in fusion.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d))]


def multiply_adds(fusion: CrossModalityGroupConv, side: int) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        fusion.eval().convolve(torch.zeros(1, fusion.out_channels, len(fusion.streams), side, side))
    return counter.get_total_flops() / 2


def test_counts_of_the_paper():
    fusion = CrossModalityGroupConv(in_channels=1408, num_modalities=3, groups=8)
    assert weights(fusion) == [743_424, 247_808, 247_808, 247_808]
    assert sum(weights(fusion)) == 1_486_848
    assert multiply_adds(fusion, 7) / 1e6 == pytest.approx(72.86, abs=0.005)


def test_counts_of_the_dense_convolution():
    fusion = CrossModalityConv(in_channels=1408, num_modalities=3, groups=8)
    assert weights(fusion) == [5_947_392, 247_808, 247_808, 247_808]
    alone = multiply_adds(fusion, 7) - 3 * 247_808 * 49
    assert alone / 1e6 == pytest.approx(291.42, abs=0.005)
    assert Dense is CrossModalityConv


@pytest.mark.parametrize('cls', [CrossModalityGroupConv, CrossModalityConv])
@pytest.mark.parametrize('count', [2, 3, 5])
def test_it_is_what_a_naive_computation_gives(cls, count):
    torch.manual_seed(0)
    width, groups = 8, 4
    fusion = cls(in_channels=width, num_modalities=count, groups=groups)
    for block in fusion.blocks:
        nn.init.uniform_(block.norm.weight, 0.5, 2)
        nn.init.uniform_(block.norm.running_mean, -1, 1)
        nn.init.uniform_(block.norm.running_var, 0.5, 2)
    fusion.eval()
    maps = {str(i): [torch.randn(2, width, 3, 4)] for i in range(count)}

    def after(block: nn.Module, y: torch.Tensor) -> torch.Tensor:
        n = block.norm
        y = (y - n.running_mean[:, None, None]) / (n.running_var[:, None, None] + n.eps).sqrt()
        y = y * n.weight[:, None, None] + n.bias[:, None, None]
        return F.channel_shuffle(y * y.sigmoid(), groups)

    def grouped(weight: torch.Tensor, x: torch.Tensor, parts: int) -> torch.Tensor:
        rows = [torch.einsum('oc,bchw->bohw', w, p) for w, p in zip(weight.chunk(parts), x.chunk(parts, 1))]
        return torch.cat(rows, 1)

    first, second, third, last = fusion.blocks
    parts = 1 if fusion.dense else groups
    merged = sum(grouped(first.conv.weight[:, :, i, 0, 0], maps[str(i)][0], parts) for i in range(count))
    y = after(second, grouped(second.conv.weight[..., 0, 0], after(first, merged), groups))
    y = y + sum(m[0] for m in maps.values()) / count
    z = after(
        last,
        grouped(last.conv.weight[..., 0, 0], after(third, grouped(third.conv.weight[..., 0, 0], y, groups)), groups),
    )
    vector, vectors = fusion(maps)
    torch.testing.assert_close(vector, (z + y).mean((2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(vectors['0'], maps['0'][0].mean((2, 3)))


def test_modalities_that_are_missing_weigh_nothing_and_the_others_more():
    fusion = CrossModalityGroupConv(dict.fromkeys(NAMES, 8), groups=4).eval()
    maps = {n: torch.randn(3, 8, 2, 2) for n in NAMES}
    present = dict(t1=torch.tensor([True, True, True]), t2=torch.tensor([True, False, False]),
                   oop=torch.tensor([True, True, False]))  # fmt: skip
    stacked = fusion.stack({n: [m] for n, m in maps.items()}, present)
    torch.testing.assert_close(stacked[0], torch.stack([maps[n][0] for n in NAMES], 1))
    torch.testing.assert_close(stacked[1, :, 0], maps['t1'][1] * 1.5)
    torch.testing.assert_close(stacked[2].mean(1), maps['t1'][2])  # the shortcut: the mean over what is there
    assert stacked[1, :, 1].abs().max() == 0
    without = fusion.stack({n: [maps[n]] for n in ('t1', 'oop')}, {**present, 't2': torch.zeros(3, dtype=torch.bool)})
    assert without.shape == stacked.shape


def test_clips_and_maps_of_other_sizes_are_brought_together():
    fusion = CrossModalityGroupConv(dict(bus=8, dceus=8), groups=2)
    x = fusion.stack(dict(bus=[torch.rand(2, 8, 4, 4)], dceus=[torch.ones(2, 8, 5, 2, 2)]))
    assert x.shape == (2, 8, 2, 4, 4) and bool((x[:, :, 1] == 1).all())


def test_settings_that_cannot_be():
    with pytest.raises(ValueError, match=r"CrossModalityGroupConv stacks the maps .* \{'a': 8, 'b': 16\} channels"):
        CrossModalityGroupConv(dict(a=8, b=16))
    with pytest.raises(ValueError, match=r"CrossModalityConv is for 3 modalities, and gets the streams \['a', 'b'\]"):
        CrossModalityConv(dict(a=8, b=8), num_modalities=3)
    with pytest.raises(ValueError, match='groups of CrossModalityGroupConv must divide the 8 channels, got 3'):
        CrossModalityGroupConv(8, 2, groups=3)


@pytest.mark.parametrize('fusion', ['CrossModalityGroupConv', 'CrossModalityConv'])
def test_in_a_classifier(fusion):
    backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
    encoder = dict(shared=dict(type='SharedEncoder', modalities=NAMES, backbone=backbone))
    model = MultiModalClassifier(NAMES, ('I', 'II'), encoder=encoder, fusion=dict(type=fusion, groups=4))
    assert model.optional_modalities == NAMES
    inputs = {n: torch.rand(2, 3, 64, 64) for n in NAMES}
    present = {n: torch.tensor([True, n == 't2']) for n in NAMES}
    model.eval()
    out = model(inputs, present)
    alone = model({n: inputs[n][1:] for n in NAMES}, {n: torch.tensor([n == 't2']) for n in NAMES})
    torch.testing.assert_close(out.logits[1:], alone.logits)
    torch.testing.assert_close(out.logits[:1], model({n: x[:1] for n, x in inputs.items()}).logits)
    one = MultiModalClassifier(('t2',), ('I', 'II'), encoder=encoder, fusion=dict(type=fusion, groups=4))
    assert type(one.fusion).__name__ == 'PoolFusion'
