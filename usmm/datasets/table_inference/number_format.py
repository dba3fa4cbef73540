"""Decimals and thousands: which of point and comma stands for which, decided by the cells of the whole table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usmm.readers.workbook import SheetNumber

POINT = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')
COMMA = re.compile(r'[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?')
COMMAS_OF_THOUSANDS = re.compile(r'[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?')
DOTTED = re.compile(r'[+-]?[1-9]\d{0,2}\.\d{3}')  # 3.400: 3.4 or 3400
GROUPED = re.compile(r'[+-]?[1-9]\d{0,2},\d{3}')  # 3,400
MOSTLY = 0.8  # share of the cells of a column that are numbers, from which it has a say in the format of the table
SHOWN = 3


@dataclass(frozen=True)
class NumberForms:
    """The forms of the numbers of a column, an example of each kind, in the order of the cells.

    Args:
        commas: Cells whose comma stands before decimals, without doubt: `3,4`, `1.234,5`, `1.234.567`.
        points: Cells whose point stands before decimals, without doubt: `3.4`, `1,234.5`, `1,234,567`.
        dotted: Cells such as `3.400`, whose point stands before decimals or before thousands.
        grouped: Cells such as `3,400`.
        thousands: Whether a cell such as `1.234,5` or `1,234,567` shows that thousands are separated.
        share: Share of the cells that are numbers.

    Example:
        >>> forms = forms_of(['3,4', '2.500', 'x'])
        >>> forms.commas, forms.dotted, forms.votes
        (('3,4',), ('2.500',), 'comma')
    """

    commas: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    dotted: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    thousands: bool = False
    share: float = 0.0

    @property
    def votes(self) -> str | None:
        """`'point'` or `'comma'` where the cells leave no doubt, else None."""
        if bool(self.commas) == bool(self.points):
            return None
        return 'comma' if self.commas else 'point'


@dataclass(frozen=True)
class NumberFormat:
    """What stands before the decimals of a column.

    Args:
        decimal: `'point'` or `'comma'`.
        by: What decided it: `'cells'` of the column, `'table'` (its other columns), `'stated'` (--decimal) or `'none'`.
        doubt: Why it cannot be decided, or None.
        undecided: Whether --decimal would decide it.
    """

    decimal: str = 'point'
    by: str = 'none'
    doubt: str | None = None
    undecided: bool = False


def forms_of(texts: Sequence[str]) -> NumberForms:
    """The forms of the numbers among some cells; a number that a workbook holds as one has no form."""
    typed = [text for text in texts if isinstance(text, SheetNumber)]
    plain = [text for text in texts if not isinstance(text, SheetNumber)]
    dotted = tuple(text for text in plain if DOTTED.fullmatch(text))
    grouped = tuple(text for text in plain if GROUPED.fullmatch(text))
    rest = [text for text in plain if not DOTTED.fullmatch(text) and not GROUPED.fullmatch(text)]
    # with several points, or a point before a comma, the points separate thousands, and a comma would be decimal
    commas = tuple(t for t in rest if COMMA.fullmatch(t) and (',' in t or t.count('.') > 1))
    points = tuple(t for t in rest if ('.' in t and POINT.fullmatch(t)) or COMMAS_OF_THOUSANDS.fullmatch(t))
    numbers = [t for t in plain if POINT.fullmatch(t) or COMMA.fullmatch(t) or COMMAS_OF_THOUSANDS.fullmatch(t)]
    return NumberForms(
        commas,
        points,
        dotted,
        grouped,
        any('.' in t for t in commas) or any(',' in t for t in points),
        (len(numbers) + len(typed)) / max(len(texts), 1),
    )


def table_decimal(columns: Iterable[NumberForms]) -> str | None:
    """What stands before the decimals in all columns that show it; None where none does, or they differ.

    Args:
        columns: The forms of each column.

    Example:
        >>> table_decimal([forms_of(['3,4', '5']), forms_of(['3.400', '250.000'])])
        'comma'
        >>> table_decimal([forms_of(['3,4', '5']), forms_of(['3.4'])]) is None
        True
    """
    votes = {forms.votes for forms in columns if forms.share >= MOSTLY} - {None}
    return votes.pop() if len(votes) == 1 else None


def format_of(forms: NumberForms, stated: str | None = None, table: str | None = None) -> NumberFormat:
    """The format of a column: by its own cells; where these are in doubt as stated, else as in the rest of the table.

    Args:
        forms: The forms of its cells.
        stated: `point` or `comma` as a person stated it for the table, or None.
        table: That of the table, see `table_decimal`, or None.

    Example:
        >>> format_of(forms_of(['3.400']), table='comma').decimal
        'comma'
        >>> format_of(forms_of(['3.400'])).doubt
        "a point may separate decimals or thousands, as in '3.400'; --decimal says which"
    """
    if forms.commas and forms.points:
        text = f'some numbers have a decimal comma and some a decimal point: {_some(forms.commas, forms.points)}'
        return NumberFormat(doubt=text)
    own = forms.votes
    if own is None and forms.dotted and forms.grouped:
        text = f'points and commas may separate decimals or thousands: {_some(forms.dotted, forms.grouped)}'
        return NumberFormat(stated or 'point', 'stated', None if stated else text, stated is None)
    if own is not None:
        clear, other = (forms.commas, forms.dotted) if own == 'comma' else (forms.points, forms.grouped)
        if other and not forms.thousands and stated != own:
            text = f'cells such as {_some(other)} may have decimals or thousands beside {_some(clear)}'
            return NumberFormat(own, 'cells', f'{text}; --decimal {own} reads thousands', stated is None)
        return NumberFormat(own, 'cells')
    unclear = forms.dotted or forms.grouped
    if not unclear:
        return NumberFormat(stated or 'point')
    if stated is not None or table is not None:
        return NumberFormat(stated or table or 'point', 'stated' if stated else 'table')
    sign = 'point' if forms.dotted else 'comma'
    text = f'a {sign} may separate decimals or thousands, as in {_some(unclear)}; --decimal says which'
    return NumberFormat(doubt=text, undecided=True)


def number_in(text: str, decimal: str) -> float | None:
    """The number of a cell, or None where it is not one.

    Args:
        text: The cell, without a unit.
        decimal: `point` or `comma`.

    Example:
        >>> number_in('3.400', 'comma'), number_in('3.400', 'point'), number_in('1,234.5', 'point')
        (3400.0, 3.4, 1234.5)
    """
    if isinstance(text, SheetNumber):
        return float(text)
    if decimal == 'comma' and COMMA.fullmatch(text):
        return float(text.replace('.', '').replace(',', '.'))
    if decimal == 'point' and COMMAS_OF_THOUSANDS.fullmatch(text):
        return float(text.replace(',', ''))
    return float(text) if POINT.fullmatch(text) else None


def _some(*groups: Sequence[str]) -> str:
    return ', '.join(repr(str(text)) for group in groups for text in dict.fromkeys(group[:SHOWN]))
