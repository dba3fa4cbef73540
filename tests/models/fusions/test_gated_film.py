"""Gated multimodal units and feature-wise modulation against naive loops over their papers' equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from usmm.models.fusions import FiLMFusion, GatedFusion, PoolFusion

TWO, THREE = {'image': 6, 'clinical': 4}, {'image': 6, 'clinical': 4, 'clip': 5}


def maps(widths: dict[str, int], batch: int = 3) -> dict[str, list[torch.Tensor]]:
    torch.manual_seed(1)
    sizes = dict(image=(2, 3), clinical=(1, 1), clip=(2, 2, 2))
    return {s: [torch.rand(batch, width, *sizes[s])] for s, width in widths.items()}


def average(x: torch.Tensor) -> np.ndarray:
    return x.flatten(2).double().mean(2).numpy()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize('widths', [TWO, THREE])
def test_gated_units_are_the_papers(widths: dict[str, int]) -> None:
    torch.manual_seed(0)
    fusion, streams = GatedFusion(widths, embed_dims=7), maps(widths)
    vector, vectors = fusion(streams)
    raw = {s: average(m[-1]) for s, m in streams.items()}
    for b in range(3):
        together = np.concatenate([raw[s][b] for s in widths])
        for d in range(7):
            h = {s: math.tanh(fusion.candidate[s].weight[d].detach().double().numpy() @ raw[s][b]) for s in widths}
            z = {s: sigmoid(g.weight[d].detach().double().numpy() @ together) for s, g in fusion.gate.items()}
            if len(widths) == 2:
                expected = z['image'] * h['image'] + (1 - z['image']) * h['clinical']
            else:
                expected = sum(z[s] * h[s] for s in widths)
            assert vector[b, d].item() == pytest.approx(expected, abs=1e-6)
            assert vectors['image'][b, d].item() == pytest.approx(h['image'], abs=1e-6)
    assert len(fusion.gate) == {2: 1, 3: 3}[len(widths)]


@pytest.mark.parametrize('absent', ['image', 'clinical'])
def test_of_two_streams_the_one_that_is_left_has_the_gate_one(absent: str) -> None:
    fusion, streams = GatedFusion(TWO, embed_dims=7), maps(TWO)
    other = next(s for s in TWO if s != absent)
    present = {absent: torch.tensor([True, False, True]), other: torch.ones(3, dtype=torch.bool)}
    vector, vectors = fusion(streams, present)
    torch.testing.assert_close(vector[1], vectors[other][1])
    torch.testing.assert_close(vector[::2], fusion(streams)[0][::2])
    assert vectors[absent][1].abs().max() == 0
    gone = {absent: torch.zeros(3, dtype=torch.bool), other: torch.ones(3, dtype=torch.bool)}
    left_out, _ = fusion({other: streams[other]}, gone)
    torch.testing.assert_close(left_out, fusion(streams)[1][other])


def test_of_three_streams_an_absent_one_adds_nothing() -> None:
    fusion, streams = GatedFusion(THREE, embed_dims=7), maps(THREE)
    present = {s: torch.full((3,), s != 'clip') for s in THREE}
    zero = {**streams, 'clip': [torch.zeros_like(streams['clip'][0])]}
    torch.testing.assert_close(fusion(streams, present)[0], fusion(zero)[0])


def test_film_is_the_papers() -> None:
    torch.manual_seed(0)
    fusion, streams = FiLMFusion(TWO, embed_dims=5), maps(TWO)
    torch.nn.init.normal_(fusion.modulate['image'].weight)
    torch.nn.init.normal_(fusion.modulate['image'].bias)
    vector, vectors = fusion(streams)
    weight, bias = (p.detach().double().numpy() for p in fusion.modulate['image'].parameters())
    project, shift = (p.detach().double().numpy() for p in fusion.project['image'].parameters())
    table, image = average(streams['clinical'][0]), streams['image'][0].double().numpy()
    for b in range(3):
        numbers = weight @ table[b] + bias
        pooled = []
        for c in range(6):
            gamma, beta = numbers[c], numbers[6 + c]
            pooled.append(np.mean([max(0.0, (1 + gamma) * x + beta) for x in image[b, c].flatten()]))
        expected = np.maximum(project @ np.array(pooled) + shift, 0)
        np.testing.assert_allclose(vector[b].detach().numpy(), expected, atol=1e-5)
        np.testing.assert_allclose(vectors['clinical'][b].detach().numpy(), table[b], atol=1e-6)


def test_film_starts_as_the_image_alone() -> None:
    fusion, streams = FiLMFusion(TWO, embed_dims=5), maps(TWO)
    expected = fusion.project['image'](streams['image'][0].mean((2, 3))).relu()
    torch.testing.assert_close(fusion(streams)[0], expected)


def test_film_of_two_images_and_of_cases_that_lack_something() -> None:
    fusion, streams = FiLMFusion(THREE, embed_dims=5), maps(THREE)
    for layer in fusion.modulate.values():
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
    whole, vectors = fusion(streams)
    assert whole.shape == (3, 10) and fusion.widths == dict(image=5, clinical=4, clip=5)
    torch.testing.assert_close(whole, torch.cat([vectors['image'], vectors['clip']], dim=1))
    without = {s: torch.full((3,), s != 'clinical') for s in THREE}
    plain = torch.cat([fusion.project[s](streams[s][0].flatten(2).mean(2)).relu() for s in ('image', 'clip')], dim=1)
    torch.testing.assert_close(fusion(streams, without)[0], plain)  # no table: no modulation
    no_clip = {s: torch.full((3,), s != 'clip') for s in THREE}
    one, _ = fusion({s: m for s, m in streams.items() if s != 'clip'}, no_clip)
    beta = fusion.modulate['clip'](streams['clinical'][0].flatten(1)).chunk(2, dim=1)[1]
    torch.testing.assert_close(one[:, 5:], fusion.project['clip'](beta.relu()).relu())
    torch.testing.assert_close(one[:, :5], whole[:, :5])


def test_concat_of_a_projected_image_and_the_table_as_it_is() -> None:
    fusion, streams = PoolFusion(TWO, project=dict(image=5, other=3)), maps(TWO)
    vector, _ = fusion(streams)
    weight, bias = fusion.project['image'].parameters()
    image = (streams['image'][0].mean((2, 3)) @ weight.T + bias).clamp(min=0)
    torch.testing.assert_close(vector, torch.cat([image, streams['clinical'][0].flatten(1)], dim=1))
    assert fusion.out_channels == 9 and fusion.widths == dict(image=5, clinical=4)
    assert PoolFusion.single(dict(type='PoolFusion', project=dict(image=5)))['project'] == dict(image=5)


def test_what_is_left_of_them_with_one_stream() -> None:
    for cls in (GatedFusion, FiLMFusion):
        assert cls.single(dict(type=cls.__name__, embed_dims=9)) == dict(type='SingleStream', embed_dims=9)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"FiLMFusion modulates other streams by 'table', got the streams"):
        FiLMFusion(TWO, by='table')
    with pytest.raises(ValueError, match="FiLMFusion modulates other streams by 'clinical'"):
        FiLMFusion({'clinical': 4})
    with pytest.raises(ValueError, match='project of PoolFusion takes widths of 1 or more'):
        PoolFusion(TWO, project=dict(image=0))
