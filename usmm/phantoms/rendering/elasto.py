"""Ultrasound elastography: the latent is the stiffness of the node, shown as colour over the grey image."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.bmode import grey_field
from usmm.phantoms.rendering.frame import blank_frame, bounded, put_bar, put_words
from usmm.phantoms.rendering.scene import Scene, field_box
from usmm.phantoms.rendering.speckle import Array, smooth_noise

STIFFNESS = 0.5  # of the node at latent 0, from 0 (soft, red) to 1 (hard, blue)
STIFFNESS_STEP = 0.1  # per unit of the latent
SCALE = np.array([[225, 20, 15], [205, 190, 40], [50, 190, 70], [25, 140, 165], [15, 20, 225]], np.float32)
OPACITY = 0.6


def draw_elasto(scene: Scene, latent: float, size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(H, W, 3) elastogram: soft is red, hard is blue, over the grey image.

    Args:
        scene: Anatomy of the patient.
        latent: The planted score; a higher one means a stiffer node.
        size: Width and height in pixels.
        rng: Source of speckle and of the unevenness of the strain.
    """
    frame = blank_frame(size, scene.depth, 'Elasto')
    x0, y0, x1, y1 = field_box(size)
    grey = grey_field(scene, 0.0, size, rng)
    frame[y0:y1, x0:x1] = grey[..., None]
    stiffness = _stiffness(scene, size, bounded(latent), rng)
    box = (x0 + 6, y0 + (y1 - y0) // 9, x1 - 6, y1 - (y1 - y0) // 10)
    part = np.s_[box[1] : box[3], box[0] : box[2]]
    light = frame[part].astype(np.float32) * 0.85 + 20
    frame[part] = (OPACITY * stiffness_colour(stiffness[part]) + (1 - OPACITY) * light).astype(np.uint8)
    cv2.rectangle(frame, box[:2], box[2:], (220, 220, 90), 1)
    put_bar(frame, stiffness_colour(np.linspace(0, 1, 128)), (0.925, 0.15, 0.955, 0.55))
    put_words(frame, 'SO', (0.915, 0.13))
    put_words(frame, 'HD', (0.915, 0.61))
    return frame


def stiffness_colour(stiffness: Array) -> npt.NDArray[np.uint8]:
    """(..., 3) colours of stiffness in [0, 1]: red, yellow, green, cyan, blue."""
    place = np.linspace(0, 1, len(SCALE))
    return np.stack([np.interp(stiffness, place, SCALE[:, c]) for c in range(3)], -1).astype(np.uint8)


def _stiffness(scene: Scene, size: tuple[int, int], latent: float, rng: np.random.Generator) -> Array:
    """(H, W) stiffness in [0, 1]; inside the node its mean is the latent's."""
    shape = size[::-1]
    mask = scene.mask(size)
    around = 0.4 + 0.055 * smooth_noise(rng, shape, (9, 22)) + 0.03 * smooth_noise(rng, shape, (4, 9))
    mottle = 0.035 * smooth_noise(rng, shape, (5, 5))
    node = STIFFNESS + STIFFNESS_STEP * latent + mottle - mottle[mask].mean()
    soft_edge = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.2)
    return np.clip(around * (1 - soft_edge) + node * soft_edge, 0, 1)
