"""The first directory of a TIFF file: its tags, and copies of the file in which tags are replaced."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from usmm.readers.errors import DataError

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
STRIP_BYTES, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT, DEPTH = (
    279,
    284,
    317,
    322,
    323,
    324,
    325,
    338,
    339,
    32997,
)
FILL_ORDER, SUBSAMPLING = 266, 530
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
CODES = {1: 'B', 3: 'H', 4: 'I', 13: 'I', 16: 'Q'}
STARTS = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')


class Directory:
    """The first directory of a TIFF file, whose tags can be replaced.

    Args:
        content: The file.
        path: For messages.

    Raises:
        DataError: if the directory is cut.
    """

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


def read_directory(path: Path) -> Directory | None:
    """The first directory of a TIFF file, or None for other files.

    Raises:
        DataError: if it is a TIFF whose directory is cut.
    """
    with path.open('rb') as stream:
        if stream.read(4) not in STARTS:
            return None
    return Directory(path.read_bytes(), path)
