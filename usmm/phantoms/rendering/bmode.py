"""B-mode: the latent is the echogenicity of the node and the raggedness and blur of its border."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.frame import blank_frame, bounded
from usmm.phantoms.rendering.scene import CANVAS, Scene, field_box
from usmm.phantoms.rendering.speckle import Array, compress, envelope_db, smooth_noise, smoothed

TOP = 22.0  # dB above the node's bed that is white
ECHO = -11.5  # dB, node against bed at latent 0
ECHO_STEP = -4.0  # dB per unit of the latent


def draw_bmode(scene: Scene, latent: float, size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(H, W, 3) B-mode frame.

    A higher latent means a darker node with a more ragged, less sharp border: monotone and nearly free of noise.

    Args:
        scene: Anatomy of the patient.
        latent: The planted score.
        size: Width and height in pixels.
        rng: Source of the speckle.
    """
    frame = blank_frame(size, scene.depth)
    x0, y0, x1, y1 = field_box(size)
    frame[y0:y1, x0:x1] = grey_field(scene, latent, size, rng)[..., None]
    return frame


def grey_field(scene: Scene, latent: float, size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(H, W) grey values of the insonated field alone; other modalities lay colour over it at latent 0."""
    level: Array = scene.tissue + _node(scene, bounded(latent), rng)
    x0, y0, x1, y1 = field_box(size)
    if size != CANVAS:
        fewer = cv2.resize(level.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        level = cast(Array, fewer)
    scale = size[0] / CANVAS[0]
    sizes = (1.9, 1.4, 2.9) if scale > 0.7 else (1.3, 1.0, 1.9)
    db = smoothed(envelope_db(rng, level, axial=1.0 if scale > 0.7 else 0.8, laterals=sizes))
    noise = 4.0 * np.linspace(0, 1, len(db), dtype=np.float32)[:, None] - 38
    return compress(np.maximum(db + scene.gain, noise), TOP)


def _node(scene: Scene, latent: float, rng: np.random.Generator) -> Array:
    """Echo level of the node against the tissue, in dB, on the field of the 780 x 615 frame."""
    x0, y0, _, _ = field_box(CANVAS)
    shape = scene.tissue.shape
    ragged = 1.0 + 1.1 * np.clip(latent + 4.5, 0, 9)  # pixels
    blur = 1.0 + 0.45 * np.clip(latent + 4.5, 0, 9)
    inside = np.zeros(shape, np.uint8)
    points = scene.polygon(CANVAS) - np.array([x0, y0], np.float32)
    cv2.fillPoly(inside, [np.round(points * 16).astype(np.int32)], 1, shift=4)
    # signed distance to the border, in pixels, warped by noise: spicules and lobes grow with the latent
    signed = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    spicules = smooth_noise(rng, shape, (7, 7))
    signed += ragged * spicules
    weight = 0.5 + 0.5 * np.tanh(signed / blur)
    # The level inside replaces the tissue's own, so that it is the latent's alone.
    hilum = 1.6 * smooth_noise(rng, shape, (5, 10))
    hilum -= (hilum * weight).sum() / weight.sum()
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    x = np.arange(shape[1], dtype=np.float32)[None]
    center, radii = points.mean(0), np.ptp(points, axis=0) / 2
    capsule = 5.0 * np.exp(-(((signed - 1) / 2.2) ** 2)) * np.clip(1.2 - 0.26 * blur, 0, 1)
    below = y - center[1] - radii[1]
    behind = np.exp(-(((x - center[0]) / radii[0] / 0.75) ** 4)) * (0.5 + 0.5 * np.tanh(below / 12))
    behind *= np.exp(-np.clip(below, 0, None) / 160)
    return weight * (ECHO + ECHO_STEP * latent + hilum - scene.tissue) + capsule + 2.5 * behind * (1 - weight)
