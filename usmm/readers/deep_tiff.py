"""TIFF of more than 8 bits, of separate planes, or with samples that are no colours: what Pillow cannot read.

OpenCV decodes the samples. What its versions treat differently (orientation, a scale where white is 0, planes, samples
beyond the colours) is taken out of the header before, and done here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from usmm.readers.errors import DataError
from usmm.readers.limits import check_pixels

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, ORIENTATION, SAMPLES, ROWS = (
    256,
    257,
    258,
    259,
    262,
    273,
    274,
    277,
    278,
)
STRIP_BYTES, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT = (
    279,
    284,
    317,
    322,
    323,
    324,
    325,
    338,
    339,
)
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
CODES = {1: 'B', 3: 'H', 4: 'I', 13: 'I', 16: 'Q'}
SCALES = {
    0: 'WhiteIsZero', 1: 'BlackIsZero', 2: 'RGB', 3: 'palette', 4: 'transparency', 5: 'CMYK', 6: 'YCbCr', 8: 'CIELab',
    9: 'ICCLab',
}  # fmt: skip
MOST_SAMPLES = 8
ALPHA = 2


@dataclass(frozen=True)
class DeepPixels:
    """Samples of a TIFF file.

    Args:
        pixels: (H, W) or (H, W, 2, 3 or 4), upright; of an even number of channels the last is alpha.
        bits: Bits a sample, as the file states them.
    """

    pixels: np.ndarray
    bits: int


class _Directory:
    """The first directory of a TIFF file, whose tags can be replaced."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.content, self.path = content, path
        self.order = '<' if content[:2] == b'II' else '>'
        self.big = content[2:4] in (b'+\0', b'\0+')
        self.entries: dict[int, tuple[int, int, bytes]] = {}
        self.pages = self._read()

    def _unpack(self, code: str, at: int) -> int:
        size = struct.calcsize(self.order + code)
        if not 0 <= at <= len(self.content) - size:
            raise DataError(
                'is cut or damaged: a directory of the TIFF lies behind the end of the file', file=self.path
            )
        return int(struct.unpack_from(self.order + code, self.content, at)[0])

    def _read(self) -> int:
        """Read the entries of the first directory; the number of directories."""
        count, offset, entry, inline = ('Q', 'Q', 20, 8) if self.big else ('H', 'I', 12, 4)
        at, seen = self._unpack(offset, 8 if self.big else 4), set[int]()
        while at and at not in seen:
            number, start = self._unpack(count, at), at + (8 if self.big else 2)
            if not seen:
                for place in range(start, start + min(number, 4096) * entry, entry):
                    tag, kind = self._unpack('H', place), self._unpack('H', place + 2)
                    items = self._unpack(offset, place + 4)
                    value = self.content[place + entry - inline : place + entry]
                    self.entries[tag] = (kind, items, value)
            seen.add(at)
            end = start + number * entry
            at = 0 if end == len(self.content) else self._unpack(offset, end)  # some leave out the last zeros
        return len(seen)

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The whole numbers of a tag."""
        if tag not in self.entries:
            return default
        kind, items, value = self.entries[tag]
        if kind not in CODES:
            raise DataError(
                f'is damaged: tag {tag} of the TIFF has type {kind}, expected whole numbers', file=self.path
            )
        size = SIZES[kind] * items
        if size > len(value):
            at = struct.unpack(self.order + ('Q' if self.big else 'I'), value)[0]
            value = self.content[at : at + size]
        if len(value) < size:
            raise DataError(f'is cut or damaged: tag {tag} of the TIFF lies behind the end of the file', file=self.path)
        return tuple(struct.unpack(f'{self.order}{items}{CODES[kind]}', value[:size]))

    def value(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return (self.values(tag) or (default,))[0]

    def with_tags(self, changes: dict[int, tuple[int, ...] | None]) -> np.ndarray:
        """The file with one directory in which tags are replaced, or removed (None)."""
        count, offset, inline = ('Q', 'Q', 8) if self.big else ('H', 'I', 4)
        out = bytearray(self.content) + bytes(-len(self.content) % 8)
        entries = {tag: entry for tag, entry in self.entries.items() if tag not in changes}
        for tag, numbers in changes.items():
            if numbers is not None:
                kind = 16 if self.big else 4
                value = struct.pack(f'{self.order}{len(numbers)}{CODES[kind]}', *numbers)
                if len(value) > inline:
                    place, value = len(out), value + bytes(-len(value) % 8)
                    out += value
                    value = struct.pack(self.order + offset, place)
                entries[tag] = (kind, len(numbers), value.ljust(inline, b'\0'))
        struct.pack_into(self.order + offset, out, 8 if self.big else 4, len(out))
        out += struct.pack(self.order + count, len(entries))
        for tag, (kind, items, value) in sorted(entries.items()):
            out += struct.pack(f'{self.order}HH{offset}', tag, kind, items) + value
        out += bytes(8)
        return np.frombuffer(bytes(out), np.uint8)


def needs_care(path: Path) -> bool:
    """Whether a file is a TIFF that Pillow reads in part or not at all: deep, in planes, or with two samples.

    Args:
        path: Any file.

    Raises:
        DataError: if it is a TIFF whose directory is cut.
    """
    with path.open('rb') as stream:
        if stream.read(4) not in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'):
            return False
    tags = _Directory(path.read_bytes(), path)
    bits, samples, planar = max(tags.values(BITS, (1,))), tags.value(SAMPLES, 1), tags.value(PLANAR, 1)
    return bits > 8 or (samples > 1 and bits == 8 and (planar == 2 or samples == 2))


def read_deep_tiff(path: Path) -> DeepPixels:
    """Read a TIFF for which `needs_care` is true.

    A sample beyond the colours is transparency where the file states so; an unspecified one is left out, and so is one
    that the colours were multiplied by already, since they are on black then.

    Args:
        path: The file.

    Raises:
        DataError: if the file is damaged, holds several pictures, or stores them in a way that is not read.
    """
    tags = _Directory(path.read_bytes(), path)
    if tags.pages > 1:
        raise DataError(f'holds {tags.pages} pictures, expected one image', file=path)
    width, height, samples = tags.value(WIDTH, 0), tags.value(HEIGHT, 0), tags.value(SAMPLES, 1)
    check_pixels(width, height, path)
    scale, bits = tags.value(PHOTOMETRIC, 1), tags.values(BITS, (1,))
    if scale not in (0, 1, 2):
        name = SCALES.get(scale, f'photometric interpretation {scale}')
        raise DataError(
            f'stores {name} in {max(bits)} bits or in planes, expected grey or RGB: save it as RGB of 8 or 16 bits',
            file=path,
        )
    colours = 3 if scale == 2 else 1
    if not colours <= samples <= MOST_SAMPLES or len(set(bits)) > 1:
        raise DataError(
            f'has {samples} samples a pixel of {", ".join(map(str, bits))} bits, expected {colours} to {MOST_SAMPLES} '
            'of one depth: save it as grey or RGB',
            file=path,
        )
    _pieces(tags)
    pixels = _planes(tags, samples) if tags.value(PLANAR, 1) == 2 and samples > 1 else _interleaved(tags, samples)
    if pixels.shape != (height, width, samples):
        size = (pixels.shape[1], pixels.shape[0], *pixels.shape[2:])
        raise DataError(f'is {size} for the decoder and {(width, height, samples)} by its header', file=path)
    if pixels.dtype == np.uint16 and bits[0] < 16:
        pixels = pixels >> (16 - bits[0])  # OpenCV moves 9 to 15 bits up
    clear = samples > colours and tags.values(EXTRA, (ALPHA,))[0] == ALPHA
    if (scale == 0 or clear) and (pixels.dtype.kind != 'u' or bits[0] > 16):
        raise DataError(
            f'holds {pixels.dtype} pixels with {"white as 0" if scale == 0 else "transparency"}, which is not read: '
            'save it in 8 or 16 bits',
            file=path,
        )
    if scale == 0:
        pixels[..., 0] = 2 ** bits[0] - 1 - pixels[..., 0]
    pixels = upright(pixels[..., : colours + clear], tags.value(ORIENTATION, 1))
    return DeepPixels(pixels[..., 0] if pixels.shape[2] == 1 else pixels, bits[0])


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8): first mirror, then turn, as the eight values are defined."""
    if orientation in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.rot90(pixels, turns)


PLAIN: dict[int, tuple[int, ...] | None] = {ORIENTATION: None, EXTRA: None, PLANAR: (1,)}


def _pieces(tags: _Directory) -> tuple[int, int]:
    """The tags of places and lengths of strips or tiles, after a check that there are as many as the size needs."""
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
    return places, lengths


def _one_channel(tags: _Directory) -> dict[int, tuple[int, ...] | None]:
    one: dict[int, tuple[int, ...] | None] = {SAMPLES: (1,), BITS: (tags.value(BITS, 1),), PHOTOMETRIC: (1,)}
    return {**PLAIN, **one, **({FORMAT: (tags.value(FORMAT, 1),)} if FORMAT in tags.entries else {})}


def _planes(tags: _Directory, samples: int) -> np.ndarray:
    """(H, W, samples) of planes that are stored one behind the other: each is decoded as a picture."""
    places, lengths = _pieces(tags)
    starts, sizes = tags.values(places), tags.values(lengths)
    each = len(starts) // samples
    planes = []
    for index in range(samples):
        part = slice(index * each, (index + 1) * each)
        planes.append(_decode(tags, {**_one_channel(tags), places: starts[part], lengths: sizes[part]}))
    return np.concatenate(planes, axis=2)


def _interleaved(tags: _Directory, samples: int) -> np.ndarray:
    """(H, W, samples) of samples that are stored pixel by pixel."""
    if samples in (3, 4) and tags.value(PHOTOMETRIC, 1) == 2:
        pixels = _decode(tags, {**PLAIN, EXTRA: (ALPHA,) if samples == 4 else None})
        return pixels[..., [2, 1, 0, 3][:samples]] if pixels.shape[2] == samples else pixels
    if samples == 1:
        return _decode(tags, _one_channel(tags))
    # Other numbers of samples OpenCV does not read: as one channel of a picture that is as many times as wide.
    if tags.value(PREDICTOR, 1) != 1:
        raise DataError(f'has {samples} samples a pixel with a predictor: save it as grey or RGB', file=tags.path)
    wide: dict[int, tuple[int, ...] | None] = {WIDTH: (tags.value(WIDTH, 0) * samples,)}
    if TILE_WIDTH in tags.entries:
        wide[TILE_WIDTH] = (tags.value(TILE_WIDTH, 0) * samples,)
    pixels = _decode(tags, {**_one_channel(tags), **wide})
    if pixels.shape[1] % samples or pixels.shape[2] != 1:
        return pixels
    return pixels.reshape(len(pixels), -1, samples)


def _decode(tags: _Directory, changes: dict[int, tuple[int, ...] | None]) -> np.ndarray:
    pixels = cv2.imdecode(tags.with_tags(changes), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError('is damaged or stored in a way that OpenCV cannot decode', file=tags.path)
    return np.atleast_3d(pixels)
