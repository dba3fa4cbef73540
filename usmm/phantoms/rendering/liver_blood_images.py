"""B-mode of a liver with a nodule, as a curved probe shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.frame import bounded
from usmm.phantoms.rendering.speckle import Array, compress, envelope_db, smooth_noise, smoothed

SIZE = (480, 400)  # width, height in pixels
BEAMS = (352, 240)  # samples down a beam, beams
PROBE = 45.0  # mm, radius of the probe's face
HALF = 0.58  # rad, half of the opening angle
DEPTH = 125.0  # mm below the probe
PITCH = 0.36  # mm per pixel of a frame of SIZE
TOP = 24.0  # dB above the liver that is white
ECHO = -10.5  # dB, nodule against liver at latent 0
ECHO_STEP = -2.9  # dB per unit of the latent
BACK = (9, 10, 13)


@dataclass(frozen=True)
class NoduleScene:
    """Anatomy of one patient; all of it is independent of class and latents.

    Args:
        level: (BEAMS) echo level of the abdomen without the nodule, in dB; 0 dB is the liver.
        outline: (N, 2) border of the nodule, x and y in mm from the centre of the probe's circle.
        gain: Overall gain in dB.
    """

    level: Array
    outline: Array
    gain: float

    def polygon(self, size: tuple[int, int]) -> Array:
        """(N, 2) border of the nodule in pixels of a frame of `size` (width, height)."""
        return (self.outline / PITCH + _origin()) * (np.array(size) / SIZE)

    def mask(self, size: tuple[int, int], zoom: float | None = None) -> npt.NDArray[np.bool_]:
        """(H, W) mask of the nodule in a frame of `size` (width, height); `zoom` is not used."""
        mask = np.zeros(size[::-1], np.uint8)
        cv2.fillPoly(mask, [np.round(self.polygon(size) * 16).astype(np.int32)], 1, shift=4)
        return mask.astype(bool)

    def spacing(self, size: tuple[int, int]) -> tuple[float, float]:
        """(row, column) distance of pixels in mm."""
        return PITCH * SIZE[1] / size[1], PITCH * SIZE[0] / size[0]


def draw_nodule_scene(rng: np.random.Generator, latents: Mapping[str, float]) -> NoduleScene:
    """Anatomy of one patient: abdominal wall, liver, vessels, diaphragm and the place of the nodule.

    Args:
        rng: Source of all draws.
        latents: Not used: size, place and shape are independent of the class.
    """
    centre = np.array([rng.uniform(-22, 22), PROBE + rng.uniform(48, 78)])
    outline = centre + _outline(rng)
    x, y, depth = _grid()
    wall = rng.uniform(11, 17) + 1.2 * smooth_noise(rng, (1, BEAMS[1]), (1, 45))
    level = 0.9 * smooth_noise(rng, BEAMS, (14, 16)) + 0.6 * smooth_noise(rng, BEAMS, (4, 5))
    near = np.hypot(x - centre[0], y - centre[1]) / np.abs(outline - centre).max()
    bed = 1 - _step(near - 1.55, 0.12)  # around the nodule the liver is even, and no vessel runs
    level *= 1 - 0.6 * bed
    level = _with_vessels(rng, level, x, y, 1 - _step(1.55 - near, 0.05))
    level = _with_diaphragm(rng, level, x, y)
    level = _with_wall(rng, level, depth, wall)
    level += rng.normal(0, 0.3) * np.sin(2 * np.pi * depth / DEPTH + rng.uniform(0, 6)) - 1.5 * depth / DEPTH
    return NoduleScene(level.astype(np.float32), outline, float(rng.normal(0, 0.5)))


def draw_liver_bmode(
    scene: NoduleScene, latent: float, size: tuple[int, int], rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) B-mode frame; a higher latent means a darker nodule with a more ragged, less sharp border.

    Args:
        scene: Anatomy of the patient.
        latent: The planted score.
        size: Width and height in pixels.
        rng: Source of the speckle.
    """
    level = scene.level + _nodule(scene, bounded(latent), rng)
    db = smoothed(envelope_db(rng, level.astype(np.float32), axial=1.1, laterals=(1.0, 0.9, 1.3)))
    noise = 5.0 * np.linspace(0, 1, BEAMS[0], dtype=np.float32)[:, None] - 38
    grey = compress(np.maximum(db + scene.gain, noise), TOP)
    sector, inside = _to_frame(grey)
    frame = np.where(inside[..., None], sector[..., None], np.array(BACK, np.uint8))
    _marks(frame)
    return frame if size == SIZE else cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _nodule(scene: NoduleScene, latent: float, rng: np.random.Generator) -> Array:
    """Echo level of the nodule against the liver, in dB, on the beams."""
    x, y, _ = _grid()
    centre, inside = scene.outline.mean(0), _inside_mm(scene.outline)
    ragged = 0.25 + 0.22 * np.clip(latent + 4.5, 0, 9)  # mm
    blur = 0.35 + 0.16 * np.clip(latent + 4.5, 0, 9)
    signed = inside + ragged * smooth_noise(rng, BEAMS, (5, 5))
    weight = 0.5 + 0.5 * np.tanh(signed / blur)
    mottle = 1.3 * smooth_noise(rng, BEAMS, (5, 6))
    mottle -= (mottle * weight).sum() / weight.sum()
    # The level inside replaces the liver's own, so that it is the latent's alone.
    rim = 5.0 * np.exp(-(((signed + 0.4) / 0.7) ** 2)) * np.clip(1.3 - 0.9 * blur, 0, 1)
    radius = np.abs(scene.outline - centre).max(0)
    side = (np.arctan2(x, y) - np.arctan2(*centre)) * np.hypot(*centre) / radius[0]
    below = np.hypot(x, y) - np.hypot(*centre) - radius[1]
    behind = np.exp(-((side / 0.75) ** 4)) * _step(below, 3.0) * np.exp(-np.clip(below, 0, None) / 35)
    level = ECHO + ECHO_STEP * latent + mottle - scene.level
    return weight * level + rim + 1.5 * behind * (1 - weight)


def _inside_mm(outline: Array) -> Array:
    """Distance to a border in mm on the beams, positive inside."""
    x, y, _ = _grid()
    low = outline.min(0) - 30
    scale = 4.0  # pixels per mm of the map that is looked up
    shape = np.ceil((outline.max(0) + 30 - low) * scale).astype(int)[::-1]
    filled = np.zeros(tuple(shape), np.uint8)
    cv2.fillPoly(filled, [np.round((outline - low) * scale * 16).astype(np.int32)], 1, shift=4)
    near = cv2.distanceTransform(filled, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - filled, cv2.DIST_L2, 5)
    at = [((v - o) * scale).astype(np.float32) for v, o in ((x, low[0]), (y, low[1]))]
    far = cv2.remap(near, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-30 * scale)
    return cast(Array, far) / scale


def _outline(rng: np.random.Generator) -> Array:
    """(N, 2) border of a nodule around 0, in mm."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    width = rng.uniform(9, 18)
    height = width * rng.uniform(0.78, 1.0)
    radius = np.ones_like(angle)
    for k in range(2, 7):
        radius += rng.normal(0, 0.05 / k**0.7) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    return np.stack([width * radius * np.cos(angle), height * radius * np.sin(angle)], 1)


def _with_vessels(rng: np.random.Generator, level: Array, x: Array, y: Array, keep: Array) -> Array:
    """Hepatic veins (dark) and portal branches (dark, with bright walls) as curved tubes outside the nodule's bed."""
    for _ in range(int(rng.integers(3, 6))):
        start = np.array([rng.uniform(-55, 55), PROBE + rng.uniform(30, 105)])
        heading, length = rng.normal(0, 0.7), rng.uniform(25, 55)
        bend = rng.choice([-1, 1]) * rng.uniform(0.006, 0.016)
        lobes = 1 + 0.12 * smooth_noise(rng, BEAMS, (20, 20))
        along = (x - start[0]) * np.cos(heading) + (y - start[1]) * np.sin(heading)
        across = (y - start[1]) * np.cos(heading) - (x - start[0]) * np.sin(heading) - bend * along**2
        width = rng.uniform(1.2, 3.0) * np.clip(1 - 0.9 * along / length, 0.4, 1.5) * np.clip(lobes, 0.6, 1.4)
        ends = (1 - _step(np.abs(along) - length / 2, 2.0)) * keep
        lumen = (1 - _step(np.abs(across) - width, 0.35)) * ends
        portal = rng.random() < 0.5
        wall = 8.5 * np.exp(-(((np.abs(across) - width - 0.9) / 0.8) ** 2)) * ends if portal else 0.0
        level = level * (1 - lumen) - 21 * lumen + wall
    return level


def _with_diaphragm(rng: np.random.Generator, level: Array, x: Array, y: Array) -> Array:
    """A bright arc at the bottom with the mirrored, darker echoes behind it."""
    radius = rng.uniform(90, 130)
    middle = np.array([rng.uniform(-25, 25), PROBE + rng.uniform(104, 120) - radius])
    far = np.hypot(x - middle[0], y - middle[1]) - radius + 0.5 * smooth_noise(rng, BEAMS, (1, 30))
    behind = _step(far, 1.0)
    return (
        level * (1 - behind)
        + behind * (-10 + 1.2 * smooth_noise(rng, BEAMS, (9, 14)))
        + 15 * np.exp(-((far / 1.3) ** 2))
    )


def _with_wall(rng: np.random.Generator, level: Array, depth: Array, wall: Array) -> Array:
    """Skin, fat, muscle and the capsule of the liver."""
    fibres = smooth_noise(rng, BEAMS, (1.6, 40))
    fat = -6 + 3.0 * smooth_noise(rng, BEAMS, (3, 16)) + 2.0 * fibres
    muscle = -3 + 4.0 * fibres
    above = np.where(depth < 0.5 * wall, fat, muscle)
    outside = 1 - _step(depth - wall, 0.5)
    lines = sum(
        h * np.exp(-(((depth - at) / 0.55) ** 2)) for at, h in ((0.6, 11.0), (0.5 * wall, 9.0), (wall + 0.3, 10.0))
    )
    return level * (1 - outside) + above * outside + lines


def _grid() -> tuple[Array, Array, Array]:
    """x, y and depth in mm of every sample of every beam."""
    depth = np.linspace(0, DEPTH, BEAMS[0])[:, None]
    angle = np.linspace(-HALF, HALF, BEAMS[1])[None]
    radius = PROBE + depth
    return radius * np.sin(angle), radius * np.cos(angle), np.broadcast_to(depth, BEAMS)


def _origin() -> Array:
    """Centre of the probe's circle in pixels of a frame of SIZE."""
    return np.array([SIZE[0] / 2, 22 - PROBE * np.cos(HALF) / PITCH])


def _to_frame(grey: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """The beams as a sector (H, W), and which pixels it fills."""
    origin = _origin()
    x = (np.arange(SIZE[0])[None] - origin[0]) * PITCH
    y = (np.arange(SIZE[1])[:, None] - origin[1]) * PITCH
    depth, angle = np.hypot(x, y) - PROBE, np.arctan2(x, y)
    rows = (depth / DEPTH * (BEAMS[0] - 1)).astype(np.float32)
    columns = ((angle + HALF) / (2 * HALF) * (BEAMS[1] - 1)).astype(np.float32)
    inside = (depth >= 0) & (depth <= DEPTH) & (np.abs(angle) <= HALF)
    sector = cv2.remap(grey, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sector.astype(np.uint8), inside


def _marks(frame: npt.NDArray[np.uint8]) -> None:
    """What a scanner writes beside the picture: words, a depth ruler and a grey bar."""
    ink = (170, 175, 180)
    cv2.putText(frame, 'USMM SYNTHETIC  B', (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.34, ink, 1, cv2.LINE_AA)
    for cm in range(0, int(DEPTH / 10) + 1):
        y = int(_origin()[1] + (PROBE + 10 * cm) / PITCH)
        if y < frame.shape[0]:
            cv2.line(frame, (466, y), (472 if cm % 5 else 476, y), ink, 1)
    frame[40:140, 10:17] = np.linspace(255, 0, 100).astype(np.uint8)[:, None, None]


def _step(value: Array, width: float) -> Array:
    """A smooth step from 0 to 1 at 0."""
    return 0.5 + 0.5 * np.tanh(value / width)
