"""Time-intensity curves: closed forms, noise, missing samples, and the kinetics that phantoms are drawn with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.stats import linregress

from usmm.evaluation.stats.time_intensity import TimeIntensity, smooth, time_intensity

T = np.linspace(0, 90, 361)


def ramp(base: float = 12, arrival: float = 10, peak: float = 24, height: float = 70, fall: float = -0.6) -> np.ndarray:
    curve = np.interp(T, [arrival, peak], [0, height]) + np.where(peak < T, fall * (T - peak), 0)
    return base + curve


def test_a_curve_of_straight_lines_in_closed_form() -> None:
    found = time_intensity(T, ramp(), smoothing=0)
    assert found.baseline == pytest.approx(12)
    known = time_intensity(T, ramp(), smoothing=0, baseline_until=9)
    slope, area = 70 / 14, 70 * 14 / 2 - 0.1 * 1.4 * 70 / 2 + 66 * (70 + 70 - 0.6 * 66) / 2
    expected = TimeIntensity(12, 70, 11.4, 24, 12.6, slope, -0.6, area)
    for name, value in expected.as_dict().items():
        assert getattr(known, name) == pytest.approx(value, rel=1e-3), name


@pytest.mark.parametrize('seed', range(4))
def test_noise(seed: int) -> None:
    noisy = ramp() + np.random.default_rng(seed).normal(0, 2, T.size)
    found = time_intensity(T, noisy)
    assert found.peak_intensity == pytest.approx(70, abs=4)
    assert found.arrival == pytest.approx(11.4, abs=0.8)
    assert found.time_to_peak == pytest.approx(24, abs=2)
    assert found.wash_out_slope == pytest.approx(-0.6, abs=0.05)
    assert found.wash_in_slope == pytest.approx(5, rel=0.12)


def test_time_and_grey_scale_as_they_should() -> None:
    one = time_intensity(T, ramp())
    slow = time_intensity(3 * T, ramp(), smoothing=3)
    bright = time_intensity(T, 2 * ramp() + 5)
    assert slow.arrival == pytest.approx(3 * one.arrival) and slow.area == pytest.approx(3 * one.area)
    assert slow.wash_in_slope == pytest.approx(one.wash_in_slope / 3)
    assert bright.peak_intensity == pytest.approx(2 * one.peak_intensity)
    assert bright.time_to_peak == one.time_to_peak and bright.baseline == pytest.approx(2 * one.baseline + 5)


def test_wash_out_is_the_least_squares_line() -> None:
    noisy = ramp() + np.random.default_rng(0).normal(0, 3, T.size)
    found = time_intensity(T, noisy, smoothing=0)
    later = found.time_to_peak <= T
    assert found.wash_out_slope == pytest.approx(linregress(T[later], noisy[later]).slope)


def test_smoothing_is_the_gaussian_of_scipy_inside() -> None:
    y = np.random.default_rng(0).normal(size=200)
    expected = gaussian_filter1d(y, 4, truncate=8)
    np.testing.assert_allclose(smooth(np.arange(200) * 0.5, y, 2.0)[40:-40], expected[40:-40], atol=1e-6)


def test_samples_without_a_value_are_left_out() -> None:
    holes = ramp()
    holes[50:60] = np.nan
    whole, less = time_intensity(T, ramp()), time_intensity(T, holes)
    assert less.time_to_peak == pytest.approx(whole.time_to_peak, abs=0.5)
    assert all(map(math.isfinite, less.as_dict().values()))


def names_with_nan(found: TimeIntensity) -> set[str]:
    return {name for name, value in found.as_dict().items() if math.isnan(value)}


def test_what_cannot_be_measured_is_nan() -> None:
    times = {'arrival', 'time_to_peak', 'rise_time', 'wash_in_slope', 'wash_out_slope'}
    assert names_with_nan(time_intensity(T[:4], T[:4])) == set(TimeIntensity.names())
    flat = time_intensity(T, np.full(T.size, 20.0))
    assert names_with_nan(flat) == times and flat.baseline == 20 and flat.peak_intensity == pytest.approx(0)
    assert names_with_nan(time_intensity(T, T)) == {'wash_out_slope'}  # still rising at the end
    falling = time_intensity(T, 100 - T, smoothing=0, baseline_until=0)
    assert 'wash_in_slope' in names_with_nan(falling)


@pytest.mark.parametrize(
    ('times', 'grey', 'smoothing', 'message'),
    [
        ([0, 1], [1], 1, r'as many times as grey values, got \(2,\) and \(1,\)'),
        ([0, 2, 1, 3, 4], [0] * 5, 1, 'times must rise'),
        ([0, 1], [0, 1], -1, 'smoothing must not be negative'),
    ],
)
def test_what_is_refused(times: list, grey: list, smoothing: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        time_intensity(times, grey, smoothing)


def test_a_curve_that_hardly_rises_has_an_area_above_its_baseline() -> None:
    """From a baseline of 10 in steps of a second to a plateau of 12, which is less than the least rise of 3."""
    grey = np.array([10.0] * 11 + [12.0] * 10)
    found = time_intensity(np.arange(21.0), grey, smoothing=0.0, baseline_until=5.0)
    assert (found.baseline, found.peak_intensity) == (10.0, 2.0)
    assert found.area == pytest.approx(0.5 * 2 + 9 * 2)  # the trapezoid of the step, and the plateau
    assert np.isnan(found.arrival)
