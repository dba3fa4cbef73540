"""DICOM pixels -> RGB, 8 bits, one frame at a time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import Dataset
from pydicom.pixels import apply_color_lut, iter_pixels

from usmm.readers.dicom import jpeg_lossless
from usmm.readers.dicom.file import PixelFacts
from usmm.readers.errors import DataError

jpeg_lossless.register()


def iter_rgb(
    stream: BinaryIO, header: Dataset, facts: PixelFacts, path: Path, indices: Sequence[int] | None = None
) -> Generator[np.ndarray, None, None]:
    """Decode frames one by one; memory holds one frame, whatever the length of the clip.

    Args:
        stream: The file.
        header, facts: What was read of it.
        path: For messages.
        indices: Frames to decode, others are skipped undecoded; None: all.

    Yields:
        (H, W, 3) uint8, RGB.

    Raises:
        DataError: if the file holds another number of frames than it states.
    """
    if indices is not None and not indices:
        return
    table = grey_table(header, facts) if facts.samples == 1 else None
    count = 0
    with closing(iter_pixels(stream, indices=indices)) as frames:  # type: ignore[type-var]
        for frame in frames:
            count += 1
            if count > facts.frames:
                break
            yield _rgb(frame, facts) if table is None else table[_codes(frame, facts)]
    if count != (facts.frames if indices is None else len(indices)):
        raise DataError(f'states {facts.frames} frames, holds {"more" if count > facts.frames else count}', file=path)


def grey_table(header: Dataset, facts: PixelFacts) -> np.ndarray:
    """What each stored value of a one-sample image looks like.

    Palettes give their colours. Grey of up to 8 bits is shown as stored. Grey of more bits goes through the rescale
    and the window of the file where it has a window, else the upper 8 of the bits in use are kept.

    Args:
        header, facts: What was read of the file.

    Returns:
        (2 ** bits stored, 3) uint8, RGB of each code.
    """
    codes = np.arange(2**facts.stored, dtype=np.uint8 if facts.stored <= 8 else np.uint16)
    if facts.colour == 'PALETTE COLOR':
        return _palette(codes, header)
    values = codes.astype(np.int64)
    if facts.signed:
        values[values >= 2 ** (facts.stored - 1)] -= 2**facts.stored
    grey = _grey(values, header, facts)
    if facts.colour == 'MONOCHROME1':
        grey = 255 - grey
    return np.repeat(grey.astype(np.uint8)[:, None], 3, axis=1)


def _palette(codes: np.ndarray, header: Dataset) -> np.ndarray:
    colours = apply_color_lut(codes, header)
    # Tables of 16 bits use their full range by the standard; some scanners write 8-bit colours into them.
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)


def _grey(values: np.ndarray, header: Dataset, facts: PixelFacts) -> np.ndarray:
    """0..255 of each value, in the sense of MONOCHROME2."""
    lowest = int(values.min())
    if facts.stored <= 8:
        top = 2**facts.stored - 1
        return (values - lowest) * 255 // top if facts.stored < 8 else values - lowest
    window = _window(header)
    if window is None:
        return (values - lowest) >> (facts.stored - 8)
    centre, width = window
    slope, shift = float(header.get('RescaleSlope') or 1), float(header.get('RescaleIntercept') or 0)
    # The linear window function, PS3.3 C.11.2.1.2.1.
    shown = ((values * slope + shift - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5) * 255
    return np.rint(np.clip(shown, 0, 255))


def _window(header: Dataset) -> tuple[float, float] | None:
    centre, width = header.get('WindowCenter'), header.get('WindowWidth')
    if centre is None or width is None:
        return None
    return float(np.ravel(centre)[0]), float(np.ravel(width)[0])


def _codes(frame: np.ndarray, facts: PixelFacts) -> np.ndarray:
    """Stored bits of each pixel as an index: a signed value's bits are those of its two's complement."""
    return frame.astype(np.int64 if frame.dtype.itemsize > 2 else np.int32) & (2**facts.stored - 1)


def _rgb(frame: np.ndarray, facts: PixelFacts) -> np.ndarray:
    return frame if facts.stored <= 8 else (frame >> (facts.stored - 8)).astype(np.uint8)
