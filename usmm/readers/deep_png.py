"""PNG: 16 bits a sample, and the one colour that stands for transparency (tRNS)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from usmm.readers.errors import DataError
from usmm.readers.opencv import decode_quietly

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}
SIGNATURE = b'\x89PNG\r\n\x1a\n'


@dataclass(frozen=True)
class PngFacts:
    """What a PNG states before its pixels.

    Args:
        bits: Bits a sample.
        kind: Colour type of its header.
        clear: The stored colour that is transparent, one or three values; empty without one.
    """

    bits: int
    kind: int
    clear: tuple[int, ...] = ()

    @classmethod
    def read(cls, path: Path) -> PngFacts:
        """Read the chunks of a file. Raises DataError where one ends behind the file."""
        bits, kind, clear = 8, RGB, tuple[int, ...]()
        for name, data in _chunks(path, (b'IHDR', b'tRNS')):
            if name == b'IHDR' and len(data) >= 10:
                bits, kind = data[8], data[9]
            elif name == b'tRNS' and kind in (GREY, RGB) and len(data) >= 2 * CHANNELS[kind]:
                clear = struct.unpack(f'>{CHANNELS[kind]}H', data[: 2 * CHANNELS[kind]])
        return cls(bits, kind, clear)

    @property
    def clear_grey(self) -> int | None:
        """The stored grey value that is transparent."""
        return self.clear[0] if self.kind == GREY and self.clear else None


def _chunks(path: Path, wanted: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    """Chunks of these names. OpenCV makes room for what a chunk claims, up to 4 GiB, so all must end in the file."""
    size, found = path.stat().st_size, []
    with path.open('rb') as stream:
        stream.seek(len(SIGNATURE))
        while len(head := stream.read(8)) == 8 and head[4:] != b'IEND':
            length = int.from_bytes(head[:4], 'big')
            if stream.tell() + length + 4 > size:
                raise DataError(f'is cut or damaged: its chunk {head[4:]!r} ends behind the file', file=path)
            if head[4:] in wanted:
                found.append((head[4:], stream.read(length)))
                stream.seek(4, 1)
            else:
                stream.seek(length + 4, 1)
    return found


def deep_png(path: Path, facts: PngFacts, size: tuple[int, int]) -> np.ndarray:
    """Samples of a 16-bit PNG as they are stored, through OpenCV: Pillow cuts 16-bit colour to 8 bits.

    OpenCV gets the chunks with pixels alone, so that its versions agree about orientation and transparency.

    Args:
        path: The file.
        facts: What it states.
        size: Width and height by its header.

    Returns:
        (H, W) or (H, W, 2, 3 or 4) uint16; of an even number of channels the last is alpha.

    Raises:
        DataError: if the file is damaged.
    """
    pixels = decode_quietly(_bare(path))
    if pixels is None:
        raise DataError('is damaged or stored in a way that OpenCV cannot decode', file=path)
    pixels = np.atleast_3d(pixels)
    if pixels.shape[:2] != size[::-1] or pixels.dtype != np.uint16:
        raise DataError(f'is {pixels.shape} {pixels.dtype} for the decoder and {size} by its header', file=path)
    if pixels.shape[2] >= 3:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA, dst=pixels)
    if facts.kind == GREY_ALPHA:
        pixels = pixels[..., [0, -1]]
    elif pixels.shape[2] != CHANNELS.get(facts.kind):
        raise DataError(
            f'has {pixels.shape[2]} channels for the decoder, colour type {facts.kind} by its header', file=path
        )
    if facts.clear:
        clear = (pixels == np.array(facts.clear, np.uint16)).all(axis=2, keepdims=True)
        pixels = np.concatenate([pixels, np.where(clear, 0, 65535).astype(np.uint16)], axis=2)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _bare(path: Path) -> np.ndarray:
    content = path.read_bytes()
    out, at = bytearray(SIGNATURE), len(SIGNATURE)
    while at + 8 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], 'big'), content[at + 4 : at + 8]
        if name in (b'IHDR', b'IDAT', b'IEND'):
            out += content[at : at + length + 12]
        at += length + 12
    return np.frombuffer(bytes(out), np.uint8)
