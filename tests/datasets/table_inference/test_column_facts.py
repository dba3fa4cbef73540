from __future__ import annotations

import pytest

from usmm.datasets.table_inference.column_facts import ColumnFacts, numbers_of


@pytest.mark.parametrize(
    ('cells', 'values', 'decimal'),
    [
        (['1.5', '2', '.5', '-3e2'], [1.5, 2, 0.5, -300], 'point'),
        (['1,5', '2', '12,25'], [1.5, 2, 12.25], 'comma'),
        (['1.234,5', '2'], [1234.5, 2], 'comma'),
        (['1,5', None, '3'], [1.5, None, 3], 'comma'),
        (['12 mm', '8mm', '3'], [12, 8, 3], 'point'),
        (['1,5 cm', '2,25 cm'], [1.5, 2.25], 'comma'),
    ],
)
def test_forms_of_numbers(cells, values, decimal) -> None:
    numbers = numbers_of(cells)
    assert (numbers.values, numbers.decimal, numbers.unread, numbers.doubt) == (values, decimal, (), None)


@pytest.mark.parametrize(
    ('cells', 'doubt'),
    [
        (['1,234', '2,500'], 'a comma may separate decimals or thousands; --decimal says which'),
        (['1,5', '2.25'], 'some numbers have a decimal comma and some a decimal point'),
        (['1 mm', '2 cm', '3 mm'], 'the cells have different units: cm, mm'),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_decided(cells, doubt) -> None:
    assert numbers_of(cells).doubt == doubt
    assert not ColumnFacts('x', cells).is_number


def test_a_person_decides_what_a_comma_is() -> None:
    assert numbers_of(['1,234', '2,500'], 'comma').values == [1.234, 2.5]
    assert numbers_of(['1,234', '2,500'], 'point').values == [1234, 2500]


def test_codes_below_zero_are_missing_where_nothing_else_is_below_zero() -> None:
    numbers = numbers_of(['5', '-99', '7', '-99.0'])
    assert numbers.values == [5, None, 7, None] and numbers.codes == ('-99', '-99.0')
    assert numbers_of(['5', '-99', '-3']).values == [5, -99, -3]
    assert numbers_of(['-9', '-99']).values == [-9, -99]


def test_cells_that_are_not_numbers_are_named() -> None:
    numbers = numbers_of(['5', '<0.5', '7'])
    assert numbers.values == [5, None, 7] and numbers.unread == ('<0.5',)


@pytest.mark.parametrize('text', ['2024-02-28', '28.02.2024', '2/28/24', '2024-02-28 10:30', '2024-02-28T10:30:15.5'])
def test_dates(text) -> None:
    assert ColumnFacts('x', [text, None]).is_date
    assert not ColumnFacts('x', [text, 'soon']).is_date


def test_missing_cells_and_words() -> None:
    fact = ColumnFacts('x', ['a', None, 'NA', 'not available', 'a'])
    assert (fact.missing, fact.filled, fact.distinct, fact.is_unique) == (3, 2, 1, False)
    assert fact.missing_words == {'NA': 1, 'not available': 1}
