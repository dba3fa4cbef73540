"""Heat-maps on pictures: overlays, the sheet of a paper, and moving pictures of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from usmm.utils.atomic_files import atomic_binary
from usmm.visualization.figures.sheets import FAINT, INK, PAPER, SheetRow, draw_sheet

MASK, BARS = (255, 255, 255), ((213, 94, 0), (0, 114, 178))  # outline; colours of raising and lowering bars


@dataclass(frozen=True)
class ExplainedCase:
    """What is drawn of one case.

    Args:
        title: Case id, label, scores.
        pictures: Modality -> (H, W, 3) or (T, H, W, 3) uint8; None where the case lacks it.
        heat: Modality -> (H, W) or (T, H, W), 0 to 1; None where the model did not use it.
        notes: Modality -> words beside its name, such as `'not used'`.
        captions: Modality -> words under its pictures.
        masks: Modality -> (H, W) bool, outlined.
        contributions: Modality -> what it added to the score; none: no bars.
        extra: Name -> (H, W, 3) uint8, drawn behind them, such as the curve of a clip.
    """

    title: str
    pictures: Mapping[str, np.ndarray | None]
    heat: Mapping[str, np.ndarray | None] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    contributions: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)


def overlay(picture: np.ndarray, heat: np.ndarray | None, strength: float = 0.5) -> np.ndarray:
    """Lay heat over the grey picture: blue is cold, red is hot.

    Args:
        picture: (H, W, 3) or (T, H, W, 3) uint8.
        heat: (H, W) or (T, H, W), 0 to 1, of the picture's size; None: the grey picture alone.
        strength: Share of the colours.

    Returns:
        Like `picture`.

    Raises:
        ValueError: Shapes that do not fit, or heat outside 0 to 1.

    Example:
        >>> overlay(np.full((2, 2, 3), 100, np.uint8), np.zeros((2, 2))).shape
        (2, 2, 3)
    """
    if heat is not None and (heat.shape != picture.shape[:-1] or heat.min() < 0 or heat.max() > 1 + 1e-6):
        lowest, highest = float(heat.min()), float(heat.max())
        raise ValueError(
            f'expected heat from 0 to 1 of shape {picture.shape[:-1]}, got {heat.shape} from {lowest:g} to {highest:g}'
        )
    if picture.ndim == 4:
        return np.stack([overlay(p, None if heat is None else heat[i], strength) for i, p in enumerate(picture)])
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if heat is None:
        return np.asarray(grey)
    colours = cv2.applyColorMap((heat * 255).clip(0, 255).astype(np.uint8), cv2.COLORMAP_JET)
    return np.asarray(cv2.addWeighted(cv2.cvtColor(colours, cv2.COLOR_BGR2RGB), strength, grey, 1 - strength, 0))


def heat_sheet(cases: Sequence[ExplainedCase], height: int = 96, frames: int | None = None) -> np.ndarray:
    """The sheet of a paper: a row a case, its modalities and frames side by side; above as they are, below with heat.

    Args:
        cases: The cases.
        height: Pixels of a picture.
        frames: Draw that many frames of a clip, spread evenly; None: all.

    Returns:
        (H, W, 3) uint8.
    """
    return draw_sheet([_row(case, height, frames) for case in cases], 2 * height)


def outlined(picture: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The picture (H, W, 3) with the border of a mask drawn into it."""
    if mask is None or mask.shape != picture.shape[:2]:
        return picture
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.ascontiguousarray(picture), contours, -1, MASK, 1))


def pairs(case: ExplainedCase, modality: str, height: int) -> list[np.ndarray]:
    """Pictures (height, W, 3) of a modality with their overlays below, one a frame; none where it is missing."""
    picture = case.pictures.get(modality)
    if picture is None:
        return []
    both = []
    heat = case.heat.get(modality)
    for plain, hot in zip(_listed(picture), _listed(overlay(picture, heat))):
        mask = case.masks.get(modality)
        both.append(np.concatenate([_scaled(plain, None, height), _scaled(hot, mask, height)]))
    return both


def contribution_bars(values: Mapping[str, float], height: int, width: int = 190) -> np.ndarray:
    """Bars of what each modality added to the score (right, orange) or took from it (left, blue).

    Args:
        values: Modality -> contribution.
        height, width: Of the picture, in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    canvas = Image.new('RGB', (width, height), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(10)
    largest = max(map(abs, values.values()), default=0) or 1.0
    middle, reach, step = width * 0.56, width * 0.2, height / max(len(values), 1)
    for i, (name, value) in enumerate(values.items()):
        y = (i + 0.5) * step
        end = middle + reach * value / largest
        draw.rectangle([min(middle, end), y - step * 0.25, max(middle, end), y + step * 0.25], BARS[int(value < 0)])
        draw.text((2, y - 6), name, INK, font)
        draw.text((width - 42, y - 6), f'{value:+.3f}', FAINT, font)
    draw.line([middle, 2, middle, height - 2], INK)
    return np.asarray(canvas)


def save_moving(frames: Sequence[np.ndarray], path: str | Path, milliseconds: int = 300) -> Path:
    """Write frames (H, W, 3) as an endless GIF, whole or not at all.

    Raises:
        ValueError: There is no frame.
    """
    if not len(frames):
        raise ValueError(f'a moving picture needs one frame or more: {path}')
    target = Path(path)
    images = [Image.fromarray(np.ascontiguousarray(f)).quantize(128) for f in frames]
    with atomic_binary(target) as file:
        images[0].save(file, format='GIF', save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
    return target


def _row(case: ExplainedCase, height: int, frames: int | None) -> SheetRow:
    pictures: dict[str, np.ndarray | None] = {}
    captions: dict[str, Sequence[str]] = {}
    for modality in case.pictures:
        note = case.notes.get(modality)
        name = f'{modality} ({note})' if note else modality
        tiles = pairs(case, modality, height)
        chosen = range(len(tiles))
        if frames is not None and len(tiles) > frames:
            chosen = np.linspace(0, len(tiles) - 1, frames).round().astype(int).tolist()
        pictures[name] = np.stack([tiles[i] for i in chosen]) if tiles else None
        words = list(case.captions.get(modality, ()))
        captions[name] = [words[i] for i in chosen if i < len(words)]
    if case.contributions:
        pictures['contribution'] = contribution_bars(case.contributions, 2 * height)
    pictures.update(case.extra)
    return SheetRow(case.title, pictures=pictures, captions=captions)


def _listed(pictures: np.ndarray) -> list[np.ndarray]:
    return [pictures] if pictures.ndim == 3 else list(pictures)


def _scaled(picture: np.ndarray, mask: np.ndarray | None, height: int) -> np.ndarray:
    scale = height / picture.shape[0]
    size = (max(1, round(picture.shape[1] * scale)), height)
    big = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if mask is None:
        return np.asarray(big)
    return outlined(big, cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)
