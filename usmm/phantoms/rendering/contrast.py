"""Dynamic contrast-enhanced ultrasound: the latent is the enhancement and wash-out of the node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.frame import INK, SURROUND, bounded, put_words
from usmm.phantoms.rendering.scene import LUMEN, Scene
from usmm.phantoms.rendering.speckle import RAYLEIGH_LOG_MEAN, Array, point_spread, scatterers, smooth_noise

SECONDS = 90.0  # the examination that a clip of any length shows
ZOOM = 0.62  # pixels of the clip per pixel of the 780 x 615 frame
FIELD = (0.05, 0.07, 0.95, 0.94)
POOL = 10  # independent bubble fields a patient
HOLD = 4  # frames from one bubble field to the next
GREY_PER_DB = 5.4
PEAK = 112.0  # grey value of the tissue at its peak
ENHANCEMENT_STEP = -2.6  # dB per unit of the latent
WASHOUT = 0.105  # dB a second
ABSENT = -26.0  # dB without agent, against the peak
DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))


@dataclass(frozen=True)
class Kinetics:
    """Time-intensity curve of a region as a log-compressed display shows it: S-shaped wash-in, linear wash-out.

    Args:
        arrival: Seconds from the start of the clip to the first bubbles.
        rise: Seconds from arrival to peak.
        washout: Loss after the peak in dB per second.
        peak: Level at the peak in dB.
    """

    arrival: float
    rise: float
    washout: float
    peak: float

    def level(self, seconds: Array) -> Array:
        """Level in dB at the given times; `ABSENT` below the peak before arrival."""
        since = np.clip((seconds - self.arrival) / self.rise, 0, 1)
        wash_in = since**2 * (3 - 2 * since)
        wash_out = self.washout * np.clip(seconds - self.arrival - self.rise, 0, None)
        return np.maximum(self.peak + ABSENT * (1 - wash_in) - wash_out, ABSENT + min(self.peak, 0.0))


def draw_contrast(
    scene: Scene, latent: float, size: tuple[int, int], rng: np.random.Generator, frames: int
) -> Iterator[npt.NDArray[np.uint8]]:
    """Grey frames (H, W) of a contrast clip, in time order. However many, they show 90 seconds.

    A higher latent means weaker and patchier enhancement of the node and earlier wash-out.

    Args:
        scene: Anatomy of the patient.
        latent: The planted score.
        size: Width and height in pixels.
        rng: Source of bubbles, timing and perfusion.
        frames: Number of frames.
    """
    still = _still_frame(scene, size, rng)
    x0, y0, x1, y1 = clip_box(size)
    shape = (y1 - y0, x1 - x0)
    seconds = np.arange(frames) * (SECONDS / frames)
    tissue, node, artery = (k.level(seconds) * GREY_PER_DB for k in _kinetics(rng, bounded(latent)))
    w_node, w_artery, perfusion = _regions(scene, size, bounded(latent), rng)
    base = perfusion + PEAK + scene.gain * GREY_PER_DB
    bubbles = _bubbles(rng, (shape[0] + 16, shape[1] + 16))
    shifts = rng.integers(0, 16, (frames // (POOL * HOLD) + 1, 2))
    echo = still[y0:y1, x0:x1]
    for i in range(frames):
        part = _bubble_frame(bubbles, shifts, i, shape)
        part += base
        part += np.float32(tissue[i])
        part = cast(Array, cv2.scaleAdd(w_node, float(node[i] - tissue[i]), part))
        part = cast(Array, cv2.scaleAdd(w_artery, float(artery[i] - tissue[i]), part))
        frame = still.copy()
        np.maximum(echo, np.clip(part, 0, 255).astype(np.uint8), out=frame[y0:y1, x0:x1])
        yield frame


def clip_box(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 in pixels of the contrast image in a frame of `size` (width, height)."""
    return int(FIELD[0] * size[0]), int(FIELD[1] * size[1]), int(FIELD[2] * size[0]), int(FIELD[3] * size[1])


def gold() -> npt.NDArray[np.uint8]:
    """(256, 3) colours of the grey values: the gold tint of contrast modes."""
    grey = np.arange(256) / 255
    return (255 * np.stack([grey**0.8, grey**1.05 * 0.9, grey**1.9 * 0.72], 1)).astype(np.uint8)


def _kinetics(rng: np.random.Generator, latent: float) -> tuple[Kinetics, Kinetics, Kinetics]:
    arrival, rise = rng.uniform(8, 14), rng.uniform(13, 15)
    washout = WASHOUT * rng.uniform(0.92, 1.08)
    tissue = Kinetics(arrival, rise, washout, float(rng.normal(0, 0.25)))
    node = Kinetics(arrival, rise, washout * float(np.exp(0.12 * latent)), ENHANCEMENT_STEP * latent)
    artery = Kinetics(arrival - 3, rise * 0.75, washout * 1.1, 8.0)
    return tissue, node, artery


def _regions(
    scene: Scene, size: tuple[int, int], latent: float, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Weight of the node, weight of arteries, and perfusion in grey values, on the contrast image."""
    x0, y0, x1, y1 = clip_box(size)
    mask = scene.mask(size, ZOOM)[y0:y1, x0:x1]
    node = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)
    near = cv2.GaussianBlur(cv2.dilate(mask.astype(np.uint8), DISC).astype(np.float32), (0, 0), 5)
    tree = -np.abs(smooth_noise(rng, mask.shape, (22, 28))) + 0.03 * smooth_noise(rng, mask.shape, (60, 60))
    lumen = cv2.resize((scene.tissue < LUMEN).astype(np.uint8), mask.shape[::-1], interpolation=cv2.INTER_NEAREST)
    artery = cv2.GaussianBlur(((tree > -0.05) | (lumen > 0)).astype(np.float32), (0, 0), 1.4) * (1 - near)
    # layers take up the agent unequally; the surroundings of the node are even
    layers = cv2.GaussianBlur(cv2.resize(scene.tissue, mask.shape[::-1]), (0, 0), 5) * (1 - lumen)
    uptake = 3.0 * np.clip(layers + 2, -8, 6) + 11 * smooth_noise(rng, mask.shape, (16, 24))
    patches = smooth_noise(rng, mask.shape, (6, 7))
    share = float(np.clip(0.1 + 0.021 * latent, 0.005, 0.22))
    void = cv2.GaussianBlur((patches < np.quantile(patches[mask], share)).astype(np.float32), (0, 0), 1.3) * node
    y = np.linspace(0, 1, len(mask), dtype=np.float32)[:, None]
    perfusion = uptake * (1 - near) + 4 * smooth_noise(rng, mask.shape, (8, 10)) * (near - node) - 45 * void
    return cast(Array, node), artery, (perfusion - 60 * np.clip(y - 0.72, 0, None) * (1 - node)).astype(np.float32)


def _bubbles(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """(POOL, H, W) float32 log speckle of zero mean, in grey values."""
    fields = []
    for _ in range(POOL):
        field = point_spread(scatterers(rng, shape), 1.3, 1.7)
        log = 10 * np.log10(field[..., 0] ** 2 + field[..., 1] ** 2 + 1e-3) - RAYLEIGH_LOG_MEAN
        fields.append(cv2.GaussianBlur(log, (0, 0), 0.6) * GREY_PER_DB)
    return np.stack(fields).astype(np.float32)


def _bubble_frame(bubbles: Array, shifts: npt.NDArray[np.integer], i: int, shape: tuple[int, int]) -> Array:
    """Log speckle of frame i: one bubble field fades into the next at constant variance."""
    step, phase = divmod(i, HOLD)
    y, x = shifts[i // (POOL * HOLD)]
    view = np.s_[y : y + shape[0], x : x + shape[1]]
    angle = phase / HOLD * np.pi / 2
    one, two = bubbles[step % POOL][view], bubbles[(step + 1) % POOL][view]
    return cv2.addWeighted(one, float(np.cos(angle)), two, float(np.sin(angle)), 0)


def _still_frame(scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """What shows before the contrast agent arrives: frame, faint fascia, noise."""
    colour = np.full((size[1], size[0], 3), SURROUND, np.uint8)
    put_words(colour, 'USMM SYNTHETIC  Contrast', (0.03, 0.035))
    frame = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    x0, y0, x1, y1 = clip_box(size)
    level = cv2.resize(scene.tissue, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    fascia = 9 * np.clip(level - 2.5, 0, 7) + 5 * np.abs(rng.standard_normal(level.shape, dtype=np.float32))
    frame[y0:y1, x0:x1] = np.clip(fascia, 0, 90)
    for y in range(y0, y1, max(1, (y1 - y0) // 8)):
        cv2.line(frame, (x1 + 3, y), (x1 + 7, y), INK, 1)
    return frame
