"""A prediction as a program and a page read it: plain data and pictures as data URIs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timezone

import cv2
import numpy as np

from usmm.apis import Prediction
from usmm.datasets.transforms.resizing import resize
from usmm.server.answer_types import Answer, Explanation, Preview, Seconds
from usmm.server.decode.previews import as_png, as_uris
from usmm.server.decode.replies import Reply, Shown

SIDE, FRAMES = 512, 32  # longest side of a picture in pixels, and pictures of a clip
OPAQUE = 200  # of 255, where the heat is 1


def preview_of(preview: Shown, name: str | None = None) -> Preview:
    """A preview with its pictures.

    Args:
        preview: Facts, and pictures (N, H, W, 3).
        name: Of the modality.
    """
    facts, pictures = preview
    return {'name': name, **facts, 'pictures': as_uris(pictures)}


def answer_of(
    model: str, found: Prediction, reply: Reply, values: Mapping[str, float | str | None], seconds: Seconds
) -> Answer:
    """The answer to a request.

    Args:
        model: Its id.
        found: The prediction.
        reply: What was read.
        values: Clinical variable -> value as it was read, or None.
        seconds: Name -> seconds.
    """
    return {
        'request': secrets.token_hex(8),
        'model': model,
        'made': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'seconds': {
            'wait': round(seconds['wait'], 3),
            'read': round(seconds['read'], 3),
            'predict': round(seconds['predict'], 3),
            'total': round(seconds['total'], 3),
        },
        'predicted': found.predicted,
        'probabilities': dict(found.probabilities),
        'calibrated': dict(found.calibrated) if found.calibrated is not None else None,
        'stages': {name: dict(scores) for name, scores in found.stages.items()},
        'warnings': list(found.warnings),
        'values': dict(values),
        'inputs': [preview_of(preview, m) for m, preview in reply.previews.items()],
        'explanation': explanation_of(found, reply.times),
    }


def explanation_of(found: Prediction, times: Mapping[str, list[float | None] | None]) -> Explanation | None:
    """Heat-maps, contributions and the pictures that belong to them; None where nothing was explained.

    Args:
        found: The prediction.
        times: Modality -> seconds of its frames.
    """
    if not (found.pictures or found.contributions or found.variables):
        return None
    shown = {m: _spread(picture) for m, picture in found.pictures.items()}
    return {
        'class': found.predicted,
        'baseline': found.baseline,
        'contributions': dict(found.contributions),
        'variables': dict(found.variables),
        'pictures': {m: [as_png(_fitting(f)) for f in _frames(found.pictures[m], index)] for m, index in shown.items()},
        'heat': {
            m: [as_png(heat_colours(f)) for f in _frames(found.heat[m], index, 2)]
            for m, index in shown.items()
            if m in found.heat
        },
        'heat_notes': dict(found.heat_notes),
        'times': {m: _times(times.get(m), index) for m, index in shown.items()},
    }


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """A heat-map as colours to lay over a picture; what is cold is clear.

    Args:
        heat: (H, W) from 0 to 1.

    Returns:
        (H, W, 4) uint8, RGBA.

    Example:
        >>> heat_colours(np.array([[0.0, 1.0]]))[0, :, 3].tolist()
        [0, 200]
    """
    level = (np.nan_to_num(heat) * 255).clip(0, 255).astype(np.uint8)
    small = max(heat.shape) > SIDE
    if small:
        level = _fitting(level[..., None].repeat(3, 2))[..., 0]
    colours = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB)
    alpha = (level.astype(np.float32) * (OPAQUE / 255)).round().astype(np.uint8)
    return np.dstack([colours, alpha])


def _spread(picture: np.ndarray) -> list[int]:
    count = len(picture) if picture.ndim == 4 else 1
    return [int(i) for i in np.linspace(0, count - 1, min(count, FRAMES)).round()]


def _frames(array: np.ndarray, index: list[int], still: int = 3) -> list[np.ndarray]:
    return [array] if array.ndim == still else [array[i] for i in index]


def _fitting(picture: np.ndarray) -> np.ndarray:
    share = min(1.0, SIDE / max(picture.shape[:2]))
    height, width = (max(1, round(side * share)) for side in picture.shape[:2])
    return resize(np.ascontiguousarray(picture), (height, width))


def _times(times: list[float | None] | None, index: list[int]) -> list[float | None] | None:
    return None if times is None else [times[i] for i in index]
