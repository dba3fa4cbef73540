"""Contact sheets: one case a row, its modalities side by side, its name and facts above."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT, OUTLINE = (255, 255, 255), (20, 20, 20), (120, 120, 120), (255, 210, 0)
GAP, LINE = 6, 15
MIN_WIDTH = 640


@dataclass(frozen=True)
class SheetRow:
    """One case.

    Args:
        title: First line, such as case id and label.
        text: Further facts, wrapped to the width of the row.
        pictures: Modality -> (H, W, 3) or (T, H, W, 3) uint8, or None where the case lacks it.
        captions: Modality -> words under each of its pictures (times of the frames of a clip).
        outlines: Modality -> (H, W) bool, drawn as an outline on each of its pictures.
    """

    title: str
    text: str = ''
    pictures: Mapping[str, np.ndarray | None] = field(default_factory=dict)
    captions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    outlines: Mapping[str, np.ndarray] = field(default_factory=dict)


def draw_sheet(rows: Sequence[SheetRow], height: int = 144) -> np.ndarray:
    """Draw rows below one another.

    Args:
        rows: The cases.
        height: Pixels of every picture; widths follow.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: No rows, a height below 16, or a picture of another shape or type.

    Example:
        >>> row = SheetRow('case 1', pictures=dict(bus=np.zeros((50, 100, 3), np.uint8), ue=None))
        >>> draw_sheet([row], height=64).shape[2]
        3
    """
    if not rows:
        raise ValueError('a sheet needs one row or more')
    if height < 16:
        raise ValueError(f'height must be 16 or more, got {height}')
    strips = [_pictures(row, height) for row in rows]
    width = max(MIN_WIDTH, *[strip.shape[1] for strip in strips])
    return np.concatenate([part for row, strip in zip(rows, strips) for part in _row(row, strip, width)])


def _row(row: SheetRow, strip: np.ndarray, width: int) -> list[np.ndarray]:
    lines = textwrap.wrap(row.text, max(20, width * 2 // 12)) if row.text else []
    head = Image.new('RGB', (width, LINE * (1 + len(lines)) + GAP), PAPER)
    draw = ImageDraw.Draw(head)
    draw.text((GAP, 2), row.title, INK, ImageFont.load_default(13))
    for number, line in enumerate(lines, 1):
        draw.text((GAP, 2 + LINE * number), line, FAINT, ImageFont.load_default(11))
    rest = _paper(strip.shape[0], width - strip.shape[1])
    rule = np.full((1, width, 3), 200, np.uint8)
    return [np.asarray(head), np.concatenate([strip, rest], axis=1), rule]


def _pictures(row: SheetRow, height: int) -> np.ndarray:
    """The pictures of a row: modality names above, captions below."""
    groups = []
    for modality, pixels in row.pictures.items():
        frames = [None] if pixels is None else _frames(pixels, modality)
        captions = list(row.captions.get(modality, ()))
        captions += [''] * (len(frames) - len(captions))
        tiles = [_tile(frame, row.outlines.get(modality), height) for frame in frames]
        groups.append(_group(modality if pixels is not None else f'{modality}: missing', tiles, captions))
    return np.concatenate(groups, axis=1) if groups else _paper(GAP, GAP)


def _frames(pixels: np.ndarray, modality: str) -> list[np.ndarray]:
    pixels = np.asarray(pixels)
    if pixels.ndim not in (3, 4) or pixels.shape[-1] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(f'{modality}: expected (H, W, 3) or (T, H, W, 3) uint8, got {pixels.shape} {pixels.dtype}')
    return [pixels] if pixels.ndim == 3 else list(pixels)


def _tile(frame: np.ndarray | None, outline: np.ndarray | None, height: int) -> np.ndarray:
    """A picture at its size in the sheet; grey where there is none."""
    if frame is None:
        return np.full((height, height, 3), 225, np.uint8)
    scale = height / frame.shape[0]
    size = (max(1, round(frame.shape[1] * scale)), height)
    tile = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if outline is not None and outline.shape == frame.shape[:2]:
        mask = cv2.resize(outline.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        tile = cv2.drawContours(np.ascontiguousarray(tile), contours, -1, OUTLINE, 1)
    return np.asarray(tile)


def _group(name: str, tiles: Sequence[np.ndarray], captions: Sequence[str]) -> np.ndarray:
    height = tiles[0].shape[0]
    width = sum(tile.shape[1] + 2 for tile in tiles) + GAP
    canvas = Image.new('RGB', (width, height + 2 * LINE + GAP), PAPER)
    draw, x = ImageDraw.Draw(canvas), GAP
    draw.text((GAP, 1), name, INK, ImageFont.load_default(11))
    for tile, caption in zip(tiles, captions):
        canvas.paste(Image.fromarray(tile), (x, LINE))
        draw.text((x, LINE + height + 1), caption, FAINT, ImageFont.load_default(10))
        x += tile.shape[1] + 2
    return np.asarray(canvas)


def _paper(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)
