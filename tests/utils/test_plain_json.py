"""JSON of somebody else."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from usmm.utils.plain_json import MAX_DEPTH, read_json_object, read_plain_json


def test_plain_values() -> None:
    content = {'a': [1, -2.5, 'ü', None, True, {}], 'b': {'c': 2**63 - 1}}
    assert read_plain_json(json.dumps(content)) == read_plain_json(json.dumps(content).encode()) == content
    assert read_plain_json('\ufeff[]'.encode()) == []
    deep = '[' * MAX_DEPTH + ']' * MAX_DEPTH
    assert json.dumps(read_plain_json(deep)) == deep


def test_constants_on_request() -> None:
    found = read_plain_json('[NaN, -Infinity]', constants=True)
    assert isinstance(found, list) and math.isnan(found[0]) and found[1] == -math.inf  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "it has the key 'c' twice"),
        ('[NaN]', 'it has NaN, which is no number'),
        ('[-Infinity]', 'it has -Infinity, which is no number'),
        ('[1e999]', 'it has the number 1e999, which is not finite'),
        ('[0.' + '1' * 10_000 + ']', 'it has a number of 10002 characters'),
        ('[' + '1' * 10_000 + ']', 'it has a number of 10000 characters'),
        ('[-9223372036854775808]', 'it has the number -9223372036854775808, of over 63 bits'),
        ('[' * (MAX_DEPTH + 1) + ']' * (MAX_DEPTH + 1), 'it is nested deeper than 100'),
        ('{"a":' * 200_000, 'it is nested deeper than 100'),
        ('{"a": 1', 'it is no JSON: Expecting'),
        ('', 'it is no JSON: Expecting value'),
        (b'"\xff"', 'it is no JSON: it is no UTF-8 text'),
    ],
    ids=lambda text: str(text[:12]),
)
def test_what_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f'^{message}'):
        read_plain_json(text)


def test_a_text_that_is_too_long_is_not_read() -> None:
    with pytest.raises(ValueError, match='it has 7 bytes, over the limit of 6'):
        read_plain_json('[1,2,3]', max_bytes=6)


def test_a_file_with_an_object(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    path.write_text('{"a": [1]}')
    assert read_json_object(path) == {'a': [1]}
    for text, message in (('[1]', 'it is no JSON object'), ('{', 'it is no JSON: '), ('{"a": NaN}', 'it has NaN')):
        path.write_text(text)
        with pytest.raises(ValueError, match=f'a.json cannot be used: {message}'):
            read_json_object(path)
    with pytest.raises(ValueError, match=r'a\.json cannot be used: it has 4 bytes, over the limit of 3'):
        read_json_object(path, max_bytes=3)
