from __future__ import annotations

from dataclasses import fields

import pytest

from usmm.server.server_limits import Limits


def test_the_defaults_are_those_that_were_asked_for() -> None:
    limits = Limits()
    assert (limits.file_bytes, limits.request_bytes, limits.files) == (67108864, 268435456, 16)
    assert limits.keep_seconds <= 60
    assert limits.waiting >= 20  # as many users at once are not turned away


@pytest.mark.parametrize('name', [field.name for field in fields(Limits)])
def test_a_limit_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f'{name} must be positive, got 0'):
        Limits(**{name: 0})


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
@pytest.mark.parametrize('name', [field.name for field in fields(Limits)])
def test_a_limit_must_be_finite(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f'limit {name} must be finite, got {value}'):
        Limits(**{name: value})
