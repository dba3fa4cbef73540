"""A box around a lesion, as a cell of a table has it."""

from __future__ import annotations

import re
from collections.abc import Sequence

Box = tuple[int, int, int, int]
SEPARATORS = re.compile(r'\s*[,;]\s*|\s+')


def read_box(value: str | Sequence[float | str]) -> Box:
    """A box from a cell or from four numbers; parts of a pixel are rounded.

    Args:
        value: `x0,y0,x1,y1` in pixels of the image, the ends x1 and y1 excluded; `;` or blanks may stand for `,`.

    Returns:
        x0, y0, x1, y1.

    Raises:
        ValueError: Not four numbers, or no pixel inside.

    Example:
        >>> read_box('10, 20, 110, 90'), read_box('10 20 110 90'), read_box([10, 20.0, 110, 90])
        ((10, 20, 110, 90), (10, 20, 110, 90), (10, 20, 110, 90))
    """
    try:
        parts = SEPARATORS.split(value.strip()) if isinstance(value, str) else list(value)
        numbers = [round(float(part)) for part in parts]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f'a box is four numbers, x0,y0,x1,y1, got {value!r}') from error
    if len(numbers) != 4:
        raise ValueError(f'a box is four numbers, x0,y0,x1,y1, got {value!r}')
    x0, y0, x1, y1 = numbers
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f'a box x0,y0,x1,y1 needs x0 < x1 and y0 < y1, got {value!r}')
    return x0, y0, x1, y1


def outside(box: Sequence[int], width: int, height: int) -> str | None:
    """What to say of a box that leaves its image, or None where it does not.

    Example:
        >>> outside((0, 0, 8, 6), 8, 6) is None, outside((0, 0, 9, 6), 8, 6)
        (True, 'the box 0,0,9,6 leaves its image of 8x6 (width x height)')
    """
    x0, y0, x1, y1 = box
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return None
    return f'the box {x0},{y0},{x1},{y1} leaves its image of {width}x{height} (width x height)'
