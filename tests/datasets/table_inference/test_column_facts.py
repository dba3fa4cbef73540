from __future__ import annotations

import pytest

from usmm.datasets.table_inference.column_facts import ColumnFacts, numbers_of
from usmm.readers.workbook import SheetNumber


@pytest.mark.parametrize(
    ('cells', 'values', 'decimal'),
    [
        (['1.5', '2', '.5', '-3e2'], [1.5, 2, 0.5, -300], 'point'),
        (['1,5', '2', '12,25'], [1.5, 2, 12.25], 'comma'),
        (['1.234,5', '2'], [1234.5, 2], 'comma'),
        (['1,5', None, '3'], [1.5, None, 3], 'comma'),
        (['12 mm', '8mm', '3 MM'], [12, 8, 3], 'point'),
        (['1,234.5', '1,200'], [1234.5, 1200], 'point'),
        (['1.234.567', '2.500'], [1234567, 2500], 'comma'),
        (['0.123', '3.400'], [0.123, 3.4], 'point'),
        (['0,123', '3,400'], [0.123, 3.4], 'comma'),
        (['1,5 cm', '2,25 cm'], [1.5, 2.25], 'comma'),
    ],
)
def test_forms_of_numbers(cells, values, decimal) -> None:
    numbers = numbers_of(cells)
    assert (numbers.values, numbers.decimal, numbers.unread, numbers.doubt) == (values, decimal, (), None)


@pytest.mark.parametrize(
    ('cells', 'doubt'),
    [
        (['1,234', '2,500'], "a comma may separate decimals or thousands, as in '1,234', '2,500'; --decimal says"),
        (['3.400', '250.000'], "a point may separate decimals or thousands, as in '3.400', '250.000'; --decimal says"),
        (['1,5', '2.25'], "some numbers have a decimal comma and some a decimal point: '1,5', '2.25'"),
        (['3.400', '3,400'], "points and commas may separate decimals or thousands: '3.400', '3,400'"),
        (['2,5', '3.400'], "cells such as '3.400' may have decimals or thousands beside '2,5'; --decimal comma"),
        (['2.5', '3,400'], "cells such as '3,400' may have decimals or thousands beside '2.5'; --decimal point"),
        (['1 mm', '2 cm', '3 mm'], "the cells have different units: cm, mm, as in '1 mm', '3 mm', '2 cm'"),
        (['12', '1.2 cm', '9', '7'], "1 of 4 cells has a unit: '1.2 cm'; write all in one unit, or put it into"),
        (['12', '1.2 cm', '9', '7mm'], "the cells have different units: cm, mm, as in '1.2 cm', '7mm'"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_not_decided(cells, doubt) -> None:
    assert str(numbers_of(cells).doubt).startswith(doubt)
    assert not ColumnFacts('x', cells).is_number


def test_a_person_decides_what_a_comma_is() -> None:
    assert numbers_of(['1,234', '2,500'], 'comma').values == [1.234, 2.5]
    assert numbers_of(['1,234', '2,500'], 'point').values == [1234, 2500]


def test_the_other_columns_decide_what_a_point_is() -> None:
    assert numbers_of(['3.400', '250.000'], None, 'comma').values == [3400, 250000]
    assert numbers_of(['3.400', '250.000'], None, 'point').values == [3.4, 250]
    assert numbers_of(['1,234'], None, 'comma').values == [1.234]
    assert numbers_of(['2.5', '3.400'], None, 'comma').values == [2.5, 3.4]  # its own cells are without doubt
    assert numbers_of(['3.400'], 'point', 'comma').values == [3.4]
    assert numbers_of(['2,5', '3.400'], 'comma').values == [2.5, 3400]
    assert numbers_of(['3.400', '3,400'], 'comma').values == [3400, 3.4]


def test_a_number_of_a_workbook_has_a_decimal_point() -> None:
    cells = [SheetNumber('3.125'), '2,5']
    assert numbers_of(cells).values == numbers_of(cells, 'comma').values == [3.125, 2.5]
    assert numbers_of(cells).thousands == ()


def test_a_unit_in_the_name_of_the_column() -> None:
    assert ColumnFacts('size (cm)', ['1.2 cm', '3']).numbers.values == [1.2, 3]
    doubt = ColumnFacts('size_mm', ['1.2 cm', '3']).numbers.doubt
    assert doubt == "the name of the column has the unit 'mm', 1 of 2 cells have 'cm': '1.2 cm'"


def test_a_letter_behind_a_number_is_not_a_unit() -> None:
    numbers = numbers_of(['4a', '4', '3', '4', '3', '3'])
    assert (numbers.unread, numbers.unit, numbers.doubt) == (('4a',), None, None)


@pytest.mark.parametrize(
    ('cells', 'codes'),
    [
        ([41, 52, 67, 999, 999], {999: 2}), ([0, 1, 2, -1], {-1: 1}), ([3, 5, 999, 9999], {999: 1, 9999: 1}),
        ([0, 1, 1, 0, 9], {9: 1}), ([41, 72, 88, 99, *[99] * 4], {99: 5}), ([41, 72, 99], {}), ([-1, -2, 5], {}),
        ([1, 2, 3], {}), ([999], {}), ([-9, -1, 4], {-9: 1, -1: 1}),
    ],
)  # fmt: skip
def test_probable_codes_of_missing_values(cells, codes) -> None:
    assert numbers_of([str(cell) for cell in cells]).probable_codes == codes


def test_codes_below_zero_are_missing_where_nothing_else_is_below_zero() -> None:
    numbers = numbers_of(['5', '-99', '7', '-99.0'])
    assert numbers.values == [5, None, 7, None] and numbers.codes == ('-99', '-99.0')
    assert numbers_of(['5', '-99', '-3']).values == [5, -99, -3]
    assert numbers_of(['-9', '-99']).values == [-9, -99]


def test_cells_that_are_not_numbers_are_named() -> None:
    numbers = numbers_of(['5', '<0.5', '7'])
    assert numbers.values == [5, None, 7] and numbers.unread == ('<0.5',)


@pytest.mark.parametrize(
    'text', ['2024-02-28', '28.02.2024', '2/28/24', '2024-02-28 10:30', '2024-02-28T10:30:15.5', '02.2024', '2024/02']
)
def test_dates(text) -> None:
    assert ColumnFacts('x', [text, None]).is_date
    assert not ColumnFacts('x', [text, 'soon']).is_date


def test_missing_cells_and_words() -> None:
    fact = ColumnFacts('x', ['a', None, 'NA', 'not available', 'a'])
    assert (fact.missing, fact.filled, fact.distinct, fact.is_unique) == (3, 2, 1, False)
    assert fact.missing_words == {'NA': 1, 'not available': 1}
