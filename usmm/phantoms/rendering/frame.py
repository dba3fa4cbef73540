"""The scanner's frame around the picture: dark surround, text, rulers, grey and colour bars."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from usmm.phantoms.rendering.scene import field_box

Frame = npt.NDArray[np.uint8]
SURROUND = (9, 10, 13)
INK = (170, 175, 180)
LIMIT = 4.4  # latents beyond this look like it


def bounded(latent: float) -> float:
    """The latent, limited to what the picture can show (beyond 4.4 one patient in 10 000 at strength 2)."""
    return float(np.clip(latent, -LIMIT, LIMIT))


def blank_frame(size: tuple[int, int], depth: float, title: str = 'B') -> Frame:
    """(H, W, 3) frame of `size` (width, height) with rulers and a grey bar, before any echo is drawn.

    Args:
        size: Width and height in pixels.
        depth: Imaging depth in mm, for the ruler.
        title: Name of the mode.
    """
    frame = np.full((size[1], size[0], 3), SURROUND, np.uint8)
    x0, y0, x1, y1 = field_box(size)
    scale = size[0] / 780
    text = [(f'USMM SYNTHETIC  {title}', (8, 22))]
    if scale > 0.7:  # a small frame has no room for more
        text += [('L12-5  SmPrt', (8, 40)), ('MI 0.7  TIS 0.2', (600, 22))]
    for words, (x, y) in text:
        _write(frame, words, (int(x * scale), int(y * scale)), scale)
    for mm in range(0, int(depth) + 1, 5):
        y = int(y0 + (y1 - y0) * mm / depth)
        length = int((9 if mm % 10 == 0 else 5) * scale)
        cv2.line(frame, (x1 + int(6 * scale), y), (x1 + int(6 * scale) + length, y), INK, 1)
        if mm % 10 == 0:
            _write(frame, str(mm // 10), (x1 + int(20 * scale), y + int(4 * scale)), scale)
    cv2.circle(frame, (x0 + int(6 * scale), y0 - int(6 * scale)), max(2, int(4 * scale)), INK, 1)
    put_bar(frame, np.repeat(np.arange(255, -1, -1, dtype=np.uint8)[:, None], 3, 1), (0.03, 0.12, 0.047, 0.4))
    return frame


def put_bar(frame: Frame, colours: Frame, box: tuple[float, float, float, float]) -> None:
    """Draw an upright colour bar into a frame.

    Args:
        frame: (H, W, 3), changed.
        colours: (N, 3) from top to bottom.
        box: x0, y0, x1, y1 relative to the frame.
    """
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = int(box[0] * width), int(box[1] * height), int(box[2] * width), int(box[3] * height)
    frame[y0:y1, x0:x1] = cv2.resize(colours[:, None], (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    cv2.rectangle(frame, (x0 - 1, y0 - 1), (x1, y1), INK, 1)


def put_words(frame: Frame, words: str, at: tuple[float, float]) -> None:
    """Write small text at a place relative to the frame."""
    height, width = frame.shape[:2]
    _write(frame, words, (int(at[0] * width), int(at[1] * height)), width / 780)


def _write(frame: Frame, words: str, at: tuple[int, int], scale: float) -> None:
    cv2.putText(frame, words, at, cv2.FONT_HERSHEY_SIMPLEX, max(0.42 * scale, 0.24), INK, 1, cv2.LINE_AA)
