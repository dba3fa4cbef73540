from __future__ import annotations

import numpy as np
import pytest

from usmm.engine.active import aggregate, top_units

VALUES, UNITS = [1.0, 5.0, 2.0, 9.0], ['p2', 'p1', 'p2', 'p1']


@pytest.mark.parametrize(('how', 'expected'), [('mean', [1.5, 7]), ('max', [2, 9]), ('sum', [3, 14])])
def test_units_in_order_of_appearance(how, expected) -> None:
    names, scores = aggregate(VALUES, UNITS, how)
    assert names == ['p2', 'p1'] and scores.tolist() == expected


def test_vectors_are_averaged() -> None:
    _, vectors = aggregate(np.arange(8.0).reshape(4, 2), UNITS)
    assert vectors.tolist() == [[2, 3], [4, 5]]


def test_ties_are_broken_by_the_seed_not_by_the_table() -> None:
    names = [str(i) for i in range(50)]
    one, two = (top_units(names, np.zeros(50), 10, np.random.default_rng(s)) for s in (0, 1))
    assert one != names[:10] and one != two
    assert one == top_units(names, np.zeros(50), 10, np.random.default_rng(0))


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="got 'median'"):
        aggregate(VALUES, UNITS, 'median')
    with pytest.raises(ValueError, match='4 values and 1 units do not fit'):
        aggregate(VALUES, ['a'])
