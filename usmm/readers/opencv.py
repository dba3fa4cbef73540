"""OpenCV's decoder without its own lines on the screen: what it cannot read becomes one message here."""

from __future__ import annotations

import cv2
import numpy as np


def decode_quietly(content: np.ndarray) -> np.ndarray | None:
    """`cv2.imdecode` of an image as it is stored, or None where it cannot be decoded.

    Args:
        content: The bytes of the file, uint8.

    Example:
        >>> decode_quietly(np.zeros(9, np.uint8)) is None
        True
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    finally:
        cv2.utils.logging.setLogLevel(level)
