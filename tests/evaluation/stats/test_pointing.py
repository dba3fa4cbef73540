"""Pointing: by hand, against scipy, and by simulation of random maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from usmm.evaluation.stats.pointing import Pointing, at_least, point, summarise_pointing

MASK = np.zeros((4, 5), bool)
MASK[1:3, 1:4] = True  # 6 of 20


def test_share_and_hit_by_hand() -> None:
    heat = np.zeros((4, 5))
    heat[1, 1], heat[2, 2], heat[0, 0] = 2, 1, 5
    assert point(heat, MASK) == Pointing(3 / 8, False, 0.3)
    heat[1, 1] = 7
    assert point(heat, MASK) == Pointing(8 / 13, True, 0.3)


def test_a_clip_is_one_map() -> None:
    heat = np.zeros((2, 4, 5))
    heat[0, 0, 0], heat[1, 1, 1] = 1, 3
    assert point(heat, MASK) == Pointing(0.75, True, 0.3)


def test_even_heat_reaches_the_lesions_share_and_is_no_hit() -> None:
    assert point(np.ones((4, 5)), MASK) == Pointing(pytest.approx(0.3), False, 0.3)
    assert point(np.ones((4, 5)), ~MASK) == Pointing(pytest.approx(0.7), True, 0.7)


def test_no_heat_is_a_miss() -> None:
    found = point(np.zeros((4, 5)), MASK)
    assert math.isnan(found.share) and not found.hit
    both = summarise_pointing([found, Pointing(0.5, True, 0.3)])
    assert both.share == 0.5 and both.hits.estimate == 0.5 and both.cases == 2


def test_random_maps_reach_the_lesions_share() -> None:
    rng = np.random.default_rng(0)
    found = [point(rng.random((4, 5)), MASK) for _ in range(2000)]
    summary = summarise_pointing(found, draws=200)
    assert summary.random == pytest.approx(0.3)
    assert summary.share == pytest.approx(0.3, abs=0.01)
    assert summary.hits.estimate == pytest.approx(0.3, abs=0.03)
    assert summary.share_ci[0] < summary.share < summary.share_ci[1]


def test_pvalues_of_random_maps_are_even() -> None:
    rng = np.random.default_rng(1)
    pvalues = [
        summarise_pointing([Pointing(0.3, bool(rng.random() < 0.3), 0.3) for _ in range(30)], draws=20).pvalue
        for _ in range(400)
    ]
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.07


@pytest.mark.parametrize(('n', 'p', 'hits'), [(10, 0.3, 4), (48, 0.66, 40), (5, 0.1, 0)])
def test_equal_chances_are_binomial(n: int, p: float, hits: int) -> None:
    assert at_least([p] * n, hits) == pytest.approx(binom.sf(hits - 1, n, p))


def test_cases_of_one_patient_are_drawn_together() -> None:
    shares = np.tile([0.2, 0.8], 20)
    found = [Pointing(float(s), True, 0.3) for s in np.sort(shares)]
    apart = summarise_pointing(found)
    together = summarise_pointing(found, patients=['a'] * 10 + ['b'] * 10 + ['c'] * 10 + ['d'] * 10)
    assert np.diff(together.share_ci)[0] > 2 * np.diff(apart.share_ci)[0]
    assert math.isnan(summarise_pointing(found, patients=['a'] * 40).share_ci[0])


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: point(np.ones((4, 4)), MASK), 'does not fit'),
        (lambda: point(np.ones((4, 5)), MASK & False), 'mask is empty'),
        (lambda: point(-np.ones((4, 5)), MASK), 'not negative'),
        (lambda: summarise_pointing([]), 'no case'),
        (lambda: summarise_pointing([Pointing(1, True, 0.5)], ['a', 'b']), 'patient of each of 1 cases, got 2'),
    ],
)
def test_what_cannot_be_measured(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
