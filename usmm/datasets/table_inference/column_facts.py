"""What the cells of one column are: how many are missing, whether they are numbers, dates or codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from usmm.readers import is_missing

POINT = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')
COMMA = re.compile(r'[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?')
THOUSANDS = re.compile(r'[+-]?\d{1,3}(,\d{3})+')
WITH_UNIT = re.compile(r'([+-]?[\d.,]*\d)\s*([^\d\s.,+-][^\d]{0,11})')
DATES = tuple(
    re.compile(pattern + r'([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?')
    for pattern in (
        r'\d{4}-\d{1,2}-\d{1,2}', r'\d{1,2}\.\d{1,2}\.\d{2,4}', r'\d{1,2}/\d{1,2}/\d{2,4}', r'\d{4}/\d{1,2}/\d{1,2}',
    )
)  # fmt: skip
# codes that stand for "not measured" where no other value is below 0
CODES = frozenset({-9.0, -99.0, -999.0, -9999.0, -88.0, -77.0})
DECIMALS = ('point', 'comma')


@dataclass(frozen=True)
class Numbers:
    """A column of numbers.

    Args:
        values: Number of each row; None: missing.
        decimal: `point` or `comma`, as the cells have it.
        unit: Unit that stands in the cells, or None.
        codes: How many cells hold a code such as -99 that stands for a missing value, which they are here.
        unread: Cells that are not numbers, which count as missing.
        doubt: Why the numbers cannot be trusted, or None.
    """

    values: list[float | None]
    decimal: str = 'point'
    unit: str | None = None
    codes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    doubt: str | None = None


class ColumnFacts:
    """One column of a table.

    Args:
        name: Its name.
        cells: Its cells, None where empty; words such as `NA` may stand in them.
        decimal: `point` or `comma` where a person said so; None: seen from the cells.

    Example:
        >>> size = ColumnFacts('size', ['1,5', '2', None, 'NA'])
        >>> size.missing, size.distinct, size.numbers.values, size.numbers.decimal
        (2, 2, [1.5, 2.0, None, None], 'comma')
    """

    def __init__(self, name: str, cells: Sequence[str | None], decimal: str | None = None) -> None:
        self.name = name
        self.raw = list(cells)
        self.cells = [None if is_missing(cell) else cell for cell in cells]
        self.decimal = decimal

    @cached_property
    def counts(self) -> Counter[str]:
        """Text -> number of cells, missing ones left out."""
        return Counter(cell for cell in self.cells if cell is not None)

    @property
    def missing(self) -> int:
        """Number of missing cells."""
        return len(self.cells) - self.counts.total()

    @property
    def missing_words(self) -> Counter[str]:
        """Words that stand for a missing value -> number of cells; empty cells left out."""
        return Counter(raw for raw, cell in zip(self.raw, self.cells) if cell is None and raw is not None)

    @property
    def distinct(self) -> int:
        """Number of different texts."""
        return len(self.counts)

    @property
    def filled(self) -> int:
        """Number of cells that are not missing."""
        return self.counts.total()

    @property
    def is_unique(self) -> bool:
        """Whether no text occurs twice."""
        return self.distinct == self.filled > 0

    @cached_property
    def is_date(self) -> bool:
        """Whether the cells are dates."""
        return self.filled > 0 and any(all(p.fullmatch(text) for text in self.counts) for p in DATES)

    @cached_property
    def numbers(self) -> Numbers:
        """The cells as numbers, see `numbers_of`."""
        return numbers_of(self.cells, self.decimal)

    @cached_property
    def is_number(self) -> bool:
        """Whether every cell that is not missing is a number."""
        return self.filled > 0 and not self.numbers.unread and self.numbers.doubt is None


def numbers_of(cells: Sequence[str | None], decimal: str | None = None) -> Numbers:
    """Read cells as numbers; nothing that can be read in two ways is decided.

    A comma is a decimal comma where the cells have commas and cannot all be thousands. A unit is taken off where all
    cells that have one have the same. A code such as -99 is missing where no other value is below 0.

    Args:
        cells: The cells, None where missing.
        decimal: `point` or `comma` where it is known.

    Example:
        >>> numbers_of(['12 mm', '8 mm']).unit, numbers_of(['1,5', '1.5']).doubt
        ('mm', 'some numbers have a decimal comma and some a decimal point')
        >>> numbers_of(['1,234', '2,000']).doubt
        'a comma may separate decimals or thousands; --decimal says which'
    """
    texts = [cell for cell in cells if cell is not None]
    parts = [WITH_UNIT.fullmatch(text) for text in texts]
    units = {match[2].strip() for match in parts if match}
    unit = next(iter(units)) if len(units) == 1 else None
    plain = [match[1] if match and unit else text for text, match in zip(texts, parts)]
    commas = [text for text in plain if ',' in text and COMMA.fullmatch(text)]
    points = [text for text in plain if '.' in text and POINT.fullmatch(text)]
    doubt = None
    if len(units) > 1 and sum(match is not None for match in parts) > len(texts) / 2:
        doubt = f'the cells have different units: {", ".join(sorted(units)[:5])}'
    elif commas and points and any(not COMMA.fullmatch(text) for text in points):
        doubt = 'some numbers have a decimal comma and some a decimal point'
    elif commas and decimal is None and all(THOUSANDS.fullmatch(text) for text in commas):
        doubt = 'a comma may separate decimals or thousands; --decimal says which'
    chosen = decimal or ('comma' if commas else 'point')
    stripped = iter(plain)
    values: list[float | None] = []
    unread: list[str] = []
    for cell in cells:
        value = None if cell is None else _number(next(stripped), chosen)
        values.append(value)
        if cell is not None and value is None:
            unread.append(cell)
    values, codes = _without_codes(cells, values)
    return Numbers(values, chosen, unit, codes, tuple(unread), doubt)


def _number(text: str, decimal: str) -> float | None:
    if decimal == 'comma' and COMMA.fullmatch(text):
        return float(text.replace('.', '').replace(',', '.'))
    if decimal == 'point' and THOUSANDS.fullmatch(text):
        return float(text.replace(',', ''))
    return float(text) if POINT.fullmatch(text) else None


def _without_codes(
    cells: Sequence[str | None], values: Sequence[float | None]
) -> tuple[list[float | None], tuple[str, ...]]:
    """The values with codes taken as missing, and the codes as they are written, one for each cell."""
    below = {value for value in values if value is not None and value < 0}
    if not below or not below <= CODES or all(value in below for value in values if value is not None):
        return list(values), ()
    codes = tuple(str(cell) for cell, value in zip(cells, values) if value in below)
    return [None if value in below else value for value in values], codes
