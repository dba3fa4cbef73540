"""Outlines that a data set brings as JSON or XML -> masks. Nothing in these files is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import cv2
import numpy as np
import numpy.typing as npt
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from usmm.datasets.converters.cells import Made
from usmm.readers import DataError, read_image, read_mask
from usmm.utils.json_types import JsonValue
from usmm.utils.plain_json import read_plain_json

MAX_BYTES = 4 * 2**20
"""Bytes of one file of outlines; those of the known data sets have some thousand."""

Outline = npt.NDArray[np.float64]


def read_json(path: Path, case: str) -> JsonValue:
    """The content of a JSON file. Raises DataError where it is none, is missing or too large."""
    try:
        text = _content(path, case).decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise DataError(f'is no UTF-8 text ({error})', file=path, case=case) from error
    return parse_json(text, path, case)


def parse_json(text: str, path: Path, case: str) -> JsonValue:
    """The content of a JSON text that stands in a file. Raises DataError where it is none."""
    try:
        return read_plain_json(text, MAX_BYTES)
    except ValueError as error:
        raise DataError(f'no readable JSON ({error})', file=path, case=case) from error


def read_xml(path: Path, case: str) -> Element:
    """The root of an XML file; one with a DTD or entities is refused. Raises DataError where it cannot be used."""
    try:
        root: Element = fromstring(_content(path, case), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise DataError(f'no XML that is safe to read ({error})', file=path, case=case) from error
    return root


def outlines_of(value: JsonValue, path: Path, case: str) -> list[Outline]:
    """Outlines from `[[x, y], ...]`, or a list of such, or a list of `{"points": [{"x": x, "y": y}, ...]}`.

    Args:
        value: Content of a JSON file.
        path, case: For messages.

    Returns:
        Arrays (N, 2) of x and y in pixels.

    Raises:
        DataError: Another form, fewer than three points, or a coordinate that is no number.

    Example:
        >>> [o.tolist() for o in outlines_of([[0, 0], [4, 0], [4, 3]], Path('1.json'), '1')]
        [[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]]]
    """
    items = value if isinstance(value, list) else []
    marks = [item.get('points') for item in items if isinstance(item, dict)]
    if marks and len(marks) == len(items):
        parts = marks
    else:
        parts = items if _nested(value) else [value]
    return [_outline(part, path, case) for part in parts]


def outline_mask(outlines: Iterable[Outline], size: tuple[int, int], path: Path, case: str) -> npt.NDArray[np.bool_]:
    """(H, W) pixels inside of any outline, the line itself included.

    Args:
        outlines: Arrays (N, 2) of x and y.
        size: Width and height of the image.
        path, case: For messages.

    Raises:
        DataError: An outline that lies far outside of the image, or has no pixel in it.
    """
    mask = np.zeros(size[::-1], np.uint8)
    for outline in outlines:
        low, high = outline.min(0), outline.max(0)
        far = (low < -np.array(size)).any() or (high > 2 * np.array(size)).any()
        if far or (high < 0).any() or (low >= size).any():
            box = [round(float(v)) for v in (*low, *high)]
            raise DataError(f'an outline from {box} lies outside of the image of {size} pixels', file=path, case=case)
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)  # each by itself: where two overlap, both count
    return mask.astype(bool)


def image_size(path: Path, case: str) -> tuple[int, int]:
    """Width and height of an image file. Raises DataError, with the case, where it is missing or unreadable."""
    try:
        height, width = read_image(path).shape[:2]
    except DataError as error:
        raise error.at(case=case) from error
    return width, height


def mask_file(mask: npt.NDArray[np.bool_], name: str) -> Made:
    """A cell with a mask as PNG of 0 and 255."""
    return Made(f'{name}.png', cv2.imencode('.png', mask.astype(np.uint8) * 255)[1].tobytes())


def united_masks(paths: Sequence[Path], size: tuple[int, int], case: str) -> npt.NDArray[np.bool_]:
    """Every pixel that one of the mask files holds. Raises DataError where one has not the size of the image."""
    united = np.zeros(size[::-1], bool)
    for path in paths:
        try:
            mask = read_mask(path)
        except DataError as error:
            raise error.at(case=case) from error
        if mask.shape != united.shape:
            raise DataError(f'a mask of {mask.shape[::-1]} pixels for an image of {size}', file=path, case=case)
        united |= mask
    return united


def _content(path: Path, case: str) -> bytes:
    if not path.is_file():
        raise DataError('the file is missing', file=path, case=case)
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f'more than {MAX_BYTES} bytes of outlines', file=path, case=case)
    return path.read_bytes()


def _nested(value: JsonValue) -> bool:
    """Whether a list holds outlines rather than points."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, list) and bool(first) and isinstance(first[0], (list, dict))


def _outline(value: JsonValue, path: Path, case: str) -> Outline:
    points = value if isinstance(value, list) else []
    pairs = [[p.get('x'), p.get('y')] if isinstance(p, dict) else p for p in points]
    good = all(isinstance(p, list) and len(p) == 2 and all(_is_number(v) for v in p) for p in pairs)
    if not good or len(pairs) < 3:
        raise DataError('expected an outline of at least three points with numbers x and y', file=path, case=case)
    return np.array(pairs, np.float64)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6
