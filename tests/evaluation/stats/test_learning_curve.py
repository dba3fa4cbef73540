from __future__ import annotations

import numpy as np
import pytest

from usmm.evaluation.stats.learning_curve import curve_area, share_reaching


def test_area_is_that_of_trapezoids_over_the_range() -> None:
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.random(9)), rng.random(9)
    trapezoids = [(x[i + 1] - x[i]) * (y[i] + y[i + 1]) / 2 for i in range(8)]
    assert curve_area(x, y) == pytest.approx(sum(trapezoids) / (x[-1] - x[0]))
    assert curve_area(x, np.full(9, 0.7)) == pytest.approx(0.7)


def test_first_share_that_reaches() -> None:
    shares, scores = [0.1, 0.2, 0.3, 0.4], [0.5, 0.8, 0.7, 0.9]
    assert share_reaching(shares, scores, 0.8) == 0.2
    assert share_reaching(shares, scores, 0.85) == 0.4
    assert share_reaching(shares, scores, 0.95) is None
    assert share_reaching(shares, scores, 0.1) == 0.1


@pytest.mark.parametrize(
    ('shares', 'scores', 'match'),
    [([0.1], [0.2], 'two or more, got'), ([0.1, 0.2], [0.2], 'as many shares as scores'),
     ([0.2, 0.2], [0.1, 0.1], 'shares must rise')],
)  # fmt: skip
def test_what_is_no_curve(shares, scores, match) -> None:
    for call in (curve_area, lambda x, y: share_reaching(x, y, 0.5)):
        with pytest.raises(ValueError, match=match):
            call(shares, scores)
