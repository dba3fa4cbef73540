from __future__ import annotations

import numpy as np

from usmm.engine.workdir.rows import arrays, drawn_classes


def test_arrays_hold_the_labelled_rows() -> None:
    rows = [dict(label='b', scores=np.array([0.75, 0.25])), dict(label='', scores=np.array([0.5, 0.5]))]
    labels, scores = arrays(rows, ('a', 'b'))
    assert labels.tolist() == [1]
    assert scores.tolist() == [[0.75, 0.25]]


def test_no_rows_keep_their_shape() -> None:
    labels, scores = arrays([], ('a', 'b', 'c'))
    assert (labels.shape, scores.shape) == ((0,), (0, 3))


def test_classes_with_a_curve() -> None:
    assert drawn_classes(('a', 'b'), 'a') == ('a',)
    assert drawn_classes(('a', 'b', 'c'), 'a') == ('a', 'b', 'c')
