"""Images of liver and spleen: shear-wave elastograms with a box of colour, and B-mode with a texture that coarsens.

All places are drawn anew for every image, so that no two images of a patient are aligned.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.elasto import OPACITY, STIFFNESS, STIFFNESS_STEP, stiffness_colour
from usmm.phantoms.rendering.frame import Frame, blank_frame, bounded, put_bar
from usmm.phantoms.rendering.scene import field_box
from usmm.phantoms.rendering.speckle import compress, envelope_db, smooth_noise, smoothed

TOP = 22.0
MISLEADING = 1.5  # standard deviation of what an image of the wrong depth shows


def draw_bmode(
    latent: float, noise: str | None, size: tuple[int, int], rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) B-mode of the liver; a higher latent: coarser texture, faster loss with depth, a wavier surface.

    Args:
        latent: What this image shows.
        noise: `'no contact'`, `'wrong depth'` or None.
        size: Width and height in pixels.
        rng: Source of speckle and place.
    """
    frame, box = _frame(size, noise, rng, 'B')
    shown = float(rng.normal(0, MISLEADING)) if noise == 'wrong depth' else latent
    frame[box[1] : box[3], box[0] : box[2]] = _grey(shown, noise, box, rng)[..., None]
    return frame


def draw_elastogram(
    latent: float,
    noise: str | None,
    size: tuple[int, int],
    rng: np.random.Generator,
    side: tuple[float, float],
    title: str,
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) grey image with a box in which colour is stiffness: red soft, blue hard.

    Args:
        latent: What this image shows; a higher one is stiffer.
        noise: Without contact the box is a patchwork; at the wrong depth its colour has nothing to do with the latent.
        size: Width and height in pixels.
        rng: Source of speckle, place and unevenness.
        side: Shortest and longest side of the box, as shares of the field's height.
        title: Name of the mode.
    """
    frame, field = _frame(size, noise, rng, title)
    frame[field[1] : field[3], field[0] : field[2]] = _grey(0.0, noise, field, rng)[..., None]
    height = field[3] - field[1]
    w, h = (int(height * rng.uniform(*side)) for _ in range(2))
    x = int(rng.integers(field[0] + 4, field[2] - w - 4))
    y = int(rng.integers(field[1] + height // 8, field[3] - h - 4))
    shown = float(rng.normal(0, MISLEADING)) if noise == 'wrong depth' else latent
    spread = 0.3 if noise == 'no contact' else 0.04
    level = STIFFNESS if noise == 'no contact' else STIFFNESS + STIFFNESS_STEP * bounded(shown)
    mottle = smooth_noise(rng, (h, w), (4, 5))
    stiffness = np.clip(level + spread * (mottle - mottle.mean()), 0, 1)
    part = np.s_[y : y + h, x : x + w]
    light = frame[part].astype(np.float32) * 0.6 + 30
    frame[part] = (OPACITY * stiffness_colour(stiffness) + (1 - OPACITY) * light).astype(np.uint8)
    cv2.rectangle(frame, (x, y), (x + w, y + h), (230, 230, 230), 1)
    return frame


draw_swe = partial(draw_elastogram, side=(0.34, 0.5), title='STE')
draw_point = partial(draw_elastogram, side=(0.14, 0.18), title='STQ')


def _frame(
    size: tuple[int, int], noise: str | None, rng: np.random.Generator, title: str
) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int]]:
    depth = float(rng.uniform(20, 35) if noise == 'wrong depth' else rng.uniform(90, 140))
    frame = blank_frame(size, depth, title)
    put_bar(frame, np.repeat(np.arange(255, -1, -1, dtype=np.uint8)[:, None], 3, 1), (0.94, 0.12, 0.957, 0.4))
    return frame, field_box(size)


def _grey(latent: float, noise: str | None, box: tuple[int, int, int, int], rng: np.random.Generator) -> Frame:
    """(H, W) grey values of the field."""
    shape, z = (box[3] - box[1], box[2] - box[0]), bounded(latent)
    y = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    if noise == 'no contact':
        rings = 14 * np.exp(-(((y * rng.uniform(6, 9)) % 1 - 0.5) ** 2) / 0.02) * np.exp(-3 * y)
        level = -34 + rings + 2 * smooth_noise(rng, shape, (3, 30))
    else:
        coarse = smooth_noise(rng, shape, (6, 7)) * (1.2 + 0.45 * (z + 4.4))
        level = -7 + coarse - (1.5 + 1.1 * (z + 4.4)) * y + float(rng.normal(0, 0.7))
        wave = 0.5 * (z + 4.4) * smooth_noise(rng, (8, shape[1]), (1, 9))[0]
        surface = 0.12 + wave[None] / shape[0]
        level += 16 * np.exp(-(((y - surface) / 0.008) ** 2)) - 3 * (y < surface)
        if noise == 'wrong depth':  # a near field, enlarged
            level = cv2.resize(level[: shape[0] // 4, : shape[1] // 4].astype(np.float32), shape[::-1]) + 6
    return compress(smoothed(envelope_db(rng, level.astype(np.float32), 0.9, (1.4, 1.1, 2.0))), TOP)
