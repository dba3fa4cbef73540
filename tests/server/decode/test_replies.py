"""Every value of a decoding process is checked: what it could not have sent honestly is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from usmm.server.decode.replies import case_reply, preview_reply, table_reply
from usmm.server.http.http_errors import RequestError

GOOD: dict[str, Any] = {
    'kind': 'image', 'type': 'PNG', 'width': 20, 'height': 30, 'frames': 1, 'seconds': None, 'fps': None,
    'spacing_mm': [0.1, 0.2], 'kept': 0.5, 'blanked': 'found', 'scale': 1.0,
}  # fmt: skip


def pixels(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.uint8)


def reply(facts: dict[str, Any] | None = None, **arrays: np.ndarray) -> Any:
    arrays = {name.replace('__', '/'): a for name, a in arrays.items()}
    return case_reply({'times': {}, 'whole': [], 'previews': {'bus': GOOD}, **(facts or {})}, arrays, ('bus', 'clip'))


def test_what_is_right_comes_through() -> None:
    facts = {'times': {'clip': [0, None, 0.5]}, 'whole': ['bus', 'other', 3]}
    found = reply(facts, data__clip=pixels(3, 8, 8, 3), data__bus=pixels(8, 9, 3), preview__bus=pixels(1, 8, 9, 3))
    assert list(found.data) == ['clip', 'bus'] and found.whole == ('bus',)
    assert found.times == {'clip': [0.0, None, 0.5], 'bus': None}
    assert found.previews['bus'][0] == GOOD


def test_what_is_unknown_is_left_out() -> None:
    found = reply(data__other=pixels(8, 9, 3), preview__other=pixels(1, 8, 9, 3), times=pixels(1))
    assert not found.data and not found.previews
    assert reply({'times': {'clip': ['x'] * 3}}, data__clip=pixels(3, 8, 8, 3)).times == {'clip': None}


@pytest.mark.parametrize(
    ('facts', 'arrays', 'words'),
    [
        ({}, {'data__bus': pixels(9)}, 'damaged'),
        ({}, {'data__bus': pixels(8, 9, 4)}, 'damaged'),
        ({}, {'data__bus': pixels(3000, 3000, 3)}, 'more than 8000000 pixels'),
        ({'times': []}, {}, 'damaged'),
        ({'whole': 'bus'}, {}, 'damaged'),
        ({'previews': []}, {'preview__bus': pixels(1, 8, 9, 3)}, 'damaged'),
        ({'previews': {}}, {'preview__bus': pixels(1, 8, 9, 3)}, 'damaged'),
        ({}, {'preview__bus': pixels(9, 8, 9, 3)}, 'damaged'),
        ({}, {'preview__bus': pixels(1, 513, 9, 3)}, 'damaged'),
        ({}, {'preview__bus': pixels(8, 9, 3)}, 'damaged'),
    ],
)
def test_pixels_of_other_shapes_are_refused(facts: dict[str, Any], arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(RequestError, match=words) as error:
        reply(facts, **arrays)
    assert error.value.code == 'unreadable'


@pytest.mark.parametrize(
    'change',
    [
        {'kind': '<script>'}, {'type': 'SVG'}, {'width': 2.5}, {'width': True}, {'height': 0}, {'frames': 2**40},
        {'kept': 2}, {'kept': None}, {'blanked': 'maybe'}, {'scale': -1}, {'scale': 'x'}, {'kind': ['image']},
    ],
)  # fmt: skip
def test_facts_that_are_none_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match='damaged'):
        preview_reply({'previews': {'file': {**GOOD, **change}}}, {'preview/file': pixels(1, 8, 9, 3)})


def test_facts_that_may_be_absent_are_none() -> None:
    strange = {'seconds': 'x', 'fps': -1, 'spacing_mm': [1], 'more': 'words'}
    facts, _ = preview_reply({'previews': {'file': {**GOOD, **strange}}}, {'preview/file': pixels(1, 8, 9, 3)})
    assert (facts['seconds'], facts['fps'], facts['spacing_mm']) == (None, None, None) and 'more' not in facts


@pytest.mark.parametrize(
    'facts',
    [
        {}, {'columns': 'a', 'rows': []}, {'columns': [1], 'rows': []}, {'columns': ['a'], 'rows': {}},
        {'columns': ['a'], 'rows': [['1', '2']]}, {'columns': ['a'], 'rows': [[1]]}, {'columns': ['a'], 'rows': ['x']},
        {'columns': ['a'], 'rows': [['x' * 2001]]},
    ],
)  # fmt: skip
def test_tables_that_are_none_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match='damaged') as error:
        table_reply(facts, 10)
    assert error.value.input == 'table'


def test_tables() -> None:
    assert table_reply({'columns': ['a', 'b'], 'rows': [['1', None]]}, 1) == [{'a': '1', 'b': None}]
    with pytest.raises(RequestError, match='more than 1 rows') as error:
        table_reply({'columns': ['a'], 'rows': [['1'], ['2']]}, 1)
    assert error.value.code == 'too_large'
