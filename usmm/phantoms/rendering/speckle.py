"""Fully developed speckle: complex scatterers, a point spread that widens with depth, envelope, log compression."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
DYNAMIC_RANGE = 56.0  # dB between black and white of a B-mode image
RAYLEIGH_LOG_MEAN = -2.51  # dB: mean of 20 log10 of a unit-power Rayleigh envelope, -10 log10(e) * 0.5772


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> Array:
    """(H, W) Gaussian noise of zero mean and unit variance, smooth over about `sigma` pixels.

    Args:
        rng: Source of the draws.
        shape: Height and width in pixels.
        sigma: Standard deviations of the smoothing kernel down and across, in pixels.
    """
    # drawn coarsely and enlarged: as smooth, and ten times as fast
    step = [max(1, int(s / 2)) for s in sigma]
    coarse = [max(8, n // k + 3) for n, k in zip(shape, step)]
    white = rng.standard_normal(coarse, dtype=np.float32)
    blurred = cv2.GaussianBlur(white, (0, 0), sigmaX=sigma[1] / step[1], sigmaY=sigma[0] / step[0])
    noise = cast(Array, cv2.resize(blurred, shape[::-1], interpolation=cv2.INTER_CUBIC))
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def scatterers(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """(H, W, 2) real and imaginary part of the echo of randomly placed scatterers, unit power."""
    return rng.standard_normal((*shape, 2), dtype=np.float32) * np.float32(np.sqrt(0.5))


def point_spread(field: Array, axial: float, lateral: float) -> Array:
    """Blur an (H, W, 2) field by a Gaussian point spread, keeping the power of white noise.

    Args:
        field: Complex field.
        axial, lateral: Standard deviation down and across, in pixels.
    """
    blurred = cv2.GaussianBlur(field, (0, 0), sigmaX=lateral, sigmaY=axial, borderType=cv2.BORDER_REFLECT)
    return blurred * np.float32(np.sqrt(4 * np.pi * axial * lateral))


def envelope_db(
    rng: np.random.Generator, level: Array, axial: float = 1.05, laterals: tuple[float, float, float] = (1.9, 1.4, 2.9)
) -> Array:
    """(H, W) log envelope in dB of speckle whose local mean power is `level`.

    Args:
        rng: Source of the scatterers.
        level: (H, W) echo level in dB.
        axial: Axial size of the point spread in pixels.
        laterals: Lateral sizes at the skin, at the focus and at the bottom, in pixels.
    """
    field = scatterers(rng, level.shape)
    field *= np.exp(level * np.float32(np.log(10) / 20)).astype(np.float32)[..., None]
    near, focus, deep = (point_spread(field, axial, lateral) for lateral in laterals)
    y = np.linspace(0, 1, len(level), dtype=np.float32)
    w_near, w_deep = np.clip(1 - y / 0.45, 0, 1), np.clip((y - 0.5) / 0.5, 0, 1)
    weights = [w[:, None, None] for w in (w_near, 1 - w_near - w_deep, w_deep)]
    mixed = near * weights[0] + focus * weights[1] + deep * weights[2]
    return 10 * np.log10(mixed[..., 0] ** 2 + mixed[..., 1] ** 2 + 1e-7)


def compress(db: Array, top: float, dynamic_range: float = DYNAMIC_RANGE) -> npt.NDArray[np.uint8]:
    """Grey values of a log envelope: `top` dB is white, `top - dynamic_range` is black."""
    return np.clip((db - top) * (255 / dynamic_range) + 255, 0, 255).astype(np.uint8)


def smoothed(db: Array, amount: float = 0.55) -> Array:
    """The speckle reduction of a scanner: the log envelope mixed with its blur. The local mean stays.

    Args:
        db: (H, W) log envelope.
        amount: 0: unchanged Rayleigh speckle; 1: the blur alone.
    """
    blurred = cv2.GaussianBlur(db, (0, 0), sigmaX=1.6, sigmaY=0.9)
    return cast(Array, cv2.addWeighted(db, 1 - amount, blurred, amount, 0))
