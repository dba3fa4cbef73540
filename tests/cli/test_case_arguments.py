"""One case on a command line."""

from __future__ import annotations

import pytest

from usmm.apis import CaseReader
from usmm.cli.case_arguments import flags_as_cases, record_of
from usmm.structures import Schema

SCHEMA = Schema(
    images=dict(bus='bus_file', ue='ue'),
    clinical=[dict(name='age', column='Age (years)'), dict(name='side', values=('L', 'R'))],  # type: ignore[list-item]
)


def test_options_that_are_inputs() -> None:
    known = ['--out', '--explain']
    words = ['M', '--bus', 'a b.png', '--out', 'x', '--age=-1', '--bus', 'c.png']
    expected = ['M', '--case', 'bus=a b.png', '--out', 'x', '--case', 'age=-1', '--case', 'bus=c.png']
    assert flags_as_cases(words, known) == expected
    for words in (['M', '--bus'], ['M', '--bus', '--out', 'x']):
        with pytest.raises(
            ValueError, match='--bus is not an option of this command; as an input of the model it needs'
        ):
            flags_as_cases(words, known)


def test_pairs_of_a_command_line() -> None:
    reader = CaseReader(SCHEMA, ('bus', 'ue', 'clinical'), ('A', 'B'), lambda absent: list(absent))
    found = record_of(['bus=a.png', 'bus=b=c.png', 'bus-mask=m.png', 'Age (years)=3'], reader)
    assert found == {'bus': ['a.png', 'b=c.png'], 'bus_mask': 'm.png', 'Age (years)': '3'}
    for pair in ('bus', 'bus=', '=a'):
        with pytest.raises(ValueError, match=f'expected NAME=VALUE, such as bus=a.png, got {pair!r}'):
            record_of([pair], reader)
    with pytest.raises(ValueError, match=r"'sidde' is neither .* did you mean 'side'"):
        record_of(['sidde=L'], reader)
    with pytest.raises(ValueError, match=r"'xyz' is neither .*; it has "):
        record_of(['xyz=1'], reader)
