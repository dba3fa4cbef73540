from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from usmm.models import AddFusion, AverageFusion, BaseFusion, BilinearFusion, ConcatFusion, SingleStream
from usmm.registry import MODELS

WIDTHS = dict(static=6, dynamic=5)


def maps(batch: int = 3) -> dict[str, list[Tensor]]:
    return dict(static=[torch.randn(batch, 6, 2, 3)], dynamic=[torch.randn(batch, 5, 2, 3, 3)])


def naive_vector(fusion: BaseFusion, stream: str, x: Tensor) -> Tensor:
    pooled = torch.tensor([[float(x[b, c].sum()) / x[b, c].numel() for c in range(x.shape[1])] for b in range(len(x))])
    layer = fusion.project[stream]
    return F.linear(pooled, layer.weight, layer.bias).clamp(min=0)


@pytest.mark.parametrize('fusion', [ConcatFusion, AddFusion, AverageFusion, BilinearFusion])
def test_each_stream_is_pooled_and_projected(fusion: type[BaseFusion]) -> None:
    net, streams = fusion(WIDTHS, 4), maps()
    _, vectors = net(streams)
    assert list(vectors) == ['static', 'dynamic']
    for stream, vector in vectors.items():
        torch.testing.assert_close(vector, naive_vector(net, stream, streams[stream][-1]))


def test_projection_of_2048_to_256_has_the_papers_524544_parameters() -> None:
    fusion = ConcatFusion(dict(static=2048, dynamic=512))
    assert sum(p.numel() for p in fusion.project['static'].parameters()) == 524_544


def test_joins() -> None:
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])
    vectors = dict(static=a, dynamic=b)
    assert ConcatFusion(WIDTHS, 2).join(vectors).tolist() == [[1, 2, 3, 5]]
    assert ConcatFusion(WIDTHS, 2).out_channels == 4
    assert AddFusion(WIDTHS, 2).join(vectors).tolist() == [[4, 7]]
    assert AverageFusion(WIDTHS, 2).join(vectors).tolist() == [[2, 3.5]]
    assert SingleStream(dict(static=6), 2).join(dict(static=a)).tolist() == [[1, 2]]


def test_the_average_leaves_absent_streams_out() -> None:
    fusion, streams = AverageFusion(WIDTHS, 4), maps()
    rows = dict(static=torch.tensor([True, True, False]), dynamic=torch.tensor([True, False, True]))
    vector, vectors = fusion(streams, rows)
    _, full = fusion(streams)
    expected = torch.stack([(full['static'][0] + full['dynamic'][0]) / 2, full['static'][1], full['dynamic'][2]])
    torch.testing.assert_close(vector, expected)
    assert not vectors['dynamic'][1].any()


def test_a_stream_that_no_case_has_may_be_left_out() -> None:
    fusion, streams = AverageFusion(WIDTHS, 4), maps()
    del streams['dynamic']
    rows = dict(static=torch.ones(3, dtype=torch.bool), dynamic=torch.zeros(3, dtype=torch.bool))
    vector, vectors = fusion(streams, rows)
    torch.testing.assert_close(vector, vectors['static'])
    assert not vectors['dynamic'].any()


def test_bilinear_layer_equals_a_naive_loop() -> None:
    fusion = BilinearFusion(WIDTHS, 3)
    a, b = torch.rand(2, 3), torch.rand(2, 3)
    weight, bias = fusion.bilinear.weight, fusion.bilinear.bias
    expected = torch.zeros(2, 3)
    for n in range(2):
        for k in range(3):
            total = sum(a[n, i] * weight[k, i, j] * b[n, j] for i in range(3) for j in range(3))
            expected[n, k] = total + bias[k]
    torch.testing.assert_close(fusion.join(dict(static=a, dynamic=b)), expected)


def test_bilinear_has_the_papers_16777472_parameters() -> None:
    assert sum(p.numel() for p in BilinearFusion(WIDTHS).bilinear.parameters()) == 16_777_472


def test_outer_product_signed_root_and_norm() -> None:
    fusion = BilinearFusion(WIDTHS, 2, method='outer')
    a, b = torch.tensor([[4.0, 0.0]]), torch.tensor([[1.0, -9.0]])
    root = torch.tensor([2.0, -6.0, 0.0, 0.0])
    expected = root / root.norm()
    torch.testing.assert_close(fusion.join(dict(static=a, dynamic=b))[0], expected, rtol=0, atol=1e-6)
    assert fusion.out_channels == 4


def test_outer_product_has_finite_gradients_at_zero() -> None:
    a, b = torch.zeros(1, 2, requires_grad=True), torch.zeros(1, 2, requires_grad=True)
    BilinearFusion(WIDTHS, 2, method='outer').join(dict(static=a, dynamic=b)).sum().backward()
    assert a.grad is not None
    assert bool(a.grad.isfinite().all())


@pytest.mark.parametrize('name', ['ConcatFusion', 'BilinearFusion', 'TransformerFusion'])
def test_what_a_single_stream_leaves_of_a_fusion(name: str) -> None:
    cfg = MODELS.get(name).single(dict(type=name, embed_dims=32))
    fusion = MODELS.build({**cfg, 'in_channels': dict(static=6)})
    assert isinstance(fusion, SingleStream)
    assert fusion.out_channels == 32


@pytest.mark.parametrize(
    ('cls', 'arguments', 'message'),
    [
        (ConcatFusion, dict(in_channels={}), 'ConcatFusion needs one stream or more'),
        (SingleStream, dict(in_channels=WIDTHS), 'SingleStream takes one stream'),
        (BilinearFusion, dict(in_channels=dict(a=1, b=1, c=1)), 'BilinearFusion joins two streams'),
        (BilinearFusion, dict(in_channels=WIDTHS, method='cubic'), "must be one of .* got 'cubic'"),
    ],
)
def test_wrong_streams_and_options(cls: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**arguments)


def test_base_class_leaves_join_to_fusions() -> None:
    with pytest.raises(NotImplementedError):
        BaseFusion(WIDTHS, 2)(maps())
