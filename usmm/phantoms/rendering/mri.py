"""Aligned MR images of one liver: one anatomy, another contrast in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.frame import bounded
from usmm.phantoms.rendering.speckle import Array, smooth_noise

SIZE = (180, 160)  # width, height in pixels, below the 200 of the paper
RADIUS = 16.0  # of the tumour at latent 0, in pixels
GROWTH = 0.22  # of the logarithm of the radius, per unit of the common latent
STEP = 0.05  # of the tumour's contrast, per unit of a modality's latent; white is 1
PITCH = 1.4  # mm


@dataclass(frozen=True)
class Contrast:
    """How a sequence shows what is there, as grey from 0 to 1.

    Args:
        liver, vessel: Grey of the liver, and of its vessels.
        tumour: Grey of the tumour less that of the liver, at latent 0; a higher latent makes the difference larger.
        fat: How much of the signal a fatty liver loses.
    """

    liver: float
    vessel: float
    tumour: float
    fat: float = 0.0


CONTRASTS = {
    't1': Contrast(0.60, 0.44, -0.20),
    't2': Contrast(0.36, 0.60, 0.22),
    'oop': Contrast(0.54, 0.40, -0.14, fat=0.25),
}


@dataclass(frozen=True)
class Liver:
    """What all images of a patient have in common.

    Args:
        outline: (N, 2) border of the liver, in pixels.
        tumour: (N, 2) border of the tumour, in pixels.
        vessels: (H, W) share of a vessel in a pixel.
        texture: (H, W) unevenness of the liver, about unit variance.
        fat: Fatness of the liver, from 0 to 1.
    """

    outline: Array
    tumour: Array
    vessels: Array
    texture: Array
    fat: float

    def mask(self, size: tuple[int, int], zoom: float | None = None) -> npt.NDArray[np.bool_]:
        """(H, W) mask of the tumour in an image of `size` (width, height); `zoom` is not used."""
        return _filled(self.tumour * (np.array(size) / SIZE), size)

    def spacing(self, size: tuple[int, int]) -> tuple[float, float]:
        """(row, column) distance of pixels in mm."""
        return PITCH * SIZE[1] / size[1], PITCH * SIZE[0] / size[0]


def draw_liver(rng: np.random.Generator, latents: Mapping[str, float]) -> Liver:
    """Anatomy of one patient; the latent `anatomy` shows as size and raggedness of the tumour, all else is nuisance.

    Args:
        rng: Source of all draws.
        latents: Name -> planted score.
    """
    common = bounded(latents['anatomy'])
    shape = SIZE[::-1]
    middle = np.array(SIZE) / 2 + rng.normal(0, 3, 2)
    outline = middle + _blob(rng, np.array([78.0, 68.0]) * rng.uniform(0.92, 1.02), 0.05)
    place = middle + rng.uniform(-1, 1, 2) * (24, 18)
    width = rng.uniform(0.88, 1.14)  # of a shape of the same area
    border = _blob(rng, np.array([width, 1 / width]), 0.015 * (bounded(common) + 5))
    border *= RADIUS * np.exp(GROWTH * common) / np.sqrt(_area(border) / np.pi)
    return Liver(outline, place + border, _vessels(rng, shape), _texture(rng, shape), float(rng.beta(2, 4)))


def draw_mr(
    contrast: Contrast, scene: Liver, latent: float, size: tuple[int, int], rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) image of a sequence, black around the liver; the tumour's mean contrast is the latent's alone.

    Args:
        contrast: The sequence; a preset binds it with `functools.partial`, which worker processes can take.
        scene: The anatomy.
        latent: The sequence's own planted score.
        size: Width and height in pixels.
        rng: Source of noise and gain.
    """
    difference = contrast.tumour + np.sign(contrast.tumour) * STEP * bounded(latent)
    level = contrast.liver + 0.02 * scene.texture
    level = level + scene.vessels * (contrast.vessel - contrast.liver)
    inside = _filled(scene.tumour, SIZE)
    mottle = 0.025 * smooth_noise(rng, level.shape, (2.5, 2.5))
    tumour = contrast.liver + difference + mottle - mottle[inside].mean()
    edge = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8)
    level = (level * (1 - edge) + tumour * edge) * (1 - contrast.fat * scene.fat)
    slow = 1 + 0.01 * smooth_noise(rng, level.shape, (45, 45))
    noise = rng.normal(0, 0.015, level.shape)
    shown = (level * slow + noise) * rng.uniform(0.92, 1.06) * _filled(scene.outline, SIZE)
    grey = np.clip(np.rint(shown * 255), 0, 255).astype(np.uint8)
    if size != SIZE:
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.repeat(grey[..., None], 3, axis=2)


def _blob(rng: np.random.Generator, radii: Array, ragged: float) -> Array:
    """(N, 2) closed border around 0: an ellipse with waves, the finer the smaller."""
    angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    radius = np.ones_like(angle)
    for k in range(2, 11):
        radius += rng.normal(0, ragged / k**0.4) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.4, 1.7)
    return np.stack([radii[0] * radius * np.cos(angle), radii[1] * radius * np.sin(angle)], 1)


def _area(border: Array) -> float:
    x, y = border.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def _filled(border: Array, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(mask, [np.round(border * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def _vessels(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """(H, W) share of vessels: a few curved tubes that leave one stem."""
    canvas = np.zeros(shape, np.float32)
    stem = np.array([rng.uniform(0.35, 0.65) * shape[1], 0.85 * shape[0]])
    for _ in range(int(rng.integers(4, 7))):
        heading, point = rng.uniform(-2.6, -0.5), stem.copy()
        for step in range(14):
            heading += rng.normal(0, 0.18)
            onward = point + 7 * np.array([np.cos(heading), np.sin(heading)])
            ends = [tuple(int(v) for v in np.round(p * 16)) for p in (point, onward)]
            cv2.line(canvas, ends[0], ends[1], 1.0, max(1, 4 - step // 4), cv2.LINE_AA, 4)
            point = onward
    return cast(Array, cv2.GaussianBlur(canvas, (0, 0), 0.7))


def _texture(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return 0.8 * smooth_noise(rng, shape, (3, 3)) + 0.6 * smooth_noise(rng, shape, (9, 9))
