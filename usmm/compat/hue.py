"""A mend to mmcv's colour jitter, half of whose draws fail."""

from __future__ import annotations

from functools import wraps

from usmm.compat.patching import rebind


def negative_hue() -> bool:
    """Let `mmcv.adjust_hue` turn the hue backwards.

    mmcv 2.1.0 casts a negative shift to uint8, which numpy 2 refuses (`OverflowError`) where numpy 1 wrapped round.
    Can go when mmcv wraps round itself.

    Returns:
        Whether the mend was needed.
    """
    import mmcv
    import numpy as np

    try:
        mmcv.adjust_hue(np.zeros((1, 1, 3), np.uint8), -0.1, backend='cv2')
    except OverflowError:
        pass
    else:
        return False
    upstream = mmcv.adjust_hue

    @wraps(upstream)
    def adjust_hue(img: np.ndarray, hue_factor: float, backend: str | None = None) -> np.ndarray:
        return upstream(img, _Turn(hue_factor), backend)

    rebind(upstream, adjust_hue)
    return True


class _Turn(float):
    """A part of the hue circle. Upstream scales it to 8 bits by `* 255`, and there it wraps round."""

    def __mul__(self, levels: float) -> int:
        return int(float(self) * levels) % 256
