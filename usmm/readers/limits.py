"""How much a file may ask for before anything is decoded. Set a module attribute to change a limit.

A file states its own size in a few bytes; a damaged or hostile one states nonsense, and decoders allocate it.
"""

from __future__ import annotations

from pathlib import Path

from usmm.readers.errors import DataError

MAX_PIXELS = 100_000_000
"""Pixels of one image or frame: 100 megapixels, ten times a large pathology screenshot."""

MAX_CLIP_BYTES = 4 * 2**30
"""Bytes of a clip that is read at once as (T, H, W, 3); streaming has no such limit."""

MAX_INFLATED_BYTES = 256 * 2**20
"""Bytes of a deflated DICOM file after inflation."""

MAX_TABLE_BYTES = 64 * 2**20
"""Bytes of a table, for XLSX after decompression."""

MAX_TABLE_CELLS = 20_000_000
"""Cells of a table, the empty ones between others included."""


def check_pixels(width: int, height: int, file: Path) -> None:
    """Refuse an image size that no scanner makes.

    Args:
        width, height: Size in pixels, as the file states it.
        file: For the message.

    Raises:
        DataError: if the size is not positive or over `MAX_PIXELS`.
    """
    if width <= 0 or height <= 0:
        raise DataError(f'states a size of {width} x {height} pixels', file=file)
    if width * height > MAX_PIXELS:
        raise DataError(f'states {width} x {height} pixels, over the limit of {MAX_PIXELS} pixels', file=file)


def check_clip_bytes(frames: int, height: int, width: int, file: Path) -> None:
    """Refuse to hold a clip in memory that is larger than `MAX_CLIP_BYTES`.

    Args:
        frames, height, width: Size of the clip, three bytes a pixel.
        file: For the message.

    Raises:
        DataError: if the clip is too large.
    """
    if frames * height * width * 3 > MAX_CLIP_BYTES:
        raise DataError(
            f'holds {frames} or more frames of {width} x {height} pixels, over the limit of {MAX_CLIP_BYTES} bytes '
            f'read at once: stream it with open_clip(...).sample(step)',
            file=file,
        )
