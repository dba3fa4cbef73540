from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from usmm.models import TransformerFusion

WIDTHS = dict(static=6, dynamic=5)


def naive_join(fusion: TransformerFusion, vectors: dict[str, Tensor], heads: int) -> Tensor:
    """Pre-norm encoder layers by their definition, one head of one sample at a time."""
    results = []
    for n in range(len(vectors['static'])):
        x = torch.stack([fusion.class_token[0, 0], vectors['static'][n], vectors['dynamic'][n]])
        for layer in fusion.layers:
            y = F.layer_norm(x, x.shape[1:], layer.norm1.weight, layer.norm1.bias)
            q, k, v = F.linear(y, layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias).chunk(3, dim=1)
            width = x.shape[1] // heads
            parts = []
            for h in range(heads):
                part = slice(h * width, (h + 1) * width)
                weights = (q[:, part] @ k[:, part].T / width**0.5).softmax(1)
                parts.append(weights @ v[:, part])
            x = x + layer.self_attn.out_proj(torch.cat(parts, 1))
            y = F.layer_norm(x, x.shape[1:], layer.norm2.weight, layer.norm2.bias)
            x = x + layer.linear2(F.gelu(layer.linear1(y)))
        results.append(F.layer_norm(x[0], x.shape[1:], fusion.norm.weight, fusion.norm.bias))
    return torch.stack(results)


@pytest.mark.parametrize('with_grad', [True, False])
def test_equals_the_definition(with_grad: bool) -> None:
    fusion = TransformerFusion(WIDTHS, 8, num_layers=2, num_heads=2).eval()
    vectors = dict(static=torch.randn(3, 8), dynamic=torch.randn(3, 8))
    with torch.set_grad_enabled(with_grad):  # torch takes another path without gradients
        torch.testing.assert_close(fusion.join(vectors), naive_join(fusion, vectors, 2), rtol=1e-4, atol=1e-5)


def test_has_the_papers_1189888_parameters() -> None:
    fusion = TransformerFusion(WIDTHS)
    count = sum(p.numel() for name, p in fusion.named_parameters() if not name.startswith('project'))
    assert count == 1_189_888
    assert (len(fusion.layers), fusion.layers[0].self_attn.num_heads, fusion.out_channels) == (4, 4, 256)
    assert fusion.layers[0].linear1.out_features == 64
    assert fusion.layers[0].self_attn.dropout == fusion.layers[0].dropout.p == 0.3


@pytest.mark.parametrize('with_grad', [True, False])
def test_an_absent_stream_cannot_matter(with_grad: bool) -> None:
    fusion = TransformerFusion(WIDTHS, 8, num_heads=2).eval()
    rows = dict(static=torch.tensor([True, True]), dynamic=torch.tensor([True, False]))
    static, dynamic = torch.randn(2, 8), torch.randn(2, 8)
    with torch.set_grad_enabled(with_grad):
        once = fusion.join(dict(static=static, dynamic=dynamic), rows)
        other = fusion.join(dict(static=static, dynamic=-dynamic), rows)
        alone = fusion.join(dict(static=static, dynamic=dynamic))
    assert not torch.allclose(once[0], other[0])
    torch.testing.assert_close(once[1], other[1])
    torch.testing.assert_close(once[0], alone[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(once[1], alone[1])


def test_order_of_the_streams_does_not_matter() -> None:
    """There are no position encodings."""
    fusion = TransformerFusion(WIDTHS, 8, num_heads=2).eval()
    a, b = torch.randn(2, 8), torch.randn(2, 8)
    torch.testing.assert_close(
        fusion.join(dict(static=a, dynamic=b)), fusion.join(dict(static=b, dynamic=a)), rtol=1e-4, atol=1e-5
    )


def test_dropout_only_in_training() -> None:
    fusion = TransformerFusion(WIDTHS, 8, num_heads=2)
    vectors = dict(static=torch.randn(2, 8), dynamic=torch.randn(2, 8))
    assert not torch.equal(fusion.join(vectors), fusion.join(vectors))
    fusion.eval()
    assert torch.equal(fusion.join(vectors), fusion.join(vectors))


@pytest.mark.parametrize('heads', [0, 3])
def test_heads_must_divide_the_width(heads: int) -> None:
    with pytest.raises(ValueError, match=f'embed_dims must be a multiple of num_heads, got 8 and {heads}'):
        TransformerFusion(WIDTHS, embed_dims=8, num_heads=heads)
