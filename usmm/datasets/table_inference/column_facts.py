"""What the cells of one column are: how many are missing, whether they are numbers, dates or codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from usmm.datasets.table_inference.name_words import UNITS, unit_in
from usmm.datasets.table_inference.number_format import NumberFormat, NumberForms, format_of, forms_of, number_in
from usmm.readers import is_missing
from usmm.readers.workbook import SheetNumber

WITH_UNIT = re.compile(r'([+-]?[\d.,]*\d)\s*([^\d\s.,+-][^\d]{0,11})')
DATES = tuple(
    re.compile(pattern + r'([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?')
    for pattern in (
        r'\d{4}-\d{1,2}-\d{1,2}', r'\d{1,2}\.\d{1,2}\.\d{2,4}', r'\d{1,2}/\d{1,2}/\d{2,4}', r'\d{4}/\d{1,2}/\d{1,2}',
        r'(0?[1-9]|1[0-2])[./](19|20)\d{2}', r'(19|20)\d{2}[./-](0[1-9]|1[0-2])',  # month and year
    )
)  # fmt: skip
UNIT_WORDS = frozenset(UNITS) | {
    'm', 'dm', 'um', 'µm', 'μm', 'nm', 'mm²', 'mm2', 'mm^2', 'cm²', 'cm2', 'cm^2', 'mm³', 'mm3', 'mm^3', 'cm³',
    'cm3', 'cm^3', 'cc', 'l', 'dl', 'µl', 'μl', 'ul', 'fl', 'g', 'mg', 'µg', 'μg', 'ug', 'ng', 'kg/m²', 'kg/m2',
    '%', '°c', '°f', 'grad', 'pa', 'hpa', 'bar', 'hz', 'khz', 'mhz', 'db', 's', 'sec', 'min', 'h', 'std', 'ms',
    'm/s', 'cm/s', 'mm/s', 'bpm', '/min', '1/min', 'u/l', 'u/ml', 'iu/l', 'iu/ml', 'mg/l', 'mg/dl', 'g/l',
    'g/dl', 'ng/ml', 'ng/l', 'pg/ml', 'mmol/l', 'µmol/l', 'μmol/l', 'umol/l', 'mol/l', 'meq/l', '/µl', '/nl',
    'wk', 'wks', 'weeks', 'wochen', 'stunden', 'hours', 'minuten', 'minutes', 'pixel', 'px',
}  # fmt: skip
# codes that stand for "not measured" where no other value is below 0
CODES = frozenset({-9.0, -99.0, -999.0, -9999.0, -88.0, -77.0})
NINES = frozenset({9.0, 88.0, 99.0, 777.0, 888.0, 999.0, 8888.0, 9999.0, 99999.0, 999999.0})
BELOW_ZERO = CODES | {-1.0, -7.0, -8.0, -777.0, -888.0, -99999.0}


@dataclass(frozen=True)
class Numbers:
    """A column of numbers.

    Args:
        values: Number of each row; None: missing.
        format: What stands before the decimals, and what decided it.
        unit: Unit that stands in the cells, or None.
        with_unit: How many cells have the unit.
        codes: How many cells hold a code such as -99 that stands for a missing value, which they are here.
        unread: Cells that are not numbers, which count as missing.
        doubt: Why the numbers cannot be trusted, or None.
        thousands: Cells whose points or commas separate thousands.
    """

    values: list[float | None]
    format: NumberFormat = field(default_factory=NumberFormat)
    unit: str | None = None
    with_unit: int = 0
    codes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    doubt: str | None = None
    thousands: tuple[str, ...] = ()

    @property
    def decimal(self) -> str:
        """`point` or `comma`."""
        return self.format.decimal

    @property
    def probable_codes(self) -> Counter[float]:
        """Values that are probably codes of a missing value, though they are read as numbers -> cells.

        Such a value is 999, -1 and the like, and lies apart from all others: below zero where no other does, or above
        the others by more than they spread.
        """
        counts = Counter(value for value in self.values if value is not None)
        codes: Counter[float] = Counter()
        below = {value for value in counts if value < 0}
        if below and below <= BELOW_ZERO and below < counts.keys():
            codes.update({value: counts.pop(value) for value in sorted(below)})
        while len(counts) > 1:
            highest = max(counts)
            others = [value for value in counts if value != highest]
            often = counts[highest] >= max(4, 4 * max(counts[value] for value in others))
            if highest not in NINES or not (highest - max(others) > max(others) - min(others) or often):
                break
            codes[highest] = counts.pop(highest)
        return codes


class ColumnFacts:
    """One column of a table.

    Args:
        name: Its name.
        cells: Its cells, None where empty; words such as `NA` may stand in them.
        decimal: `point` or `comma` where a person said so; None: seen from the cells.
        table_decimal: That of the other columns of the table, where they agree.

    Example:
        >>> size = ColumnFacts('size', ['1,5', '2', None, 'NA'])
        >>> size.missing, size.distinct, size.numbers.values, size.numbers.decimal
        (2, 2, [1.5, 2.0, None, None], 'comma')
    """

    def __init__(
        self,
        name: str,
        cells: Sequence[str | None],
        decimal: str | None = None,
        table_decimal: str | None = None,
    ) -> None:
        self.name = name
        self.raw = list(cells)
        self.cells = [None if is_missing(cell) else cell for cell in cells]
        self.decimal, self.table_decimal = decimal, table_decimal

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
        return numbers_of(self.cells, self.decimal, self.table_decimal, unit_in(self.name))

    @cached_property
    def cells_with_unit(self) -> list[str]:
        """Cells that are a number with a known unit, each text once."""
        units = _without_units([cell for cell in self.cells if cell is not None])[1]
        return list(
            dict.fromkeys(text for unit, group in units.items() if unit.lower() in UNIT_WORDS for text in group)
        )

    @cached_property
    def forms(self) -> NumberForms:
        """The forms of the numbers, without units."""
        return forms_of(_without_units([cell for cell in self.cells if cell is not None])[0])

    @cached_property
    def is_number(self) -> bool:
        """Whether every cell that is not missing is a number."""
        return self.filled > 0 and not self.numbers.unread and self.numbers.doubt is None


def numbers_of(
    cells: Sequence[str | None],
    decimal: str | None = None,
    table_decimal: str | None = None,
    named_unit: str | None = None,
) -> Numbers:
    """Read cells as numbers; nothing that can be read in two ways is decided.

    Points and commas are decimals or thousands by `format_of`. A unit is taken off where all cells have the same, or
    where it is the unit in the name of the column. A code such as -99 is missing where no other value is below 0.

    Args:
        cells: The cells, None where missing.
        decimal: `point` or `comma` where it is known.
        table_decimal: That of the other columns of the table.
        named_unit: Unit in the name of the column.

    Example:
        >>> numbers_of(['12 mm', '8 mm']).unit, numbers_of(['1,5', '1.5']).doubt
        ('mm', "some numbers have a decimal comma and some a decimal point: '1,5', '1.5'")
        >>> numbers_of(['1,234', '2,000']).doubt
        "a comma may separate decimals or thousands, as in '1,234', '2,000'; --decimal says which"
        >>> numbers_of(['12', '1.2 cm', '8']).doubt
        "1 of 3 cells has a unit: '1.2 cm'; write all in one unit, or put it into the name of the column"
    """
    texts = [cell for cell in cells if cell is not None]
    plain, units = _without_units(texts)
    forms = forms_of(plain)
    form = format_of(forms, decimal, table_decimal)
    numbers = [number_in(text, form.decimal) for text in plain]
    stripped = iter(numbers)
    values = [None if cell is None else next(stripped) for cell in cells]
    unread = tuple(text for text, number in zip(texts, numbers) if number is None)
    sign = ',' if form.decimal == 'point' else '.'
    thousands = tuple(
        t for t, n in zip(plain, numbers) if n is not None and sign in t and not isinstance(t, SheetNumber)
    )
    values, codes = _without_codes(cells, values)
    doubt = _doubt_of_units(units, len(texts), named_unit) or form.doubt
    return Numbers(
        values, form, next(iter(units)) if len(units) == 1 else None, sum(map(len, units.values())), codes, unread,
        doubt if 2 * forms.share > 1 else None, thousands,
    )  # fmt: skip


def _without_units(texts: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """The cells without their units, and unit -> its cells.

    An ending is a unit where it is a known one, or where most cells have it: the letter of `4a` is none.
    """
    units: dict[str, list[str]] = {}
    plain = []
    parts = [WITH_UNIT.fullmatch(text) for text in texts]
    endings = Counter(_unit(match[2]) for match in parts if match)
    many = endings.total() > len(texts) / 2
    for text, match in zip(texts, parts):
        unit = _unit(match[2]) if match else ''
        if match and (unit.lower() in UNIT_WORDS or endings[unit] == len(texts) or (many and len(endings) > 1)):
            units.setdefault(unit, []).append(text)
            plain.append(match[1])
        else:
            plain.append(text)
    return plain, units


def _unit(text: str) -> str:
    return UNITS.get(text.strip().lower(), text.strip())


def _doubt_of_units(units: Mapping[str, Sequence[str]], cells: int, named: str | None) -> str | None:
    """Why the units of some cells leave their numbers in doubt, or None."""
    if not units:
        return None
    shown = ', '.join(repr(text) for group in units.values() for text in list(dict.fromkeys(group))[:3])
    if len(units) > 1:
        return f'the cells have different units: {", ".join(sorted(units)[:5])}, as in {shown}'
    ((unit, group),) = units.items()
    if named is not None and named != unit:
        return f'the name of the column has the unit {named!r}, {len(group)} of {cells} cells have {unit!r}: {shown}'
    if len(group) < cells and named is None:
        verb = 'has' if len(group) == 1 else 'have'
        return (
            f'{len(group)} of {cells} cells {verb} a unit: {shown}; write all in one unit, or put it into the name of '
            'the column'
        )
    return None


def _without_codes(
    cells: Sequence[str | None], values: Sequence[float | None]
) -> tuple[list[float | None], tuple[str, ...]]:
    """The values with codes taken as missing, and the codes as they are written, one for each cell."""
    below = {value for value in values if value is not None and value < 0}
    if not below or not below <= CODES or all(value in below for value in values if value is not None):
        return list(values), ()
    codes = tuple(str(cell) for cell, value in zip(cells, values) if value in below)
    return [None if value in below else value for value in values], codes
