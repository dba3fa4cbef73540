"""The time-intensity curve of a contrast clip and its usual parameters."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from usmm.evaluation.stats.validation import Floats

LEAST = 5
"""Samples that a curve must have."""
QUIET = 2 / 3
"""Share of the time before the arrival in which the baseline is measured: its end already rises a little."""
ARRIVED, RISEN = 0.1, 0.9
"""Shares of the enhancement between which the wash-in is measured."""


@dataclass(frozen=True)
class TimeIntensity:
    """Parameters of a curve; nan where one cannot be measured. Grey values are those of the clip (0 to 255).

    Args:
        baseline: Mean grey value before the agent comes.
        peak_intensity: Highest value of the smoothed curve, less the baseline (grey values).
        arrival: Time of the agent's arrival, at 10 % of the enhancement (s from the start).
        time_to_peak: Time of the peak (s from the start).
        rise_time: From arrival to peak (s).
        wash_in_slope: Mean slope from 10 % to 90 % of the enhancement (grey values a second).
        wash_out_slope: Slope of the straight line through the curve after the peak (grey values a second, negative
            where it falls).
        area: Area between curve and baseline from arrival to the end (grey values x s).
    """

    baseline: float
    peak_intensity: float
    arrival: float
    time_to_peak: float
    rise_time: float
    wash_in_slope: float
    wash_out_slope: float
    area: float

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The parameters, in order."""
        return tuple(f.name for f in fields(cls))

    def as_dict(self) -> dict[str, float]:
        """Parameter -> value."""
        return asdict(self)


NOTHING = TimeIntensity(*[math.nan] * 8)


def time_intensity(
    times: ArrayLike,
    grey: ArrayLike,
    smoothing: float = 1.0,
    baseline_until: float | None = None,
    least_rise: float = 3.0,
) -> TimeIntensity:
    """Measure a curve.

    The curve is smoothed with a Gaussian in time. The baseline is the mean up to `baseline_until`; without it, that
    of the first twentieth of the clip's time, and then of the first two thirds of the time before the agent
    arrives. Samples without a value are left out. With fewer than five all parameters are nan. Where the curve
    rises by less than `least_rise` nothing has arrived: baseline, peak intensity and area are given, times and
    slopes are nan. The wash-out needs five samples after the peak, the wash-in a curve that was below 10 % before
    it.

    Args:
        times: (T,) s, rising.
        grey: (T,) mean grey value of the region, nan where unknown.
        smoothing: Standard deviation of the Gaussian, in s; 0: none.
        baseline_until: Time in s up to which no agent can have come; None: found from the curve.
        least_rise: Smallest enhancement that counts, in grey values.

    Raises:
        ValueError: Shapes that differ, times that do not rise, or a negative smoothing.

    References:
        Dietrich et al., EFSUMB position paper on quantification of contrast, Ultraschall in Med 2012 (names).

    Example:
        >>> t = np.arange(31.0)
        >>> curve = 10 + np.interp(t, [5, 15, 30], [0, 50, 20])
        >>> found = time_intensity(t, curve, smoothing=0)
        >>> found.baseline, found.peak_intensity, found.arrival, found.time_to_peak
        (10.0, 50.0, 6.0, 15.0)
        >>> round(found.wash_in_slope, 6), round(found.wash_out_slope, 6)
        (5.0, -2.0)
    """
    t, y = _valid(times, grey)
    if smoothing < 0:
        raise ValueError(f'smoothing must not be negative, got {smoothing}')
    if len(t) < LEAST:
        return NOTHING
    curve = smooth(t, y, smoothing)
    top = int(curve.argmax())
    base, start = _baseline(t, curve, top, baseline_until)
    rise = float(curve[top]) - base
    if rise < least_rise:
        return replace(NOTHING, baseline=base, peak_intensity=rise, area=_area(t, curve - base, t[0]))
    arrival, risen = (_crossing(t, curve, top, base + share * rise) for share in (ARRIVED, RISEN))
    peak = float(t[top])
    slope = (RISEN - ARRIVED) * rise / (risen - arrival) if risen > arrival else math.nan  # nan compares as False
    return TimeIntensity(
        baseline=base,
        peak_intensity=rise,
        arrival=arrival,
        time_to_peak=peak,
        rise_time=peak - arrival,
        wash_in_slope=slope,
        wash_out_slope=_slope(t[top:], curve[top:]),
        area=_area(t, curve - base, start if math.isnan(arrival) else arrival),
    )


def smooth(times: ArrayLike, values: ArrayLike, sigma: float) -> Floats:
    """Gaussian mean in time, for samples at any times.

    Args:
        times: (T,) s.
        values: (T,).
        sigma: Standard deviation in s; 0: unchanged.

    Example:
        >>> smooth([0, 1, 2], [1, 1, 1], 0.5).tolist()
        [1.0, 1.0, 1.0]
    """
    t, y = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    if sigma == 0:
        return y
    weights = np.exp(-0.5 * ((t[:, None] - t[None]) / sigma) ** 2)
    return weights @ y / weights.sum(1)


def _valid(times: ArrayLike, grey: ArrayLike) -> tuple[Floats, Floats]:
    t, y = np.asarray(times, dtype=float), np.asarray(grey, dtype=float)
    if t.ndim != 1 or t.shape != y.shape:
        raise ValueError(f'expected as many times as grey values, got {t.shape} and {y.shape}')
    known = np.isfinite(t) & np.isfinite(y)
    t, y = t[known], y[known]
    if (np.diff(t) <= 0).any():
        raise ValueError('times must rise')
    return t, y


def _baseline(t: Floats, curve: Floats, top: int, until: float | None) -> tuple[float, float]:
    """The baseline and the time at which it ends."""
    end = t[0] + (t[-1] - t[0]) / 20 if until is None else until
    base = float(curve[t <= end].mean()) if (t <= end).any() else float(curve[0])
    if until is not None or top == 0:
        return base, float(end)
    arrival = _crossing(t, curve, top, base + ARRIVED * (curve[top] - base))
    before = t < t[0] + QUIET * (arrival - t[0])  # none where the curve starts high
    return (float(curve[before].mean()), arrival) if before.any() else (base, float(end))


def _crossing(t: Floats, curve: Floats, top: int, level: float) -> float:
    """The last time before the peak at which the curve rises through a level; nan if it was never below."""
    below = np.flatnonzero(curve[:top] < level)
    if not len(below):
        return math.nan
    i = int(below[-1])
    return float(t[i] + (level - curve[i]) / (curve[i + 1] - curve[i]) * (t[i + 1] - t[i]))


def _slope(t: Floats, curve: Floats) -> float:
    if len(t) <= LEAST:
        return math.nan
    return float(np.polynomial.Polynomial.fit(t, curve, 1).convert().coef[1])


def _area(t: Floats, above: Floats, start: float) -> float:
    later = t > start
    x = np.concatenate([[start], t[later]])
    y = np.concatenate([[np.interp(start, t, above)], above[later]])
    return float(trapezoid(y, x))
