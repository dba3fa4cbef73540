"""DICOM pixels -> RGB, 8 bits, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydicom import Dataset
from pydicom.pixels import iter_pixels
from pydicom.uid import RLELossless

from usmm.readers.depth import Window
from usmm.readers.dicom import jpeg_lossless
from usmm.readers.dicom.file import PixelFacts
from usmm.readers.dicom.grey import grey_levels, stored_values
from usmm.readers.dicom.palette import palette_of
from usmm.readers.errors import DataError

jpeg_lossless.register()


def iter_rgb(
    stream: BinaryIO,
    header: Dataset,
    facts: PixelFacts,
    path: Path,
    indices: Sequence[int] | None = None,
    window: Window | None = None,
) -> Generator[np.ndarray, None, None]:
    """Decode frames one by one; memory holds one frame, whatever the length of the clip.

    Args:
        stream: The file.
        header, facts: What was read of it.
        path: For messages.
        indices: Frames to decode, others are skipped undecoded; None: all.
        window: For grey, see `grey_levels`.

    Yields:
        (H, W, 3) uint8, RGB.

    Raises:
        DataError: if the file holds another number of frames than it states, values of more bits, or a frame that
            cannot be decoded.
    """
    if indices is not None and not indices:
        return
    shown = _looks(header, facts, window)
    options: dict[str, Any] = {'correct_unused_bits': False, 'number_of_frames': facts.frames}
    if facts.full_size:
        options['photometric_interpretation'] = true_colour(stream, facts, path)
    if facts.transformed and facts.colour.startswith('YBR'):
        options['photometric_interpretation'] = 'RGB'
    numbers = range(facts.frames) if indices is None else indices
    count = 0
    with closing(iter_pixels(stream, indices=indices, **options)) as frames:  # type: ignore[type-var]
        for frame in _decoded(iter(frames), facts):
            count += 1
            if count > facts.frames:
                break
            yield shown(frame, numbers[count - 1])
    if count != (facts.frames if indices is None else len(indices)):
        raise DataError(f'states {facts.frames} frames, holds {"more" if count > facts.frames else count}', file=path)


def _decoded(frames: Iterator[np.ndarray], facts: PixelFacts) -> Iterator[np.ndarray]:
    """The frames; what no decoder reads is named by its kind."""
    try:
        yield from frames
    except RuntimeError as error:  # pydicom joins the words of all decoders
        words = ' '.join(str(error).rsplit('plugins:', 1)[-1].split()).split('<_io', 1)[0].strip()
        raise DataError(
            f'holds a frame of {facts.syntax.name} that is damaged or of a kind that is not read ({words}): where it '
            'is not damaged, decompress the file with `gdcmconv --raw` of GDCM or `dcmdjpeg` of DCMTK'
        ) from error


def _looks(header: Dataset, facts: PixelFacts, window: Window | None) -> Callable[[np.ndarray, int], np.ndarray]:
    """A function of a decoded frame and its index: the frame in RGB."""
    if facts.samples == 3:
        return lambda frame, _: _rgb(frame, facts)
    if facts.colour == 'PALETTE COLOR':
        palette = palette_of(header, stored_values(facts))
        return lambda frame, _: palette[_codes(frame, facts)]
    levels = grey_levels(header, facts, window)
    return lambda frame, index: np.repeat(levels(index)[_codes(frame, facts)][..., None], 3, axis=2)


def _codes(frame: np.ndarray, facts: PixelFacts) -> np.ndarray:
    """Stored bits of each sample as an index: a signed value's bits are those of its two's complement.

    Uncompressed and RLE samples lie where the header's high bit says, with other bits around them; the JPEG family
    gives the values themselves.
    """
    bits = frame.astype(np.int64 if frame.dtype.itemsize > 2 else np.int32)
    if not facts.syntax.is_encapsulated or facts.syntax == RLELossless:
        bits = np.right_shift(bits, facts.high + 1 - facts.stored)
    else:
        lowest = -(2 ** (facts.stored - 1)) if facts.signed else 0
        if bits.min(initial=0) < lowest or bits.max(initial=0) >= lowest + 2**facts.stored:
            raise DataError(
                f'has compressed pixels of {bits.min()} to {bits.max()}, more than the {facts.stored} bits of its '
                'BitsStored (0028,0101): correct the element'
            )
    return bits & (2**facts.stored - 1)


def _rgb(frame: np.ndarray, facts: PixelFacts) -> np.ndarray:
    if facts.stored == facts.allocated == 8:
        return frame
    codes = _codes(frame, facts)
    if facts.stored >= 8:
        return (codes >> (facts.stored - 8)).astype(np.uint8)
    return (codes * 255 // (2**facts.stored - 1)).astype(np.uint8)


NEVER_YBR = 0.05
"""Share of pixels outside the colours of YBR from which on bytes are RGB."""

ALWAYS_YBR = 0.001
"""Share of such pixels up to which bytes are YBR: rounding and resampling make a few."""


def true_colour(stream: BinaryIO, facts: PixelFacts, path: Path) -> str:
    """`RGB` or `YBR_FULL`, for pixels that are labelled 4:2:2 and are there in full size, so that the label is wrong.

    Only about a quarter of the values of three bytes are a colour in YBR: black is (0, 128, 128) there, and (0, 0, 0)
    is none. And grey has three equal values in RGB, but 128 in the second and third in YBR. So the first frame decides:
    most of it is the grey of RGB, all of it can be YBR, or much of it cannot.

    Args:
        stream: The file.
        facts: What its header states.
        path: For messages.

    Raises:
        DataError: if both are possible.
    """
    options: dict[str, Any] = {
        'photometric_interpretation': 'RGB',
        'number_of_frames': facts.frames,
        'correct_unused_bits': False,
    }
    with closing(iter_pixels(stream, indices=[0], raw=True, **options)) as frames:  # type: ignore[type-var]
        y, cb, cr = np.moveaxis(next(frames).astype(np.float32), -1, 0)
    equal = (y == cb) & (y == cr)
    if equal.mean() > 0.5 and ((cb == 128) & (cr == 128)).mean() < 0.5 and np.ptp(y[equal]) > 0:
        return 'RGB'
    # PS3.3, C.7.6.3.1.2, solved for red, green and blue
    red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    outside = np.any([(colour < -3) | (colour > 258) for colour in (red, green, blue)], axis=0)
    if outside.mean() >= NEVER_YBR:
        return 'RGB'
    if outside.mean() <= ALWAYS_YBR and not equal.all():
        return 'YBR_FULL'
    raise DataError(
        'is labelled YBR_FULL_422 and holds three bytes a pixel, so the label is wrong, and the pixels could be RGB as '
        'well as YBR_FULL: write the right one into PhotometricInterpretation (0028,0004)',
        file=path,
    )
