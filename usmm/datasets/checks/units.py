"""Columns of a table that are in another unit than the schema says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from usmm.structures import Case, Variable


def unit_problems(variables: Sequence[Variable], cases: Sequence[Case]) -> Iterator[str]:
    """One message for each column most of whose values are out of range, but would be within in another unit.

    Args:
        variables: The clinical variables; those without `other_units` are left alone.
        cases: Cases with typed values. Nothing is converted.

    Example:
        >>> albumin = Variable('albumin', unit='g/L', range=(10, 70), other_units={'g/dL': 10})
        >>> cases = [Case(f'c{i}', f'p{i}', clinical={'albumin': v}) for i, v in enumerate([4.2, 3.9, 41.0])]
        >>> next(unit_problems([albumin], cases))
        'column albumin seems to be in g/dL: 2 of 3 values are out of range in g/L and in range if given in g/dL'
    """
    for variable in variables:
        values = [case.clinical.get(variable.name) for case in cases] if variable.other_units else []
        numbers = [float(value) for value in values if isinstance(value, (int, float))]
        fits = Counter(unit for number in numbers for unit in variable.units_that_fit(number))
        for unit, count in fits.most_common(1):
            if 2 * count > len(numbers):
                yield (
                    f'column {variable.source} seems to be in {unit}: {count} of {len(numbers)} values are out of range'
                    f'{f" in {variable.unit}" if variable.unit else ""} and in range if given in {unit}'
                )
