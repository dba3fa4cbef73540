from __future__ import annotations

import pytest

from usmm.utils.suggestions import SHOWN, did_you_mean, nearest, suggestion


@pytest.mark.parametrize(
    ('name', 'valid', 'options', 'expected'),
    [
        ('scc ', ('ADC', 'SCC'), {}, ['SCC']),
        ('zzz', ('ADC', 'SCC'), {}, []),
        ('', ('ADC',), {}, []),
        ('a', (), {}, []),
        ('fold_s', ('folds', 'fold', 'seed'), dict(count=3), ['folds', 'fold']),
        ('fold_s', ('folds', 'fold', 'seed'), dict(count=1), ['folds']),
        ('A.PNG', ('a.png', 'b.png'), dict(cutoff=1.0, count=2), ['a.png']),
        ('age', ('age alone',), dict(cutoff=0.3), ['age alone']),
        ('age', ('age alone',), {}, []),
    ],
)
def test_nearest(name: str, valid: tuple[str, ...], options: dict, expected: list[str]) -> None:
    assert nearest(name, valid, **options) == expected


def test_suggestion_is_empty_without_a_near_word() -> None:
    assert suggestion('zzz', ('ADC', 'SCC')) == ''
    assert suggestion('fold_s', ('folds', 'fold'), count=2) == ", did you mean 'folds' or 'fold'?"


def test_many_valid_names_are_counted() -> None:
    names = [f'{chr(97 + i)}{chr(97 + i)}' for i in range(SHOWN + 3)]
    assert did_you_mean('?', names[:SHOWN]).endswith(names[SHOWN - 1])
    assert did_you_mean('?', iter(names)).endswith(f'{names[SHOWN - 1]} and 3 more')
    assert did_you_mean(names[-1], iter(names)) == f'did you mean {names[-1]!r}?'
