"""Numbers of a DICOM header; an error names the element, its tag and its value."""

from __future__ import annotations

import math

import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag

from usmm.readers.errors import DataError


def name_of(keyword: str) -> str:
    """Keyword and tag of an element, for messages.

    Example:
        >>> name_of('FrameTime')
        'FrameTime (0018,1063)'
    """
    tag = Tag(tag_for_keyword(keyword) or 0)
    return f'{keyword} ({tag.group:04x},{tag.element:04x})'


def numbers_of(item: Dataset, keyword: str) -> tuple[float, ...]:
    """The values of an element; none where it is absent, empty or holds blanks alone (PS3.5, 6.2: blanks are padding).

    Args:
        item: A dataset or an item of a sequence.
        keyword: The element.

    Raises:
        DataError: if a value is not a finite number, such as one with a decimal comma.
    """
    text = _text(item, keyword)
    if text is not None:
        parts = text.split('\\') if text.strip(' \0\\') else []
    else:
        value = item.get(keyword)
        parts = [] if value is None else [str(part) for part in np.ravel(value)]
    numbers = [_number(part) for part in parts]
    if any(number is None for number in numbers):
        shown = '\\'.join(part.strip(' \0') for part in parts)
        raise DataError(
            f"has {name_of(keyword)} of '{shown}', expected finite numbers with a decimal point: correct the element"
        )
    return tuple(number for number in numbers if number is not None)


def number_of(item: Dataset, keyword: str) -> float | None:
    """The first value of an element, or None; as `numbers_of`."""
    numbers = numbers_of(item, keyword)
    return numbers[0] if numbers else None


def integer_of(item: Dataset, keyword: str) -> int | None:
    """The value of an element that must be a whole number, or None where it is absent or empty.

    Raises:
        DataError: if it is not a whole number, or more than one.
    """
    numbers = numbers_of(item, keyword)
    if len(numbers) > 1:
        raise DataError(f'has {name_of(keyword)} with {len(numbers)} values, expected one: correct the element')
    number = numbers[0] if numbers else None
    if number is not None and number != int(number):
        raise DataError(f'has {name_of(keyword)} of {number:g}, expected a whole number: correct the element')
    return None if number is None else int(number)


def word_of(item: Dataset, keyword: str) -> str:
    """The first text of an element in capitals; empty where it is absent."""
    value = item.get(keyword)
    return '' if value is None else str(np.ravel(value)[0] if np.size(value) else '').strip().upper()


def _number(text: str) -> float | None:
    try:
        number = float(text.strip(' \0'))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _text(item: Dataset, keyword: str) -> str | None:
    """A text value as it is stored: pydicom's own conversion raises errors that name no element, and keeps none."""
    if keyword not in item:
        return None
    element = item.get_item(keyword)
    value = getattr(element, 'value', None)
    if getattr(element, 'VR', None) in ('DS', 'IS', None) and isinstance(value, bytes):
        tag = tag_for_keyword(keyword)
        if getattr(element, 'VR', None) is None and tag not in TEXTS:
            return None  # without types in the file: binary, unless it is one of these
        return value.decode('ascii', 'replace')
    return None


TEXTS = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        'FrameTimeVector', 'FrameTime', 'CineRate', 'RecommendedDisplayFrameRate', 'PixelSpacing',
        'NominalScannedPixelSpacing', 'WindowCenter', 'WindowWidth', 'RescaleSlope', 'RescaleIntercept',
        'NumberOfFrames',
    )
)  # fmt: skip
"""Elements whose numbers are text (types DS and IS), for files that state no types."""
