"""The anatomy of one synthetic patient: tissue layers and a node, free of any class information."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.speckle import Array, smooth_noise

CANVAS = (780, 615)  # width, height of the frame in which the scene is laid out
LUMEN = -20.0  # dB: only the lumen of a great vessel is darker than this
FIELD = (0.13, 0.075, 0.87, 0.945)  # x0, y0, x1, y1: the insonated part of every still frame


@dataclass(frozen=True)
class Scene:
    """What all aligned stills of a patient have in common. All of it is nuisance: independent of class and latents.

    Args:
        center: (x, y) of the node, relative to the frame.
        outline: (N, 2) node border around its centre, in pixels of the 780 x 615 frame.
        tissue: (H, W) float32 echo level of the field without the node, in dB; 0 dB is the bed of the node.
        depth: Imaging depth in mm.
        gain: Overall gain in dB.
        vessel: (x, y, rx, ry) of a great vessel, relative to the field, or None.
    """

    center: tuple[float, float]
    outline: Array
    tissue: Array
    depth: float
    gain: float
    vessel: tuple[float, float, float, float] | None

    def polygon(self, size: tuple[int, int], zoom: float | None = None) -> Array:
        """(N, 2) node border in pixels of a frame of `size` (width, height).

        Args:
            size: Frame size. Without `zoom` the border keeps its relative coordinates of the 780 x 615 frame.
            zoom: Scale of the border in pixels instead; its shape is kept.
        """
        scale = np.array(size) / np.array(CANVAS) if zoom is None else np.full(2, zoom)
        return (np.array(self.center) * size + self.outline * scale).astype(np.float32)

    def mask(self, size: tuple[int, int], zoom: float | None = None) -> npt.NDArray[np.bool_]:
        """(H, W) lesion mask in a frame of `size` (width, height)."""
        mask = np.zeros(size[::-1], np.uint8)
        cv2.fillPoly(mask, [np.round(self.polygon(size, zoom) * 16).astype(np.int32)], 1, shift=4)
        return mask.astype(bool)

    def spacing(self, size: tuple[int, int]) -> tuple[float, float]:
        """(row, column) distance of pixels in mm."""
        pitch = self.depth / ((FIELD[3] - FIELD[1]) * CANVAS[1])
        return pitch * CANVAS[1] / size[1], pitch * CANVAS[0] / size[0]


def field_box(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 in pixels of the insonated field in a still frame of `size` (width, height)."""
    x0, y0, x1, y1 = FIELD
    return round(x0 * size[0]), round(y0 * size[1]), round(x1 * size[0]), round(y1 * size[1])


def draw_scene(rng: np.random.Generator) -> Scene:
    """Anatomy of one patient.

    Args:
        rng: Source of all draws.
    """
    center = (float(rng.uniform(0.42, 0.58)), float(rng.uniform(0.42, 0.54)))
    outline = _outline(rng)
    x0, y0, x1, y1 = field_box(CANVAS)
    shape = (y1 - y0, x1 - x0)
    inside = (center[0] * CANVAS[0] - x0, center[1] * CANVAS[1] - y0)
    vessel = _vessel(rng, inside, shape)
    tissue = _layers(rng, shape)
    _draw_vessel(tissue, vessel)
    bed = _bed(shape, inside, np.abs(outline).max(0))
    tissue = tissue * (1 - bed) + bed * 1.3 * smooth_noise(rng, shape, (5, 22))
    tissue += _streaks(rng, shape) * (1 - 0.7 * bed)
    tissue += _tgc(rng, shape[0])[:, None]
    return Scene(
        center, outline, tissue.astype(np.float32), float(rng.uniform(28, 45)), float(rng.normal(0, 0.35)), vessel
    )


def draw_node(rng: np.random.Generator, latents: Mapping[str, float]) -> Scene:
    """Anatomy of one patient, for a preset.

    Args:
        rng: Source of all draws.
        latents: Not used: the anatomy is independent of the class.
    """
    return draw_scene(rng)


def _outline(rng: np.random.Generator) -> Array:
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    width = rng.uniform(72, 112)
    height = width * rng.uniform(0.76, 0.94)
    radius = np.ones_like(angle)
    for k in range(2, 7):
        radius += rng.normal(0, 0.055 / k**0.7) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    x, y = width * radius * np.cos(angle), height * radius * np.sin(angle)
    tilt = rng.normal(0, 0.15)
    return np.stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], 1)


def _layers(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Skin, fat, fascia, muscle and deep tissue with wavy borders, in dB."""
    height, width = shape
    y = np.linspace(0, 1, height)[:, None]
    borders = (0.03, rng.uniform(0.12, 0.17), rng.uniform(0.27, 0.33), rng.uniform(0.74, 0.82))
    waves = _waves(rng, len(borders), width)
    fibres = 0.8 * smooth_noise(rng, shape, (1.5, 60)) + 0.6 * smooth_noise(rng, shape, (3, 110))
    lobules = smooth_noise(rng, shape, (9, 30))
    clouds = smooth_noise(rng, shape, (30, 55))
    textures = (
        -9.0 + 2.0 * lobules + 6.0 * np.clip(1.6 - 9 * np.abs(smooth_noise(rng, shape, (8, 34))), 0, 1),  # fat, septa
        -8.0 + 3.6 * fibres,  # muscle
        -1.5 + 2.2 * clouds + 1.2 * lobules + 1.0 * fibres,  # connective tissue
        -6.5 + 3.0 * fibres + 2.0 * clouds,  # deep muscle
    )
    level = np.full(shape, 2.0)
    for start, texture, wave in zip(borders, textures, waves):
        level += (texture - level) * _step(y - start - wave[None], 0.005)
    level += 9 * np.exp(-(((y - 0.01) / 0.01) ** 2))
    for start, wave in zip(borders[1:], waves[1:]):
        bright = rng.uniform(8, 12) + 2.5 * smooth_noise(rng, (8, width), (1, 40))[0]
        level += bright[None] * np.exp(-(((y - start - wave[None]) / 0.0055) ** 2))
    return level


def _waves(rng: np.random.Generator, count: int, width: int) -> Array:
    """(count, width) depth of layer borders around their mean, in parts of the field: tilted and gently curved."""
    x = np.linspace(-1, 1, width)
    wave = rng.normal(0, 0.022, (count, 1)) * x
    for k in (1, 2, 3):
        wave = wave + rng.normal(0, 0.012 / k, (count, 1)) * np.sin(2 * k * x + rng.uniform(0, 6, (count, 1)))
    return wave


def _streaks(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Bright, nearly horizontal fibres and septa, in dB."""
    thin = np.clip(smooth_noise(rng, shape, (1.1, 17)) - 1.55, 0, 1.8)
    long = np.clip(smooth_noise(rng, shape, (1.6, 42)) - 1.5, 0, 1.8)
    return 6.5 * thin + 6.0 * long


def _bed(shape: tuple[int, int], center: tuple[float, float], radii: Array) -> Array:
    """Weight of the even fatty bed in which a node lies: 1 near the node, 0 far away."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    far = np.hypot((x - center[0]) / (radii[0] * 1.35), (y - center[1]) / (radii[1] * 1.4))
    return 1 - _step(far - 1.12, 0.07)


def _vessel(
    rng: np.random.Generator, node: tuple[float, float], shape: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    if rng.random() < 0.35:
        return None
    x = 0.14 if node[0] / shape[1] > 0.5 else 0.86
    return x + float(rng.normal(0, 0.015)), float(rng.uniform(0.6, 0.72)), float(rng.uniform(0.06, 0.08)), 0.075


def _draw_vessel(tissue: Array, vessel: tuple[float, float, float, float] | None) -> None:
    """An anechoic lumen with a bright wall and some enhancement behind it."""
    if vessel is None:
        return
    y, x = np.mgrid[: tissue.shape[0], : tissue.shape[1]] / np.array(tissue.shape)[:, None, None]
    far = np.hypot((x - vessel[0]) / vessel[2], (y - vessel[1]) / vessel[3])
    behind = np.exp(-(((x - vessel[0]) / vessel[2] / 0.8) ** 4)) * _step(y - vessel[1] - vessel[3], 0.02)
    lumen = 1 - _step(far - 0.92, 0.03)
    tissue += 4 * behind + 7 * np.exp(-(((far - 1.02) / 0.06) ** 2))
    tissue -= lumen * (tissue + 26)


def _tgc(rng: np.random.Generator, height: int) -> Array:
    """Imperfect time-gain compensation: slow gain changes with depth, and loss of signal at the bottom, in dB."""
    y = np.linspace(0, 1, height)
    bottom = -9 * np.clip((y - 0.78) / 0.22, 0, 1) ** 1.5
    return bottom + rng.normal(0, 0.35) * np.sin(2 * np.pi * y + rng.uniform(0, 2 * np.pi)) - 1.0 * y


def _step(x: Array, width: float) -> Array:
    """A smooth step from 0 to 1 at x = 0."""
    return 0.5 + 0.5 * np.tanh(x / width)
