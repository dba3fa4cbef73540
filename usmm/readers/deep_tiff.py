"""TIFF that Pillow cannot read: more than 8 bits, signed samples, separate planes, samples that are no colours.

OpenCV decodes the samples. What its versions treat differently (orientation, a scale where white is 0, planes, samples
beyond the colours) is taken out of the header before, and done here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usmm.readers.errors import DataError
from usmm.readers.limits import check_pixels
from usmm.readers.opencv import decode_quietly
from usmm.readers.tiff_checks import SCALES, check_pieces
from usmm.readers.tiff_directory import (
    BITS,
    EXTRA,
    FORMAT,
    HEIGHT,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    SAMPLES,
    TILE_WIDTH,
    WIDTH,
    Directory,
)

MOST_SAMPLES = 8
ALPHA = 2
SIGNED = 2


@dataclass(frozen=True)
class DeepPixels:
    """Samples of a TIFF file.

    Args:
        pixels: (H, W) or (H, W, 2, 3 or 4), upright; of an even number of channels the last is alpha.
        bits: Bits a sample, as the file states them.
    """

    pixels: np.ndarray
    bits: int


def needs_care(tags: Directory) -> bool:
    """Whether Pillow reads a TIFF in part or not at all: deep, signed, in planes, or with two samples."""
    bits, samples, planar = max(tags.values(BITS, (1,))), tags.value(SAMPLES, 1), tags.value(PLANAR, 1)
    if bits > 8 or (bits == 8 and tags.value(PHOTOMETRIC, 1) in (0, 1, 2) and tags.value(FORMAT, 1) == SIGNED):
        return True
    return samples > 1 and bits == 8 and (planar == 2 or samples == 2)


def read_deep_tiff(tags: Directory) -> DeepPixels:
    """Read a TIFF for which `needs_care` is true.

    A sample beyond the colours is transparency where the file states so; an unspecified one is left out, and so is one
    that the colours were multiplied by already, since they are on black then.

    Args:
        tags: Its directory.

    Raises:
        DataError: if the file is damaged, holds several pictures, or stores them in a way that is not read.
    """
    path = tags.path
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
    check_pieces(tags)
    pixels = _planes(tags, samples) if tags.value(PLANAR, 1) == 2 and samples > 1 else _interleaved(tags, samples)
    if pixels.shape != (height, width, samples):
        size = (pixels.shape[1], pixels.shape[0], *pixels.shape[2:])
        raise DataError(f'is {size} for the decoder and {(width, height, samples)} by its header', file=path)
    if bits[0] == 8 and tags.value(FORMAT, 1) == SIGNED:
        pixels = pixels.view(np.int8)
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


def _one_channel(tags: Directory) -> dict[int, tuple[int, ...] | None]:
    bits = tags.value(BITS, 1)
    kind = tags.value(FORMAT, 1) if bits > 8 else 1  # of 8 bits the sign is put on afterwards
    return {**PLAIN, SAMPLES: (1,), BITS: (bits,), PHOTOMETRIC: (1,), FORMAT: (kind,)}


def _planes(tags: Directory, samples: int) -> np.ndarray:
    """(H, W, samples) of planes that are stored one behind the other: each is decoded as a picture."""
    places, lengths = check_pieces(tags)
    starts, sizes = tags.values(places), tags.values(lengths)
    each = len(starts) // samples
    planes = []
    for index in range(samples):
        part = slice(index * each, (index + 1) * each)
        planes.append(_decode(tags, {**_one_channel(tags), places: starts[part], lengths: sizes[part]}))
    return np.concatenate(planes, axis=2)


def _interleaved(tags: Directory, samples: int) -> np.ndarray:
    """(H, W, samples) of samples that are stored pixel by pixel."""
    if samples in (3, 4) and tags.value(PHOTOMETRIC, 1) == 2:
        plain: dict[int, tuple[int, ...] | None] = {FORMAT: None} if tags.value(BITS, 1) == 8 else {}
        pixels = _decode(tags, {**PLAIN, **plain, EXTRA: (ALPHA,) if samples == 4 else None})
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


def _decode(tags: Directory, changes: dict[int, tuple[int, ...] | None]) -> np.ndarray:
    pixels = decode_quietly(tags.with_tags(changes))
    if pixels is None:
        raise DataError('is damaged or stored in a way that OpenCV cannot decode', file=tags.path)
    return np.atleast_3d(pixels)
