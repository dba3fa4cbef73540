"""How much a file may ask for before anything is decoded. Set a module attribute to change a limit.

A file states its own size in a few bytes; a damaged or hostile one states nonsense, and decoders allocate it.
"""

from __future__ import annotations

from pathlib import Path

from usmm.readers.errors import DataError

MAX_PIXELS = 100_000_000
"""Pixels of one image or frame: 100 megapixels, ten times a large pathology screenshot."""

MAX_FRAME_PIXELS = 34_000_000
"""Pixels of one frame of a clip: 8K video. A clip holds many, so its frames may take less time than an image."""

MAX_CLIP_BYTES = 3 * 2**29
"""Bytes (1.5 GiB) of a clip that is read at once as (T, H, W, 3); streaming has no such limit."""

MAX_INFLATED_BYTES = 256 * 2**20
"""Bytes of a deflated DICOM file after inflation."""

MAX_TABLE_BYTES = 64 * 2**20
"""Bytes of a table, for XLSX after decompression."""

MAX_TABLE_CELLS = 5_000_000
"""Cells of a table, the empty ones between others included."""

MAX_TABLE_ROWS = 1_000_000
"""Rows of a table, the empty ones included."""

MAX_TABLE_COLUMNS = 16_384
"""Columns of a table, as many as a spreadsheet has."""

MAX_SHEET_TAGS = 8_000_000
"""XML tags of the sheets of an XLSX file: four a cell."""

MAX_STRING_TAGS = 1_000_000
"""XML tags of the texts that the cells of an XLSX file share: four a text."""

MAX_BOOK_TAGS = 100_000
"""XML tags of everything else in an XLSX file: styles and the like, each of which becomes an object."""

MAX_HEADER_READS = 1_000_000
"""Reads that a DICOM header may take, one or two an element, at any depth."""

MAX_FRAME_GROUP_BYTES = 2**23
"""Bytes of the functional groups of the frames of a DICOM file: a few hundred a frame."""

MAX_ELEMENT_BYTES = 2**20
"""Bytes of one element of a DICOM header that is used here; others are not looked into."""


def check_pixels(width: int, height: int, file: Path, most: int | None = None) -> None:
    """Refuse an image size that no scanner makes.

    Args:
        width, height: Size in pixels, as the file states it.
        file: For the message.
        most: Pixels; None: `MAX_PIXELS`.

    Raises:
        DataError: if the size is not positive or over the limit.
    """
    most = MAX_PIXELS if most is None else most
    if width <= 0 or height <= 0:
        raise DataError(f'states a size of {width} x {height} pixels', file=file)
    if width * height > most:
        raise DataError(f'states {width} x {height} pixels, over the limit of {most} pixels', file=file)


def check_frame(width: int, height: int, file: Path) -> None:
    """Refuse a clip whose frames are over `MAX_FRAME_PIXELS` (or `MAX_PIXELS`, where that is less); as above."""
    check_pixels(width, height, file, min(MAX_PIXELS, MAX_FRAME_PIXELS))


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
