"""One case on a command line: `--bus a.png --age 54`, or `--case bus=a.png --value age=54`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usmm.apis.inputs import CaseReader

CASE = '--case'


def flags_as_cases(words: Sequence[str], options: Collection[str]) -> list[str]:
    """Options that a command does not have are inputs of the model: `--bus a.png` becomes `--case bus=a.png`.

    Args:
        words: Words of the command line.
        options: Options of the command itself, with their dashes.

    Raises:
        ValueError: An input without a value.

    Example:
        >>> flags_as_cases(['MODEL', '--bus', 'a.png', '--age=54', '--out', 'p.csv'], ['--out'])
        ['MODEL', '--case', 'bus=a.png', '--case', 'age=54', '--out', 'p.csv']
    """
    arguments: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        flag, sign, value = word.partition('=')
        if not flag.startswith('--') or flag == '--' or flag in options:
            arguments.append(word)
            continue
        if not sign:
            if not waiting or waiting[0].startswith('--'):
                raise ValueError(f'{flag} is not an option of this command; as an input of the model it needs a value')
            value = waiting.pop(0)
        arguments += [CASE, f'{flag[2:]}={value}']
    return arguments


def record_of(pairs: Sequence[str], reader: CaseReader) -> dict[str, str | list[str]]:
    """The record of `NAME=VALUE` pairs; a name that occurs twice has several files.

    Args:
        pairs: Such as `bus=a.png`.
        reader: The reader of the model, which has the names.

    Raises:
        ValueError: A pair of another form, or a name that the model does not have; the message lists those that it has.
    """
    record: dict[str, list[str]] = {}
    for pair in pairs:
        name, sign, value = pair.partition('=')
        if not sign or not name or not value:
            raise ValueError(f'expected NAME=VALUE, such as bus=a.png, got {pair!r}')
        name = name if name in reader.keys else name.replace('-', '_')
        for strange, near in reader.unknown([name]).items():
            hint = f'; did you mean {near!r}?' if near else f'; it has {sorted(reader.keys)}'
            raise ValueError(f'{strange!r} is neither an option nor an input of this model{hint}')
        record[name] = [*record[name], value] if name in record else [value]
    return {name: values[0] if len(values) == 1 else values for name, values in record.items()}
