"""YAML of somebody else: what safe_dump writes comes back, and what costs much is refused before it costs anything."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from usmm.utils import plain_yaml
from usmm.utils.plain_yaml import MAX_BYTES, read_plain_yaml

LOADERS = [yaml.SafeLoader, plain_yaml.LOADER]  # in Python, and in C where PyYAML has it

TEXTS = st.text(st.characters(exclude_categories=['C', 'Zl', 'Zp']), max_size=30)
WORDS = '1:30 017 0x1F 1_000 yes no on ~ << = 1e5 2001-12-14 null true .nan .inf - &a *a !x 1. .5 +1 0o7 1.e+5'
AMBIGUOUS = st.sampled_from([*WORDS.split(), '', '? a', '- a', '# a', 'a: b'])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-1e18, 1e18) | TEXTS | AMBIGUOUS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | AMBIGUOUS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_what_is_written_comes_back(value: Any) -> None:
    text = yaml.dump(value, Dumper=NoAlias, allow_unicode=True).encode()
    assert read_plain_yaml(text) == value


class NoAlias(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


@pytest.mark.parametrize('loader', LOADERS)
@pytest.mark.parametrize(
    ('plain', 'value'),
    [('1:30', '1:30'), ('1' + ':1' * 20_000, '1' + ':1' * 20_000), ('0x1F', '0x1F'), ('017', '017'), ('7', 7),
     ('-0', 0), ('1_000', '1_000'), ('2001-99-99', '2001-99-99'), ('yes', 'yes'), ('True', True), ('~', None),
     ("'1'", '1'), ('1.5', 1.5), ('-1.5e+3', -1500.0), ('1e5', '1e5'), ('9223372036854775807', 2**63 - 1),
     ('"\\u00e9"', 'é')],
)  # fmt: skip
def test_values(plain: str, value: Any, loader: Any, monkeypatch) -> None:
    monkeypatch.setattr(plain_yaml, 'LOADER', loader)
    found = read_plain_yaml(f'a: {plain}'.encode())
    assert isinstance(found, dict) and found['a'] == value and type(found['a']) is type(value)


def bomb() -> bytes:
    """Aliases of aliases: a billion laughs."""
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    lines += [f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]' for i in range(1, 10)]
    return '\n'.join(lines).encode()


@pytest.mark.parametrize('loader', LOADERS)
@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (b' ' * (MAX_BYTES + 1), f'it has {MAX_BYTES + 1} bytes, over the limit of {MAX_BYTES}'),
        (b'[' + b'1,' * 2001 + b']', 'it has over 2000 parts'),
        (b''.join(b'k%d: 1\n' % i for i in range(1000)), 'it has over 2000 parts'),
        (bomb(), r'it has an anchor \(&a0\) in line 1'),
        (b'a: 1\nb: *a', r'it has an alias \(\*a\) in line 2|it is no YAML: found undefined alias'),
        (b'a:\n  <<: {b: 1}', r'it has a merge key \(<<\) in line 2'),
        (b'a: !!python/object/apply:os.system [x]', r'it has a tag \(tag:yaml.org,2002:python/object/apply:os'),
        (b'a: !!binary "QUFB"', r'it has a tag \(tag:yaml.org,2002:binary\) in line 1'),
        (b'! a', r'it has a tag \(!\) in line 1'),
        (b'a: ' + b'[' * 21 + b']' * 21, 'it is nested deeper than 20 in line 1'),
        (b'- ' * 400_000, 'it is nested deeper than 20 in line 1'),
        (b'[' * 900_000, 'nested deeper than 20|exceeded maximum nesting depth'),
        (b'a: ' + b'9' * 500_000, 'it has a number of 500000 characters in line 1'),
        (b'a: 0.' + b'9' * 500_000, 'it has a number of 500002 characters in line 1'),
        (b'a: 9223372036854775808', 'it has the number 9223372036854775808, which is not finite or has over 63 bits'),
        (b'a: 1.0e+999', r'it has the number 1.0e\+999, which is not finite'),
        (b'a: .nan', 'it has the number .nan, which is not finite'),
        (b'a: -.Inf', 'it has the number -.Inf, which is not finite'),
        (b'a: 1\nb: 2\na: 3', "it has the key 'a' twice, the second time in line 3"),
        (b'1: a', 'it has a key that is no text in line 1'),
        (b'~: a', 'it has a key that is no text in line 1'),
        (b'? [a]\n: b', 'it has a key that is no text in line 1'),
        (b'a: 1\n---\nb: 1', 'it has a second document in line 2'),
        (b'a: "\\e[2J"', 'it has a control character in line 1'),
        (b'a: "\\ud800"', 'it has a control character in line 1|it is no YAML'),
        (b'a: [b: c: d', 'it is no YAML: .* in line 1'),
        (b'a: \x00', 'it is no YAML: '),
        ('a: 1'.encode('utf-16'), r'it is no YAML: it is no UTF-8 text \(invalid start byte at byte 0\)'),
    ],
    ids=lambda value: re.sub(r'\W+', '_', str(value[:20])),
)  # fmt: skip
def test_what_is_refused(text: bytes, message: str, loader: Any, monkeypatch) -> None:
    monkeypatch.setattr(plain_yaml, 'LOADER', loader)
    monkeypatch.setattr(plain_yaml, 'MAX_PARTS', 2000)
    with pytest.raises(ValueError, match=f'^{message}' if message.startswith('it') else message):
        read_plain_yaml(text)


def test_nothing_is_parsed_behind_what_is_refused(monkeypatch) -> None:
    seen = 0

    def counted(*args: Any, **keywords: Any) -> Any:
        nonlocal seen
        for event in parse(*args, **keywords):
            seen += 1
            yield event

    parse = yaml.parse
    monkeypatch.setattr(yaml, 'parse', counted)
    with pytest.raises(ValueError, match='anchor'):
        read_plain_yaml(b'[&a 1, ' + b'1,' * 50_000 + b']')
    assert seen == 4  # stream, document, list, the first value
