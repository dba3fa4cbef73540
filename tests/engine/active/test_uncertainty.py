from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from usmm.engine.active import bald, entropy, least_confidence, margin, mean_entropy


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(shape[-1]), shape[:-1])


def test_entropy_is_scipys() -> None:
    p = draw(50, 5)
    p[0] = [1, 0, 0, 0, 0]
    np.testing.assert_allclose(entropy(p), scipy_entropy(p, axis=1), atol=1e-12)


def test_closed_forms() -> None:
    even, sure = np.full((1, 5), 0.2), np.eye(5)[:1]
    assert entropy(even)[0] == pytest.approx(math.log(5)) and entropy(sure)[0] == 0
    assert least_confidence(even)[0] == pytest.approx(0.8) and least_confidence(sure)[0] == 0
    assert margin(even)[0] == 1 and margin(sure)[0] == 0
    disagree = np.eye(5)[:, None]  # five passes, each sure of another class
    assert mean_entropy(disagree)[0] == pytest.approx(math.log(5)) and bald(disagree)[0] == pytest.approx(math.log(5))
    unsure = np.full((5, 1, 5), 0.2)
    assert mean_entropy(unsure)[0] == pytest.approx(math.log(5)) and bald(unsure)[0] == pytest.approx(0, abs=1e-12)


def test_passes_against_naive_loops() -> None:
    passes = draw(10, 20, 4)
    for i in range(20):
        mean = [sum(passes[t, i, k] for t in range(10)) / 10 for k in range(4)]
        of_mean = -sum(m * math.log(m) for m in mean)
        of_each = sum(-sum(p * math.log(p) for p in passes[t, i]) for t in range(10)) / 10
        assert mean_entropy(passes)[i] == pytest.approx(of_mean)
        assert bald(passes)[i] == pytest.approx(of_mean - of_each)


def test_margin_and_confidence_against_naive_loops() -> None:
    p = draw(30, 5)
    for i, row in enumerate(p):
        first, second = sorted(row)[::-1][:2]
        assert margin(p)[i] == pytest.approx(1 - first + second)
        assert least_confidence(p)[i] == pytest.approx(1 - first)


@pytest.mark.parametrize('call', [entropy, least_confidence, margin])
def test_shapes_are_checked(call) -> None:
    for wrong in (np.ones(3), np.ones((3, 1)), np.ones((2, 3, 4)) / 4):
        with pytest.raises(ValueError, match=r'shape \(N, K\) with two or more classes'):
            call(wrong)


@pytest.mark.parametrize('call', [mean_entropy, bald])
def test_shapes_of_passes_are_checked(call) -> None:
    for wrong in (np.ones((3, 2)) / 2, np.zeros((0, 3, 2))):
        with pytest.raises(ValueError, match=r'shape \(T, N, K\) with two or more classes'):
            call(wrong)


@pytest.mark.parametrize('rows', [[[0.5, 0.6]], [[1.5, -0.5]], [[math.nan, 1.0]]])
def test_rows_that_are_no_probabilities(rows) -> None:
    with pytest.raises(ValueError, match='sum to 1 for each sample'):
        entropy(rows)


def test_baal_gives_the_same_numbers() -> None:
    if importlib.util.find_spec('baal') is None:
        pytest.skip('baal is not installed')
    importlib.import_module('usmm.models')  # mends torchvision, which baal imports
    heuristics = pytest.importorskip('baal.active.heuristics')
    passes = draw(10, 40, 5)
    given = np.moveaxis(passes, 0, -1)  # samples, classes, passes
    np.testing.assert_allclose(mean_entropy(passes), heuristics.Entropy().get_uncertainties(given), atol=1e-6)
    np.testing.assert_allclose(bald(passes), heuristics.BALD().get_uncertainties(given), atol=1e-6)
    np.testing.assert_array_equal(np.argsort(-margin(passes[0])), heuristics.Margin()(given[..., :1]))
    np.testing.assert_array_equal(np.argsort(-least_confidence(passes[0])), heuristics.Certainty()(given[..., :1]))
