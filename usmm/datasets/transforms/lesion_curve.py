"""Mean grey value inside a lesion by time: the raw time-intensity curve of a contrast clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from usmm.datasets.transforms.loading import unite_masks
from usmm.readers import DataError, Window, open_clip


def lesion_curve(
    file: str | Path,
    masks: Sequence[Path],
    step: float | None = None,
    time_factor: float = 1.0,
    fps: float | None = None,
    window: Window | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Stream a clip, and take the mean grey value (Rec. 601) inside the mask of every frame.

    Args:
        file: The clip.
        masks: Mask files, united; one outline for all frames.
        step: Seconds of the file between samples; None: every frame.
        time_factor: Seconds of the examination for each second of the file, for clips that were saved faster.
        fps: Frame rate of a DICOM cine that does not state its times.
        window: (low, high): the grey values of a DICOM cine that become 0 and 255.

    Returns:
        Times (T,) in s of the examination, and grey values (T,), 0 to 255.

    Raises:
        DataError: The clip or a mask cannot be read, they differ in size, or the mask is empty.
        ValueError: A time factor that is not positive.
    """
    if not time_factor > 0:
        raise ValueError(f'time_factor must be positive, got {time_factor}')
    mask = unite_masks(masks)
    if not mask.any():
        raise DataError('the mask is empty', file=Path(masks[0]))
    times, grey = [], []
    with open_clip(file, fps=fps, window=window) as clip:
        if (clip.height, clip.width) != mask.shape:
            message = f'the mask is {mask.shape[1]}x{mask.shape[0]}, the clip {clip.width}x{clip.height}'
            raise DataError(f'{message} (width x height)', file=Path(masks[0]))
        for frame in clip.sample(step):
            times.append(frame.time * time_factor)
            grey.append(float(frame.grey()[mask].mean()))
    return np.array(times), np.array(grey)
