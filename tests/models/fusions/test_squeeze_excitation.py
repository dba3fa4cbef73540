from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from usmm.models import MultiModalClassifier
from usmm.models.fusions import SqueezeExcitationFusion
from usmm.registry import MODELS

WIDTHS = dict(lste=12, lus=8)


def maps(batch: int = 4) -> dict[str, list[torch.Tensor]]:
    return {m: [torch.randn(batch, width, 5, 5)] for m, width in WIDTHS.items()}


@pytest.mark.parametrize(
    ('count', 'channels', 'dims', 'reduction'), [(1, 2048, 256, 16), (3, 2048, 256, 16), (2, 7, 8, 4)]
)
def test_number_of_parameters_in_closed_form(count, channels, dims, reduction) -> None:
    hidden = dims // reduction
    conv, norm = channels * dims, 2 * dims
    excitation = dims * hidden + hidden + hidden * dims + dims
    fusion = SqueezeExcitationFusion({f'm{i}': channels for i in range(count)}, dims, reduction)
    assert sum(p.numel() for p in fusion.parameters()) == count * (conv + norm + excitation)
    assert fusion.out_channels == count * dims


def test_against_convolution_and_naive_excitation() -> None:
    net, streams = SqueezeExcitationFusion(WIDTHS, 6, 2).eval(), maps()
    for norm in net.norm.values():
        torch.nn.init.uniform_(norm.running_mean)
        torch.nn.init.uniform_(norm.weight)
    vector, vectors = net(streams)
    for m, (x,) in streams.items():
        norm, se = net.norm[m], net.attention[m]
        y = F.conv2d(x, net.narrow[m].weight[:, :, None, None])
        y = F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps).relu()
        squeezed = F.adaptive_avg_pool2d(y, 1)[..., 0, 0]
        weight = torch.sigmoid(F.linear(F.linear(squeezed, se.squeeze.weight, se.squeeze.bias).relu(), se.excite.weight,
                                        se.excite.bias))  # fmt: skip
        expected = torch.stack([(y[i] * weight[i][:, None, None]).mean((1, 2)) for i in range(len(y))])
        torch.testing.assert_close(vectors[m], expected)
    torch.testing.assert_close(vector, torch.cat([vectors['lste'], vectors['lus']], 1))


def test_a_clip_is_averaged_over_time_too() -> None:
    net = SqueezeExcitationFusion(dict(clip=4), 6, 2).eval()
    frame = torch.randn(2, 4, 3, 3)
    still, _ = net(dict(clip=[frame]))
    clip, _ = net(dict(clip=[torch.stack([frame, frame], 2)]))
    torch.testing.assert_close(still, clip)


def test_absent_rows_are_zero_and_move_no_statistics() -> None:
    net, streams = SqueezeExcitationFusion(WIDTHS, 6, 2), maps()
    rows = dict(lste=torch.tensor([True] * 4), lus=torch.tensor([True, False, True, False]))
    torch.manual_seed(0)
    _, vectors = net(streams, rows)
    assert not vectors['lus'][1].any() and vectors['lus'][0].any()
    other = SqueezeExcitationFusion(WIDTHS, 6, 2)
    other.load_state_dict(
        {k: v for k, v in net.state_dict().items() if 'running' not in k and 'tracked' not in k}, strict=False
    )
    other(dict(lste=[streams['lste'][0][:2]], lus=[streams['lus'][0][[0, 2]]]))
    torch.testing.assert_close(net.norm['lus'].running_mean, other.norm['lus'].running_mean)
    nobody = dict(lste=torch.tensor([True] * 4), lus=torch.zeros(4, dtype=torch.bool))
    assert not net(dict(lste=streams['lste']), nobody)[1]['lus'].any()
    assert not net(streams, nobody)[1]['lus'].any()


def test_it_sits_on_the_ordinary_sockets_and_does_without_a_modality() -> None:
    resnet = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
    encoder = {m: dict(type='ImageEncoder', modality=m, backbone=resnet) for m in ('lste', 'lus')}
    given = dict(encoder=encoder, fusion=dict(type='SqueezeExcitationFusion', embed_dims=16))
    model = MultiModalClassifier(('lste', 'lus'), 'ABCDE', **given, head=dict(type='LinearHead', dropout=0.5))
    images = {m: torch.rand(3, 3, 64, 64) for m in ('lste', 'lus')}
    outputs = model(images, {'lste': torch.ones(3, dtype=torch.bool), 'lus': torch.tensor([True, False, True])})
    assert outputs.logits.shape == (3, 5) and outputs.vector.shape == (3, 32)
    alone = MultiModalClassifier(('lus',), 'ABCDE', **given)
    assert isinstance(alone.fusion, SqueezeExcitationFusion) and alone.fusion.out_channels == 16


def test_errors() -> None:
    with pytest.raises(ValueError, match='reduction must be 1 or more, got 0'):
        SqueezeExcitationFusion(WIDTHS, 6, 0)
    with pytest.raises(ValueError, match='needs one stream or more'):
        MODELS.build(dict(type='SqueezeExcitationFusion', in_channels={}))
