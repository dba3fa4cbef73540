"""Agreement of two drawn regions, and of two drawings of many cases."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import quantile_test

from usmm.evaluation.stats.bland_altman import BlandAltman, bland_altman
from usmm.evaluation.stats.bootstrap import BootstrapInterval, cluster_bootstrap
from usmm.evaluation.stats.icc import Icc, icc
from usmm.evaluation.stats.validation import check_confidence

Box = tuple[float, float, float, float]
Spacing = tuple[float, float]


@dataclass(frozen=True)
class Overlap:
    """Two regions of one case.

    Args:
        pixels: Size of each, in pixels.
        dice, iou: Twice the shared part over the sum of the sizes; the shared part over the union. From 0 to 1.
        distance: Between the centres of mass, in pixels.
        areas: Size of each in mm^2; None without a spacing.
        distance_mm: The distance in mm; None without a spacing.
    """

    pixels: tuple[float, float]
    dice: float
    iou: float
    distance: float
    areas: tuple[float, float] | None = None
    distance_mm: float | None = None


def mask_overlap(first: ArrayLike, second: ArrayLike, spacing: Spacing | None = None) -> Overlap:
    """Overlap of two masks.

    Args:
        first, second: Masks (H, W); every value but 0 belongs to the region.
        spacing: Height and width of a pixel in mm.

    Raises:
        ValueError: Masks of unequal or other than two-dimensional shape, an empty mask, or a spacing that is not
            positive.

    References:
        Dice, Ecology 1945; Jaccard, New Phytologist 1912.

    Example:
        >>> found = mask_overlap([[1, 1, 0]], [[0, 1, 1]])
        >>> found.pixels, found.dice, round(found.iou, 3), found.distance
        ((2, 2), 0.5, 0.333, 1.0)
    """
    a, b = (np.asarray(mask) != 0 for mask in (first, second))
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(f'the masks must be (H, W) of one size, got {a.shape} and {b.shape}')
    for name, mask in (('first', a), ('second', b)):
        if not mask.any():
            raise ValueError(f'the {name} mask is empty')
    centres = [_centre(mask) for mask in (a, b)]
    return _overlap((int(a.sum()), int(b.sum())), float((a & b).sum()), centres, spacing)


def box_overlap(first: Box, second: Box, spacing: Spacing | None = None) -> Overlap:
    """Overlap of two rectangles (x0, y0, x1, y1) in pixels, ends excluded; see `mask_overlap`.

    Raises:
        ValueError: A box that is empty, or a spacing that is not positive.

    Example:
        >>> box_overlap((0, 0, 4, 2), (2, 0, 6, 2)).dice
        0.5
    """
    for name, box in (('first', first), ('second', second)):
        if not (box[0] < box[2] and box[1] < box[3]):
            raise ValueError(f'the {name} box must have x0 < x1 and y0 < y1, got {tuple(box)}')
    sizes = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (first, second)]
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    centres = [((y0 + y1) / 2, (x0 + x1) / 2) for x0, y0, x1, y1 in (first, second)]
    return _overlap((sizes[0], sizes[1]), max(0.0, width) * max(0.0, height), centres, spacing)


@dataclass(frozen=True)
class Median:
    """A median with its interval.

    Args:
        estimate: The median.
        ci: Two order statistics; nan where there are too few values for the confidence.
        confidence: Level that is asked for; the interval's own is that or more.
    """

    estimate: float
    ci: tuple[float, float]
    confidence: float


def median_interval(values: ArrayLike, confidence: float = 0.95) -> Median:
    """Median with the interval of order statistics, which assumes no distribution.

    Args:
        values: (N,).
        confidence: Least level of the interval.

    Raises:
        ValueError: No value, or one that is not finite.

    References:
        Conover, Practical Nonparametric Statistics, 1999, section 3.2.

    Example:
        >>> median_interval(range(1, 12)).ci
        (2.0, 10.0)
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f'a median needs finite values, one or more, got {x.size} of which not all are finite')
    limits = np.asarray(quantile_test(x, p=0.5).confidence_interval(check_confidence(confidence)))
    low, high = limits.tolist()
    return Median(float(np.median(x)), (low, high), confidence)


@dataclass(frozen=True)
class Comparison:
    """Two drawings of the same cases.

    Args:
        kind: `intra` (one observer twice), `inter` (two observers), or `two sets`.
        names: Which drawings.
        overlaps: Case id -> its overlap.
        dice, iou: Mean over the cases, with a BCa bootstrap.
        dice_median: Its median, with an interval of order statistics.
        difference, ratio: Bland and Altman of the pixel counts, second less (over) first.
    """

    kind: str
    names: tuple[str, str]
    overlaps: Mapping[str, Overlap]
    dice: BootstrapInterval
    iou: BootstrapInterval
    dice_median: Median
    difference: BlandAltman
    ratio: BlandAltman

    @property
    def title(self) -> str:
        """What is compared, in one line."""
        return f'{self.kind}: {self.names[0]} and {self.names[1]}'


@dataclass(frozen=True)
class Reliability:
    """Intraclass correlation of the pixel counts of two or more drawings of the same cases.

    Args:
        kind: As of `Comparison`.
        names: Which drawings.
        icc: The coefficient in its named form.
    """

    kind: str
    names: tuple[str, ...]
    icc: Icc


def compare_regions(
    kind: str,
    names: tuple[str, str],
    overlaps: Mapping[str, Overlap],
    method: str = 'exact',
    draws: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Gather the overlaps of the cases of two drawings.

    Args:
        kind, names, overlaps: As of `Comparison`.
        method: Of the intervals of the limits of agreement, see `bland_altman`.
        draws, seed: Of the bootstrap.

    Raises:
        ValueError: Fewer than two cases.
    """
    if len(overlaps) < 2:
        raise ValueError(f'agreement of {names[0]} and {names[1]} needs two cases or more, got {len(overlaps)}')
    found = list(overlaps.values())
    dice, iou = (np.array([getattr(o, name) for o in found]) for name in ('dice', 'iou'))
    first, second = np.array([o.pixels for o in found]).T
    return Comparison(
        kind,
        names,
        dict(overlaps),
        _mean(dice, draws, seed),
        _mean(iou, draws, seed),
        median_interval(dice),
        bland_altman(first, second, 'difference', method),
        bland_altman(first, second, 'ratio', method),
    )


def reliability(kind: str, pixels: Mapping[str, Sequence[float]], form: str = 'ICC(A,1)') -> Reliability:
    """Intraclass correlation of pixel counts; drawing -> counts of the same cases in the same order.

    Raises:
        ValueError: An unknown form, or fewer than two cases or drawings.
    """
    return Reliability(kind, tuple(pixels), icc(np.column_stack(list(pixels.values())), form))


def _mean(values: NDArray[np.float64], draws: int, seed: int) -> BootstrapInterval:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of equal values: they have no interval
        return cluster_bootstrap(
            lambda cases: float(values[cases].mean()), np.arange(values.size), draws=draws, seed=seed, method='bca'
        )


def _centre(mask: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def _overlap(
    pixels: tuple[float, float], shared: float, centres: Sequence[tuple[float, float]], spacing: Spacing | None
) -> Overlap:
    total = pixels[0] + pixels[1]
    dy, dx = centres[1][0] - centres[0][0], centres[1][1] - centres[0][1]
    plain = (pixels, 2 * shared / total, shared / (total - shared), math.hypot(dy, dx))
    if spacing is None:
        return Overlap(*plain)
    if not all(math.isfinite(v) and v > 0 for v in spacing):
        raise ValueError(f'spacing must be two positive lengths in mm, got {tuple(spacing)}')
    height, width = spacing
    areas = (pixels[0] * height * width, pixels[1] * height * width)
    return Overlap(*plain, areas, math.hypot(dy * height, dx * width))
