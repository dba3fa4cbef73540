"""DICOM grey: stored value -> modality value -> value of interest -> 0 to 255 (PS3.3, C.11 and PS3.4, N.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydicom import Dataset

from usmm.readers.depth import Window, levels, ramp
from usmm.readers.dicom.file import PixelFacts
from usmm.readers.dicom.header_values import name_of, number_of, numbers_of, word_of
from usmm.readers.dicom.lookup import first_table
from usmm.readers.errors import DataError

FUNCTIONS = ('LINEAR', 'LINEAR_EXACT', 'SIGMOID')
SHARED, PER_FRAME = 'SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence'


def grey_levels(header: Dataset, facts: PixelFacts, window: Window | None = None) -> Callable[[int], np.ndarray]:
    """What the stored values of a grey image look like, as a function of the frame.

    The steps of the standard: the modality transform (a table, or rescale slope and intercept; of the frame, of all
    frames, or of the file), then the VOI transform: the first VOI table of the file, else the first window (of the
    frame, of all frames, or of the file) with its function LINEAR, LINEAR_EXACT or SIGMOID. Without either the range of
    the stored bits, or of the modality table, becomes 0 to 255. The presentation shape, where it is stated, decides
    whether the scale is inverted, else MONOCHROME1 does, as in DCMTK.

    Args:
        header, facts: What was read of the file.
        window: (low, high): the modality values that become 0 and 255, instead of the file's VOI transform.

    Returns:
        Frame index -> (2 ** bits stored,) uint8, the level of each code.

    Raises:
        DataError: for a transform that is not complete or makes no sense; when a frame is asked for.
    """
    kept: dict[tuple[int, ...], np.ndarray] = {}
    values = stored_values(facts)

    def of_frame(frame: int) -> np.ndarray:
        shift, view = _groups(header, frame, 'PixelValueTransformationSequence', 'FrameVOILUTSequence')
        key = (id(shift), id(view))
        if key not in kept:
            kept.clear()  # frames come in order; a thousand tables would be 64 MB
            grey = _levels(values, header, shift, view, facts, window)
            kept[key] = 255 - grey if _inverted(header, facts) else grey
        return kept[key]

    return of_frame


def stored_values(facts: PixelFacts) -> np.ndarray:
    """The number that each code stands for: two's complement where values are signed."""
    values = np.arange(2**facts.stored, dtype=np.int64)
    if facts.signed:
        values[values >= 2 ** (facts.stored - 1)] -= 2**facts.stored
    return values


def _groups(header: Dataset, frame: int, *macros: str) -> tuple[Dataset, ...]:
    """The item of each functional group macro that holds for a frame, else the header (PS3.3, C.7.6.16)."""
    per_frame, shared = header.get(PER_FRAME) or (), header.get(SHARED) or ()
    found = []
    for macro in macros:
        places = [*per_frame[frame : frame + 1], *shared[:1]]
        items = [place.get(macro) for place in places]
        found.append(next((item[0] for item in items if item), header))
    return tuple(found)


def _inverted(header: Dataset, facts: PixelFacts) -> bool:
    shape = word_of(header, 'PresentationLUTShape')
    return shape == 'INVERSE' if shape in ('IDENTITY', 'INVERSE') else facts.colour == 'MONOCHROME1'


def _levels(
    values: np.ndarray, header: Dataset, shift: Dataset, view: Dataset, facts: PixelFacts, window: Window | None
) -> np.ndarray:
    numbers, low, high = _modality(values, header, shift)
    if window is not None:
        return ramp(numbers, window)
    table = first_table(header, 'VOILUTSequence', numbers)
    if table is not None:
        return levels(table(numbers) / table.top)
    shown = _windowed(numbers, view)
    if shown is not None:
        return levels(shown)
    if low is None or high is None:
        return _by_bits(values, facts, falling=bool(numbers[0] > numbers[1]) != bool(values[0] > values[1]))
    return levels((numbers - low) / (high - low))


def scale_words(header: Dataset) -> str:
    """What a file does to grey values before they are shown, in a few words; empty where it is nothing.

    Example:
        >>> header = Dataset()
        >>> header.WindowCenter, header.WindowWidth = '600', '1001'
        >>> scale_words(header)
        'window 600/1001'
    """
    words = [name for name in ('ModalityLUTSequence', 'VOILUTSequence') if header.get(name)]
    shift, view = _groups(header, 0, 'PixelValueTransformationSequence', 'FrameVOILUTSequence')
    slope, start = number_of(shift, 'RescaleSlope') or 1.0, number_of(shift, 'RescaleIntercept') or 0.0
    if (slope, start) != (1.0, 0.0):
        words.append(f'rescale {slope:g}/{start:g}')
    centres, widths = numbers_of(view, 'WindowCenter'), numbers_of(view, 'WindowWidth')
    if centres and widths and 'VOILUTSequence' not in words:
        words.append(' '.join([f'window {centres[0]:g}/{widths[0]:g}', word_of(view, 'VOILUTFunction')]).strip())
    return ', '.join(words)


def _by_bits(values: np.ndarray, facts: PixelFacts, falling: bool) -> np.ndarray:
    """The upper 8 of the stored bits, or fewer bits stretched."""
    steps = values.max() - values if falling else values - values.min()
    if facts.stored >= 8:
        return (steps >> (facts.stored - 8)).astype(np.uint8)
    return (steps * 255 // (2**facts.stored - 1)).astype(np.uint8)


def _modality(values: np.ndarray, header: Dataset, shift: Dataset) -> tuple[np.ndarray, float | None, float | None]:
    """Modality value of each code, and the range of the table where one made it."""
    table = first_table(header, 'ModalityLUTSequence', values)
    if table is not None:
        return table(values), 0.0, float(table.top)
    slope, start = number_of(shift, 'RescaleSlope'), number_of(shift, 'RescaleIntercept')
    if slope == 0:
        raise DataError(f'has {name_of("RescaleSlope")} of 0, which makes all pixels equal: correct the element')
    return values * (1.0 if slope is None else slope) + (start or 0.0), None, None


def _windowed(numbers: np.ndarray, view: Dataset) -> np.ndarray | None:
    """0 to 1 of each number by the first window (PS3.3, C.11.2.1.2 and C.11.2.1.3), or None without a window."""
    centres, widths = numbers_of(view, 'WindowCenter'), numbers_of(view, 'WindowWidth')
    if not centres and not widths:
        return None
    if len(centres) != len(widths):
        raise DataError(
            f'has {len(centres)} values of {name_of("WindowCenter")} and {len(widths)} of {name_of("WindowWidth")}, '
            'expected as many: correct the elements, or set the window yourself (window=(low, high))'
        )
    function = word_of(view, 'VOILUTFunction') or 'LINEAR'
    if function not in FUNCTIONS:
        raise DataError(
            f'has {name_of("VOILUTFunction")} of {function!r}, expected one of {", ".join(FUNCTIONS)}: correct the '
            'element, or set the window yourself (window=(low, high))'
        )
    centre, width = centres[0], widths[0]
    if width < 1 if function == 'LINEAR' else width <= 0:
        raise DataError(
            f'has {name_of("WindowWidth")} of {width:g}, which {function} cannot have: correct the element, or set the '
            'window yourself (window=(low, high))'
        )
    if function == 'SIGMOID':
        return np.asarray(1 / (1 + np.exp(np.clip(-4 * (numbers - centre) / width, -700, 700))))
    if function == 'LINEAR_EXACT':
        return (numbers - centre) / width + 0.5
    if width == 1:  # the formula's limit: a threshold
        return (numbers > centre - 0.5).astype(np.float64)
    return (numbers - (centre - 0.5)) / (width - 1) + 0.5
