"""Cells of a table and names of uploads."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.places import Places

ONE, TWO = Path('/spool/0.png'), Path('/spool/1.png')


@pytest.mark.parametrize(
    ('uploads', 'cell'),
    [
        (['a.png', 'b.png'], 'a.png'),
        (['a.png', 'b.png'], 'bus/a.png'),
        (['a.png', 'b.png'], './bus\\a.png'),
        (['bus/a.png', 'cdfi/a.png'], 'bus/a.png'),
        (['bus/a.png', 'cdfi/a.png'], 'data/bus/a.png'),
        (['data/bus/a.png', 'data/cdfi/a.png'], 'bus/a.png'),
        (['a.png', 'bus/a.png'], 'a.png'),
    ],
)
def test_a_cell_means_the_upload_that_it_ends_with(uploads: list[str], cell: str) -> None:
    assert Places(dict(zip(uploads, (ONE, TWO), strict=True)), [cell]).find(cell, 'bus') == ONE


@pytest.mark.parametrize(
    ('uploads', 'cells', 'cell', 'code', 'words'),
    [
        (['a.png'], [], '../a.png', 'bad_value', 'outside the upload'),
        (['a.png'], [], 'x/../a.png', 'bad_value', 'outside the upload'),
        (['a.png'], [], '/a.png', 'bad_value', 'outside the upload'),
        (['a.png'], [], '\\\\host\\share\\a.png', 'bad_value', 'outside the upload'),
        (['a.png'], [], 'C:a.png', 'bad_value', 'outside the upload'),
        (['a.png'], [], '.', 'bad_value', 'outside the upload'),
        (['a.png'], [], 'a.png\0', 'bad_value', 'outside the upload'),
        (['a.png'], [], 'xa.png', 'missing_input', 'was not uploaded'),
        (['xa.png'], [], 'a.png', 'missing_input', 'was not uploaded'),
        (['bus/a.png'], [], 'cdfi/a.png', 'missing_input', 'Colour Doppler: names a file that was not uploaded'),
        (['bus/a.png', 'cdfi/a.png'], [], 'a.png', 'bad_value', 'of several folders'),
        (['a.png'], ['bus/a.png', 'cdfi/a.png'], 'bus/a.png', 'bad_value', 'of several folders'),
        (['a.png'], ['cdfi/a.png', 'a.png'], 'a.png', 'bad_value', 'of several folders'),
    ],
)
def test_what_is_not_clear_is_given_to_nobody(
    uploads: list[str], cells: list[str], cell: str, code: str, words: str
) -> None:
    places = Places(dict.fromkeys(uploads, ONE), cells)
    with pytest.raises(RequestError, match=words) as error:
        places.find(cell, 'cdfi')
    assert (error.value.code, error.value.input) == (code, 'cdfi')
