"""Colour Doppler: the latent is the share of the node's area that shows flow, and how fast the flow is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.bmode import grey_field
from usmm.phantoms.rendering.frame import blank_frame, bounded, put_bar, put_words
from usmm.phantoms.rendering.scene import Scene, field_box
from usmm.phantoms.rendering.speckle import Array, smooth_noise

SHARE = 0.38  # share of the node with flow at latent 0
SHARE_STEP = 0.082  # per unit of the latent
SPEED, SPEED_STEP = 0.48, 0.085  # at the edge of a vessel, of the scale's end, and per unit of the latent
TOWARDS = np.array([[70, 0, 0], [190, 20, 0], [250, 110, 10], [255, 225, 90]], np.float32)
AWAY = np.array([[0, 0, 80], [0, 30, 200], [20, 120, 250], [120, 230, 255]], np.float32)


def draw_doppler(scene: Scene, latent: float, size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(H, W, 3) colour-flow frame: red towards the probe, blue away from it, inside a colour box.

    Args:
        scene: Anatomy of the patient.
        latent: The planted score; a higher one means more and faster flow inside the node.
        size: Width and height in pixels.
        rng: Source of speckle and vessels.
    """
    frame = blank_frame(size, scene.depth, 'Color')
    x0, y0, x1, y1 = field_box(size)
    frame[y0:y1, x0:x1] = (grey_field(scene, 0.0, size, rng) * 0.85).astype(np.uint8)[..., None]
    mask = scene.mask(size)
    box = colour_box(mask, (x0, y0, x1, y1))
    flow = _flow(scene, mask, bounded(latent), box, rng)
    frame[flow != 0] = velocity_colour(flow[flow != 0])
    cv2.rectangle(frame, box[:2], box[2:], (235, 235, 235), 1)
    put_bar(frame, velocity_colour(np.linspace(1, -1, 128)), (0.925, 0.12, 0.945, 0.4))
    put_words(frame, '+6.4', (0.915, 0.105))
    put_words(frame, '-6.4', (0.915, 0.43))
    put_words(frame, 'cm/s', (0.95, 0.27))
    return frame


def velocity_colour(velocity: Array) -> npt.NDArray[np.uint8]:
    """(N, 3) colours of velocities in [-1, 1]: dark red to yellow towards the probe, dark blue to cyan away."""
    place = np.linspace(0, 1, len(TOWARDS))
    colours = [np.interp(np.abs(velocity), place, TOWARDS[:, c]) for c in range(3)]
    away = [np.interp(np.abs(velocity), place, AWAY[:, c]) for c in range(3)]
    return np.where((velocity >= 0)[:, None], np.stack(colours, 1), np.stack(away, 1)).astype(np.uint8)


def colour_box(mask: npt.NDArray[np.bool_], field: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the colour box, a little larger than the node."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    pad_x, pad_y = round(0.42 * len(columns)), round(0.4 * len(rows))
    return (
        max(field[0] + 2, int(columns[0]) - pad_x),
        max(field[1] + 2, int(rows[0]) - pad_y),
        min(field[2] - 3, int(columns[-1]) + pad_x),
        min(field[3] - 3, int(rows[-1]) + pad_y),
    )


def _flow(
    scene: Scene,
    mask: npt.NDArray[np.bool_],
    latent: float,
    box: tuple[int, int, int, int],
    rng: np.random.Generator,
) -> Array:
    """(H, W) velocity in [-1, 1], 0 where no flow is shown. The share inside the mask is exact."""
    shape = mask.shape
    unit = shape[1] / 780
    # Vessels are the valleys of |noise|: thin, branching, connected. The brightest part is kept.
    valleys = -np.abs(smooth_noise(rng, shape, (16 * unit, 17 * unit)))
    tree = valleys + 0.45 * smooth_noise(rng, shape, (30 * unit, 32 * unit))
    tree = np.asarray(cv2.GaussianBlur(tree.astype(np.float32), (0, 0), 1.6 * unit))
    share = np.clip(SHARE + SHARE_STEP * latent, 0.006, 0.75)
    threshold = np.quantile(tree[mask], 1 - share)
    kept = (tree > threshold) & mask
    # Few vessels around, and none in the square around the node, where they would blur the share.
    around = np.zeros(shape, bool)
    around[box[1] + 2 : box[3] - 1, box[0] + 2 : box[2] - 1] = True
    around &= ~_square(mask)
    kept |= around & (tree > np.quantile(tree[around], 0.985))
    # as much flow towards the probe as away from it
    turn = smooth_noise(rng, shape, (20 * unit, 20 * unit))
    direction = np.where(turn > np.median(turn[kept]), 1.0, -1.0)
    depth = np.clip((tree - threshold) / 0.9, 0, 1)
    flicker = 0.09 * smooth_noise(rng, shape, (2.5 * unit, 3 * unit))
    speed = np.clip(SPEED + SPEED_STEP * latent + 0.32 * depth + flicker, 0.15, 1)
    return np.where(kept, direction * speed, 0.0)


def _square(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The smallest square around a mask, a little enlarged."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    half = (max(len(rows), len(columns)) + 4) // 2
    y, x = int(rows[0] + rows[-1]) // 2, int(columns[0] + columns[-1]) // 2
    square = np.zeros_like(mask)
    square[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = True
    return square
