from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from usmm.server.decode.sniff import BY_SUFFIX, CLIP, NEEDED, STILL, TABLE, refused, sniff, sniff_table

GREY = np.zeros((8, 8), np.uint8)
DICOM = b'\0' * 128 + b'DICM' + b'\x02\0\0\0UL'
HTML = b'<!DOCTYPE html><script>alert(1)</script>'


def encoded(suffix: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, {'.jpg': 'jpeg', '.tif': 'tiff'}.get(suffix, suffix[1:]))
    return stream.getvalue()


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name in names:
            archive.writestr(name, 'x' * 50)
    return stream.getvalue()


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.bmp', '.tif', '.gif'])
def test_what_pillow_writes_is_known(suffix: str) -> None:
    found = sniff(encoded(suffix)[:NEEDED])
    assert found is not None
    assert found.suffix == suffix
    assert STILL in found.uses


@pytest.mark.parametrize(
    ('head', 'name'),
    [
        (DICOM, 'DICOM'),
        (b'\0\0\0\x18ftypmp42\0\0\0\0', 'MP4'),
        (b'\0\0\0\x14ftypqt  \0\0\0\0', 'MOV'),
        (b'\0\0\0\x08wide\0\0\0\x08mdat', 'MOV'),
        (b'RIFF\x10\0\0\0AVI LIST', 'AVI'),
        (b'\0\0\x01\xba\x44\0', 'MPEG'),
        (b'\0\0\x01\xb3\x44\0', 'MPEG'),
        (b'MM\0*\0\0\0\x08', 'TIFF'),
    ],
)
def test_clips_and_dicom_by_their_first_bytes(head: bytes, name: str) -> None:
    found = sniff(head)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ('head', 'words'),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg">', 'an SVG'),
        (b'\xef\xbb\xbf \n<svg>', 'an SVG'),
        (HTML, 'a web page'),
        (b'<?xml version="1.0"?><svg>', 'XML or a web page'),
        (b'%PDF-1.7', 'a PDF'),
        (zipped('a.png'), 'a ZIP archive'),
        (b'MZ\x90\0', 'a program'),
        (b'\x7fELF\x02', 'a program'),
        (b'#!/bin/sh', 'a script'),
        (b'\x1f\x8b\x08', 'an archive'),
        (b'Rar!\x1a\x07', 'an archive'),
        (b"7z\xbc\xaf'\x1c", 'an archive'),
        (b'\xd0\xcf\x11\xe0\xa1', 'an old Office file'),
        (b'{\\rtf1', 'a text document'),
    ],
)
def test_what_is_refused_has_a_name_and_no_type(head: bytes, words: str) -> None:
    assert sniff(head) is None
    assert refused(head) == words


@pytest.mark.parametrize(
    'head',
    [
        b'', b'\0' * 200, b'x', b'RIFF\x10\0\0\0WEBPVP8 ',
        b'\0\0\0\x18ftypheic', b'\0\0\0\x18ftypavif',
        b'BM' + b'x' * 30, b'\x1aE\xdf\xa3', b'#EXTM3U\nhttp://x', b'GIF88a',
        b'\x89PNG\n\x1a\n', b'8BPS', b'%!PS-Adobe',
    ],
)  # fmt: skip
def test_other_types_are_none_of_ours(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize(
    'start', [b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff\xe0', b'II*\0', b'GIF89a', b'%PDF-1.4', b'PK\x03\x04', b'MZ', HTML]
)
def test_a_dicom_file_that_starts_as_another_type_is_two_things_and_none(start: bytes) -> None:
    assert sniff(start.ljust(128, b'\0') + b'DICM\x02\0') is None


def test_a_picture_with_something_behind_it_is_that_picture() -> None:
    found = sniff(encoded('.png') + HTML + zipped('a'))
    assert found is not None
    assert found.name == 'PNG'


@pytest.mark.parametrize(
    ('head', 'name'),
    [
        (b'case_id;age\n1;50\n', 'CSV'),
        ('fällt,größe\n'.encode('cp1252'), 'CSV'),
        ('\ufeffa,b\n'.encode('utf-16'), 'CSV'),
        (b'\xfe\xff' + 'a,b\n'.encode('utf-16-be'), 'CSV'),
        (zipped('[Content_Types].xml', 'xl/workbook.xml'), 'XLSX'),
        (zipped('docProps/app.xml'), 'XLSX'),
    ],
)
def test_tables(head: bytes, name: str) -> None:
    found = sniff_table(head[:NEEDED])
    assert found is not None
    assert (found.name, found.uses) == (name, frozenset({TABLE}))


@pytest.mark.parametrize(
    'head',
    [
        b'', HTML, b'<a>,<b>', b'%PDF-1.7', zipped('evil.exe'), zipped('word/document.xml'), b'a,b\0\n', b'MZ,a',
        encoded('.png'), DICOM, b'\xff\xfe<\0h\0t\0', b'\x01\x02', b'#!/bin/sh\n', b'II*\0a,b',
        'a\0b'.encode('utf-16'), b'PK\x05\x06' + b'\0' * 18,
    ],
)  # fmt: skip
def test_what_is_no_table(head: bytes) -> None:
    assert sniff_table(head) is None


def test_a_suffix_says_the_type_again() -> None:
    assert all(kind.suffix == suffix for suffix, kind in BY_SUFFIX.items())
    assert {suffix for suffix, kind in BY_SUFFIX.items() if CLIP in kind.uses} == {
        '.gif', '.dcm', '.mp4', '.mov', '.avi', '.mpg',
    }  # fmt: skip
