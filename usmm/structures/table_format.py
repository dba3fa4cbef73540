"""How a table is written: its sheet, the rows above the header, the form of its numbers, the words for missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from usmm.structures.settings import Settings, known_arguments

MISSING_WORDS = frozenset(
    {'', 'na', 'n/a', 'nan', 'none', 'null', 'not available', 'not applicable', 'missing', '-', '?'}
)
SHEET_ERRORS = frozenset({'#n/a', '#null!', '#div/0!', '#value!', '#ref!', '#name?', '#num!'})
DECIMALS = ('.', ',')
THOUSANDS = (None, '.', ',', ' ', "'")
NUMBER = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')


@dataclass(frozen=True)
class TableFormat:
    """How a case table is written, where that differs from the usual.

    Args:
        sheet: Name of the sheet of a workbook; None: the first that is not hidden.
        skip_rows: Rows above the names of the columns, such as a title.
        decimal: `'.'` or `','`, before the decimals of numbers that are written as text.
        thousands: Between groups of three digits: `'.'`, `','`, `' '` or `"'"`; None: numbers have no such mark.
        missing_words: Words that mean a missing value, upper and lower case alike; None: `MISSING_WORDS`. An empty cell
            is always missing. A word that the schema declares as a category or a class is never missing.
        fill_down: Columns whose empty cells have the value of the cell above, as those of merged cells.

    Raises:
        ValueError: Another mark, the same for both, or a negative number of rows.

    Example:
        >>> TableFormat(decimal=',', thousands='.').number('1.234,5')
        1234.5
    """

    sheet: str | None = None
    skip_rows: int = 0
    decimal: str = '.'
    thousands: str | None = None
    missing_words: Sequence[str] | None = None
    fill_down: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.decimal not in DECIMALS:
            raise ValueError(f'decimal of a table must be one of {list(DECIMALS)}, got {self.decimal!r}')
        if self.thousands not in THOUSANDS or self.thousands == self.decimal:
            marks = [mark for mark in THOUSANDS if mark != self.decimal]
            raise ValueError(f'thousands of a table must be one of {marks}, got {self.thousands!r}')
        if not isinstance(self.skip_rows, int) or self.skip_rows < 0:
            raise ValueError(f'skip_rows of a table must be a whole number of 0 or more, got {self.skip_rows!r}')
        for name in ('missing_words', 'fill_down'):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ValueError(f'{name} of a table must be a list of texts, got the text {value!r}')
            if value is not None:
                object.__setattr__(self, name, tuple(str(item) for item in value))

    @classmethod
    def of(cls, value: TableFormat | Settings | None) -> TableFormat:
        """A format from itself, from a config's dict, or the usual one of None.

        Raises:
            ValueError: An unknown key, or what `TableFormat` refuses.
        """
        if isinstance(value, TableFormat):
            return value
        known = [f.name for f in fields(cls)]
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(f'the format of a table must be a dict with some of the keys {known}, got {value!r}')
        return cls(**known_arguments(value or {}, known, 'the format of a table'))

    def is_missing(self, text: str | None) -> bool:
        """Whether a cell means that nothing is known: empty, a word for missing, or a spreadsheet's error."""
        if text is None:
            return True
        word = text.strip().lower()
        words = MISSING_WORDS if self.missing_words is None else {w.strip().lower() for w in self.missing_words}
        if not word or word in words or word in SHEET_ERRORS:
            return True
        # a code such as -99 is one as -99.0 too
        return bool(self.missing_words) and NUMBER.fullmatch(word) is not None and float(word) in _numbers_of(words)

    def number(self, text: str) -> float | None:
        """The number that a text stands for, or None where it is none in this format.

        Args:
            text: A cell, stripped.
        """
        plain = text
        if self.thousands is not None and self.thousands in plain:
            whole, mark, decimals = plain.partition(self.decimal)
            groups = whole.lstrip('+-').split(self.thousands)
            # a group of zeros before others is no thousand: 0.123 is a fraction in another notation
            if not 1 <= len(groups[0]) <= 3 or groups[0][0] == '0' or any(len(group) != 3 for group in groups[1:]):
                return None
            plain = whole.replace(self.thousands, '') + mark + decimals
        if self.decimal == ',':
            if '.' in plain:
                return None
            plain = plain.replace(',', '.')
        return float(plain) if NUMBER.fullmatch(plain) else None

    @property
    def example(self) -> str:
        """How a number with decimals is written, for messages."""
        return f'with a decimal {"comma" if self.decimal == "," else "point"}'


def _numbers_of(words: Collection[str]) -> set[float]:
    """The words that are numbers."""
    return {float(word) for word in words if NUMBER.fullmatch(word)}
