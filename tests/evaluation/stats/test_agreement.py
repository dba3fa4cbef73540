"""Overlap of regions against naive loops and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from scipy.stats import binom

from usmm.evaluation.stats.agreement import box_overlap, compare_regions, mask_overlap, median_interval, reliability
from usmm.evaluation.stats.bland_altman import bland_altman
from usmm.evaluation.stats.icc import FORMS, icc


def masks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((2, 9, 13)) < 0.4


@pytest.mark.parametrize('seed', range(4))
def test_masks_against_sets_of_pixels(seed: int) -> None:
    a, b = masks(seed)
    one, two = ({(i, j) for i in range(9) for j in range(13) if m[i, j]} for m in (a, b))
    found = mask_overlap(a, b, (0.5, 0.25))
    assert found.pixels == (len(one), len(two))
    assert found.dice == pytest.approx(2 * len(one & two) / (len(one) + len(two)))
    assert found.iou == pytest.approx(len(one & two) / len(one | two))
    gap = np.subtract(center_of_mass(b), center_of_mass(a))
    assert found.distance == pytest.approx(np.linalg.norm(gap))
    assert found.distance_mm == pytest.approx(np.linalg.norm(gap * [0.5, 0.25]))
    assert found.areas == pytest.approx((len(one) * 0.125, len(two) * 0.125))


def test_a_circle_in_a_circle() -> None:
    """Of radii r and R the Dice is 2 r^2 / (r^2 + R^2), for fine pixels."""
    y, x = np.mgrid[-200:201, -200:201]
    small, large = (x**2 + y**2 <= r**2 for r in (120, 180))
    found = mask_overlap(small, large)
    assert found.dice == pytest.approx(2 * 120**2 / (120**2 + 180**2), abs=1e-3)
    assert found.distance == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('second', [(2, 1, 9, 6), (3, 2, 5, 4), (8, 6, 12, 9), (0, 0, 8, 5)])
def test_boxes_are_the_masks_that_they_fill(second: tuple[int, int, int, int]) -> None:
    first = (0, 0, 8, 5)
    drawn = []
    for x0, y0, x1, y1 in (first, second):
        mask = np.zeros((12, 15), dtype=bool)
        mask[y0:y1, x0:x1] = True
        drawn.append(mask)
    assert box_overlap(first, second, (0.1, 0.2)) == mask_overlap(*drawn, (0.1, 0.2))


def test_boxes_of_part_pixels() -> None:
    found = box_overlap((0, 0, 1.5, 2), (0.5, 0, 2, 2))
    assert found.pixels == (3, 3) and found.dice == pytest.approx(2 / 3) and found.distance == 0.5
    assert found.areas is None and found.distance_mm is None


@pytest.mark.parametrize('confidence', [0.9, 0.95])
@pytest.mark.parametrize('size', [5, 6, 9, 11, 20, 101])
def test_the_interval_of_a_median_is_the_narrowest_that_covers(size: int, confidence: float) -> None:
    x = np.random.default_rng(size).normal(size=size)
    ordered, expected = sorted(x), (math.nan, math.nan)
    for k in range(size // 2):  # between the k-th from below and from above, unless k values or fewer lie on a side
        if 1 - 2 * binom.cdf(k, size, 0.5) >= confidence:
            expected = (ordered[k], ordered[-1 - k])
    found = median_interval(x, confidence)
    assert found.estimate == np.median(x)
    np.testing.assert_array_equal(found.ci, expected)


def test_a_comparison_gathers_the_cases() -> None:
    overlaps = {f'c{i}': mask_overlap(*masks(i)) for i in range(12)}
    found = compare_regions('inter', ('A', 'B'), overlaps, draws=400)
    dice = [o.dice for o in overlaps.values()]
    assert found.dice.estimate == pytest.approx(np.mean(dice)) and found.dice.ci[0] < np.mean(dice) < found.dice.ci[1]
    assert found.dice_median == median_interval(dice) and found.title == 'inter: A and B'
    pixels = np.array([o.pixels for o in overlaps.values()]).T
    assert found.difference == bland_altman(*pixels) and found.ratio == bland_altman(*pixels, 'ratio')


def test_the_same_drawing_twice() -> None:
    overlaps = {f'c{i}': mask_overlap(m, m) for i in range(8) if (m := masks(i)[0]).any()}
    found = compare_regions('intra', ('A', 'A'), overlaps)
    assert found.dice.estimate == 1 and found.dice.ci == found.ratio.limits == (1, 1) and math.isnan(found.ratio.trend)


@pytest.mark.parametrize('form', FORMS)
def test_reliability_is_the_icc_of_the_counts(form: str) -> None:
    pixels = {'A': [10, 20, 31, 44], 'B': [11, 19, 35, 41], 'C': [14, 22, 30, 47]}
    found = reliability('inter', pixels, form)
    expected = icc(np.array([*pixels.values()]).T, form)
    assert found.names == ('A', 'B', 'C') and found.icc.form == expected.form
    assert (found.icc.estimate, *found.icc.ci) == pytest.approx((expected.estimate, *expected.ci))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: mask_overlap([[1]], [[1, 0]]), r'the masks must be \(H, W\) of one size, got \(1, 1\) and \(1, 2\)'),
        (lambda: mask_overlap([[1]], [[0]]), 'the second mask is empty'),
        (lambda: mask_overlap([[1]], [[1]], (0.1, 0)), r'spacing must be two positive lengths in mm, got \(0.1, 0\)'),
        (lambda: box_overlap((0, 0, 1, 1), (2, 0, 2, 1)), r'the second box must have x0 < x1 .*got \(2, 0, 2, 1\)'),
        (lambda: median_interval([]), 'a median needs finite values, one or more, got 0'),
        (lambda: compare_regions('inter', ('A', 'B'), {}), 'agreement of A and B needs two cases or more, got 0'),
    ],
)
def test_wrong_arguments_are_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
