"""What of TIFF is not read, and whether the pieces of its pixels are whole: checks before a decoder starts."""

from __future__ import annotations

import zlib

from usmm.readers.errors import DataError
from usmm.readers.tiff_directory import (
    BITS,
    COMPRESSION,
    DEPTH,
    FILL_ORDER,
    FORMAT,
    HEIGHT,
    PHOTOMETRIC,
    PLANAR,
    ROWS,
    SAMPLES,
    STRIP_BYTES,
    STRIPS,
    SUBSAMPLING,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WIDTH,
    Directory,
)

SCALES = {
    0: 'WhiteIsZero', 1: 'BlackIsZero', 2: 'RGB', 3: 'palette', 4: 'transparency', 5: 'CMYK', 6: 'YCbCr', 8: 'CIELab',
    9: 'ICCLab', 10: 'ITULab', 32803: 'the samples of a camera sensor (CFA)', 32844: 'LogL', 32845: 'LogLuv',
    34892: 'linear raw samples of a camera',
}  # fmt: skip
COMPRESSIONS = {
    1: 'none', 2: 'CCITT', 3: 'CCITT fax 3', 4: 'CCITT fax 4', 5: 'LZW', 6: 'old JPEG', 7: 'JPEG', 8: 'deflate',
    22610: 'JPEG XR', 32773: 'PackBits', 32946: 'deflate', 33003: 'JPEG 2000', 33004: 'JPEG 2000', 33005: 'JPEG 2000',
    34661: 'JBIG', 34676: 'SGI LogLuv', 34677: 'SGI LogLuv', 34712: 'JPEG 2000', 34887: 'LERC', 34892: 'lossy JPEG',
    34925: 'LZMA', 34926: 'Zstandard', 34927: 'WebP', 34933: 'PNG', 34934: 'JPEG XR', 50000: 'Zstandard',
    50001: 'WebP', 50002: 'JPEG XL', 52546: 'JPEG XL',
}  # fmt: skip
DEFLATE = (8, 32946)
READ = (1, 2, 3, 4, 5, 6, 7, *DEFLATE, 32771, 32773, 32809, 34676, 34677, 34925, 50000, 50001)
"""Compressions that Pillow reads."""

READ_DEEP = (1, 5, 7, *DEFLATE, 32773)
"""Compressions that OpenCV reads on every system."""

DEPTHS = {'unsigned': (*range(8, 17), 32, 64), 'signed': (8, 16, 32, 64), 'floating': (32, 64)}
FORMATS = {1: 'unsigned', 2: 'signed', 3: 'floating', 4: 'unsigned', 5: 'complex', 6: 'complex'}
YCBCR = 6
CHUNK = 2**20


def check_tiff(tags: Directory, deep: bool) -> None:
    """Refuse a TIFF of a kind that is not read.

    Args:
        tags: Its directory.
        deep: Whether OpenCV reads it, else Pillow does.

    Raises:
        DataError: if it holds a volume, or its compression or samples are not read, or its pixels are
            damaged.
    """
    if (slices := tags.value(DEPTH, 1)) > 1:
        raise DataError(
            f'holds a volume of {slices} slices (ImageDepth, tag {DEPTH}), expected one image: save each slice as an '
            'image of its own',
            file=tags.path,
        )
    compression, bits = tags.value(COMPRESSION, 1), tags.value(BITS, 1)
    if compression not in (READ_DEEP if deep else READ):
        name = COMPRESSIONS.get(compression, f'method {compression}')
        raise DataError(
            f'is a TIFF of {bits} bits a sample compressed with {name}, which is not read: save it uncompressed or '
            'with LZW',
            file=tags.path,
        )
    if compression in DEFLATE and not deep:  # Pillow stops before the checksum
        check_pieces(tags)
    if tags.value(PHOTOMETRIC, 1) == YCBCR and compression == 1 and set(tags.values(SUBSAMPLING, (1, 1))) != {1}:
        raise DataError(
            f'is an uncompressed TIFF of YCbCr with fewer colours than pixels (YCbCrSubSampling, tag {SUBSAMPLING}), '
            'which is not read: save it as RGB',
            file=tags.path,
        )
    kind = FORMATS.get(tags.value(FORMAT, 1), 'unknown')
    if deep and bits not in DEPTHS.get(kind, ()):
        raise DataError(
            f'holds {kind} samples of {bits} bits, which are not read: save it with unsigned samples of 8 or 16 bits',
            file=tags.path,
        )


def tiff_words(tags: Directory) -> str:
    """What a TIFF stores, for a message about one that Pillow does not read."""
    scale = tags.value(PHOTOMETRIC, 1)
    compression = tags.value(COMPRESSION, 1)
    samples, kind = tags.value(SAMPLES, 1), FORMATS.get(tags.value(FORMAT, 1), 'unknown')
    bits = ', '.join(map(str, sorted(set(tags.values(BITS, (1,))))))
    return (
        f'is a TIFF of {SCALES.get(scale, f"photometric interpretation {scale}")} with {samples} {kind} sample'
        f'{"s" if samples > 1 else ""} a pixel of {bits} bits '
        f'(compression: {COMPRESSIONS.get(compression, compression)}), which is not read: save it as grey or RGB of 8 '
        'or 16 bits, uncompressed or with LZW'
    )


def check_pieces(tags: Directory) -> tuple[int, int]:
    """The tags of places and lengths of strips or tiles, after a check that there are as many as the size needs.

    Raises:
        DataError: if pieces are missing, lie behind the end of the file, or hold fewer pixels than they should.
    """
    tiled = TILES in tags.entries
    places, lengths = (TILES, TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
    starts, sizes = tags.values(places), tags.values(lengths)
    width, height = tags.value(WIDTH, 0), tags.value(HEIGHT, 0)
    wide, high = (tags.value(TILE_WIDTH, 0), tags.value(TILE_HEIGHT, 0)) if tiled else (width, tags.value(ROWS, height))
    planes = tags.value(SAMPLES, 1) if tags.value(PLANAR, 1) == 2 else 1
    needed = -(-width // max(wide, 1)) * -(-height // max(min(high, height), 1)) * planes
    if len(starts) != needed or len(sizes) != needed:
        raise DataError(f'is damaged: it needs {needed} pieces of pixel data and has {len(starts)}', file=tags.path)
    ends = [start + size for start, size in zip(starts, sizes)]
    if max(ends) > len(tags.content):
        raise DataError(f'is cut: its pixels end at byte {max(ends)}, the file has {len(tags.content)}', file=tags.path)
    row = -(-width * (1 if planes > 1 else tags.value(SAMPLES, 1)) * tags.value(BITS, 1) // 8)
    if not tiled and tags.value(COMPRESSION, 1) == 1 and sum(sizes) < row * height * planes:
        raise DataError(f'is cut: its pixels need {row * height * planes} bytes and have {sum(sizes)}', file=tags.path)
    if tags.value(COMPRESSION, 1) in DEFLATE and tags.value(FILL_ORDER, 1) == 1:
        wide_bytes = -(-wide * (1 if planes > 1 else tags.value(SAMPLES, 1)) * tags.value(BITS, 1) // 8)
        down = -(-height // high)  # pieces from top to bottom
        for number, (start, size) in enumerate(zip(starts, sizes)):
            rows = high if tiled or number % down < down - 1 else height - high * (down - 1)
            needs = 0 if tags.value(PHOTOMETRIC, 1) == YCBCR else rows * wide_bytes  # YCbCr leaves colours out
            if not _inflates(tags.content[start : start + size], needs):
                raise DataError(
                    f'is damaged: piece {number + 1} of {needed} of its pixel data (deflate) cannot be unpacked',
                    file=tags.path,
                )
    return places, lengths


def _inflates(data: bytes, expected: int) -> bool:
    """Whether deflated data unpack to as many bytes as expected or more, and end with their checksum."""
    inflater, size = zlib.decompressobj(), 0
    try:
        while not inflater.eof and size <= 2 * expected + CHUNK:
            piece = inflater.decompress(data, CHUNK)
            size, data = size + len(piece), inflater.unconsumed_tail
            if not piece and not data:
                break
    except zlib.error:
        return False
    return inflater.eof and size >= expected
