from __future__ import annotations

import math

import pytest

from usmm.visualization.pages.wording import NOTHING, duration, interval, mean_std, metric_label, number, p_value


@pytest.mark.parametrize('nothing', [None, math.nan, math.inf, 'text', True])
def test_what_is_no_number_is_a_dash(nothing: object) -> None:
    assert number(nothing) == NOTHING
    assert p_value(nothing) == NOTHING
    assert duration(nothing) == NOTHING
    assert interval([0.1, nothing]) == NOTHING
    assert mean_std({'mean': nothing}) == NOTHING


def test_numbers() -> None:
    assert number(-0.0001) == '0.000'
    assert number(-0.0001, sign=True) == '+0.000'
    assert number(1) == '1.000'
    assert interval((-0.05, 0.1), 2, sign=True) == '[-0.05, +0.10]'
    assert interval(None) == interval([1.0]) == interval('ab') == NOTHING
    assert mean_std({'mean': 0.5, 'std': 0.25}) == '0.500 ± 0.250'
    assert mean_std({'mean': 0.5, 'std': None}) == '0.500'
    assert mean_std(None) == NOTHING
    assert [p_value(p) for p in (0.0009999, 0.001, 1.0)] == ['<0.001', '0.001', '1.000']


def test_times() -> None:
    assert [duration(s) for s in (0, 59.97, 60, 3599.6)] == ['0.0 s', '1 min 0 s', '1 min 0 s', '1 h 0 min']
    assert duration(3661) == '1 h 1 min'


def test_labels() -> None:
    assert metric_label('tpr') == 'Sensitivity (TPR)'
    assert metric_label('image/f1') == 'Image stage: F1'
