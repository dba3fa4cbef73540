from __future__ import annotations

import pytest

from usmm.config.argument_values import problem_of


@pytest.mark.parametrize(
    ('value', 'annotation', 'own', 'problem'),
    [
        ('3', 'int', False, 'a whole number'),
        ('3', 'float | None', False, 'a number'),
        ('yes', 'bool', False, 'True or False'),
        ('3', 'Union[float, torch.Tensor]', False, 'a number'),
        ('[1', 'Sequence[float]', False, 'a number, or a list of them'),
        ('auto', 'int | str', True, None),
        ('x', '', True, None),
        ('x', 'Settings', True, None),
        ('1', 'Mapping[str, int]', True, None),
        (1.5, 'int', False, None),  # other packages are less exact in their types
        (1.5, 'int', True, 'a whole number'),
        (1, 'float', True, None),
        (True, 'float', True, 'a number'),
        (True, 'bool', True, None),
        (1, 'bool', True, 'True or False'),
        (None, 'int', True, 'a whole number'),
        (None, 'int | None', True, None),
        ((1, 2), 'int', True, 'a whole number'),
        ((1, 2.5), 'int | Sequence[int]', True, 'a whole number, or a list of them'),
        ((1, (2, 3)), 'Sequence[Sequence[int]]', True, None),
        (0, 'int', True, 'a whole number of 1 or more'),
        ((4, 0), 'int | Sequence[int]', True, 'a whole number of 1 or more, or a list of them'),
    ],
)
def test_values_that_an_argument_cannot_have(value: object, annotation: str, own: bool, problem: str | None) -> None:
    assert problem_of('size', value, annotation, own) == problem


def test_a_number_that_is_not_a_size_may_be_zero() -> None:
    assert problem_of('seed', 0, 'int', True) is None
