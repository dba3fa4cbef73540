from __future__ import annotations

import math

import numpy as np
import pytest

from usmm.readers.clips.frames import ArrayFrame, SamplingGrid, mean_rate


def naive(times, step):
    """For each multiple of the step, the first frame at or after it."""
    wanted = np.arange(0, times[-1] + step, step)
    return sorted({next((i for i, t in enumerate(times) if t >= w - 1e-3), None) for w in wanted} - {None})


@pytest.mark.parametrize('rate', [7, 22, 25, 29.97])
@pytest.mark.parametrize('step', [0.1, 0.5, 1.0, 2.3])
def test_grid_takes_the_first_frame_of_each_step(rate, step):
    times = np.arange(200) / rate
    grid = SamplingGrid(step)
    assert [i for i, t in enumerate(times) if grid.takes(t)] == naive(times, step)


def test_grid_forgives_timestamps_rounded_to_milliseconds():
    grid = SamplingGrid(1.0)
    assert [t for t in (0.0, 0.9985, 0.9995, 1.5, 1.9991) if grid.takes(t)] == [0.0, 0.9995, 1.9991]


def test_grid_does_not_fill_gaps_or_drift():
    grid = SamplingGrid(1.0)
    assert [t for t in (0.0, 0.6, 4.7, 4.9, 5.0, 5.9, 6.0) if grid.takes(t)] == [0.0, 4.7, 5.0, 6.0]


def test_no_step_takes_all():
    grid = SamplingGrid(None)
    assert all(grid.takes(t) for t in (0.0, math.nan, 0.01))


@pytest.mark.parametrize('step', [0, -1.0, math.nan, math.inf])
def test_step_must_be_positive(step):
    with pytest.raises(ValueError, match='step must be a positive number'):
        SamplingGrid(step)


def test_mean_rate():
    assert mean_rate(np.array([1.0, 1.1, 1.3, 1.5])) == pytest.approx(6.0)
    assert math.isnan(mean_rate([1.0]))
    assert math.isnan(mean_rate([1.0, 1.0]))


def test_grey_is_the_weighted_mean():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0], pixels[0, 1], pixels[1, 0] = (100, 0, 0), (0, 100, 0), (0, 0, 100)
    frame = ArrayFrame(3, 0.5, pixels)
    np.testing.assert_allclose(frame.grey(), [[29.9, 58.7], [11.4, 0]], atol=0.51)
    assert frame.grey_mean() == pytest.approx(25, abs=0.5)
    assert repr(frame) == 'ArrayFrame(index=3, time=0.500)'
