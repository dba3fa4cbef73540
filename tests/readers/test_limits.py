"""Files that ask for more than they hold: refused before they cost time or memory."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence

from usmm.readers import DataError, limits, open_clip, read_clip, read_dicom, read_image, read_regions, read_table


def sheet(tmp_path: Path, part: str, content: str) -> Path:
    """An XLSX file with another part in place of its own."""
    book = openpyxl.Workbook()
    book.active.append(['a', 'b'])
    stream = io.BytesIO()
    book.save(stream)
    path = tmp_path / 'a.xlsx'
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), part}:
            new.writestr(name, content if name == part else old.read(name))
    return path


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = 'xl/worksheets/sheet1.xml'
FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="2000000000"><c r="A2000000000"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ('part', 'content', 'cause'),
    [
        (SHEET, f'<worksheet {MAIN}><sheetData>{FAR}</sheetData></worksheet>', 'holds over 1000 rows'),
        (SHEET, f'<worksheet {MAIN}><sheetData>{"<row/>" * 1001}</sheetData></worksheet>', 'holds over 1000 rows'),
        (SHEET, '<a/>' * 3000, r'has 3000 XML tags \(sheets\), over the limit of 2000: save it as CSV'),
        ('xl/sharedStrings.xml', '<si/>' * 3000, r'XML tags \(texts\), over the limit'),
        ('xl/styles.xml', '<xf/>' * 3000, r'XML tags \(others\), over the limit'),
    ],
)
def test_sheets_of_many_parts(tmp_path, monkeypatch, part, content, cause):
    monkeypatch.setattr(limits, 'MAX_TABLE_ROWS', 1000)
    for name in ('SHEET', 'STRING', 'BOOK'):
        monkeypatch.setattr(limits, f'MAX_{name}_TAGS', 2000)
    with pytest.raises(DataError, match=cause):
        read_table(sheet(tmp_path, part, content))


@pytest.mark.parametrize(
    ('content', 'cause'),
    [
        (','.join(f'c{i}' for i in range(20_000)), 'has 20000 columns, over the limit of 16384'),
        ('a,b\n' + '1,2\n' * 60, 'holds over 50 rows'),
        ('a,b\n' + '\n' * 60, 'holds over 50 rows'),
        (','.join('abcdefgh') + '\n' + (','.join('12345678') + '\n') * 45, 'holds over 300 cells'),
        (',' * 2_000_000, 'holds over 300 cells'),
    ],
)
def test_text_of_many_parts(tmp_path, monkeypatch, content, cause):
    monkeypatch.setattr(limits, 'MAX_TABLE_ROWS', 50)
    monkeypatch.setattr(limits, 'MAX_TABLE_CELLS', 50_000 if 'columns' in cause else 300)
    path = tmp_path / 'a.csv'
    path.write_text(content, encoding='utf-8')
    with pytest.raises(DataError, match=cause):
        read_table(path)


def test_delimiter_of_a_long_first_line(tmp_path):
    names = [f'{i}' + 'x' * 2000 for i in range(600)]
    path = tmp_path / 'a.csv'
    path.write_text(';'.join(names) + '\n' + ';'.join('1' * 600) + '\n', encoding='utf-8')
    assert list(read_table(path).columns) == names


def test_header_of_many_elements(make_dicom, picture, monkeypatch):
    item = Dataset()
    item.RegionDataType = 1
    path = make_dicom('a.dcm', picture(0), 'RGB', SequenceOfUltrasoundRegions=Sequence([item] * 200))
    assert read_image(path).shape == picture(0).shape
    monkeypatch.setattr(limits, 'MAX_ELEMENT_BYTES', 1000)
    for reader in (read_regions, read_dicom, open_clip):
        with pytest.raises(DataError, match=r'has SequenceOfUltrasoundRegions of [0-9]+ bytes, over the limit of 1000'):
            reader(path)
    monkeypatch.setattr(limits, 'MAX_HEADER_READS', 30)
    with pytest.raises(DataError, match=r'has a header of over 30 parts \(file .*a\.dcm\)'):
        read_dicom(path)


def test_frames_have_a_limit_of_their_own(make_video, make_dicom, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, 'MAX_FRAME_PIXELS', 96 * 64 - 1)
    gif = tmp_path / 'a.gif'
    Image.new('P', (96, 64)).save(gif)
    for path in (make_video('a.mp4'), gif):
        with pytest.raises(DataError, match='96 x 64 pixels, over the limit of 6143'):
            open_clip(path)
    assert read_image(gif).shape == (64, 96, 3)
    pictures = np.zeros((2, 64, 96, 3), np.uint8)
    assert read_image(make_dicom('a.dcm', pictures[0], 'RGB')).shape == (64, 96, 3)
    with pytest.raises(DataError, match='96 x 64 pixels, over the limit of 6143'):
        read_dicom(make_dicom('b.dcm', pictures, 'RGB'))


def test_clip_that_grows_while_it_is_read(make_video, by_opencv):
    path = make_video('a.avi', 61, codec='mjpeg', pixels='yuvj420p')
    frames, times = read_clip(path)
    assert len(frames) == len(times) == 61 and frames.flags.c_contiguous
    assert np.abs(frames.astype(int) - np.stack(by_opencv(path))).mean() < 3


def test_transparency_of_a_tall_image(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (700, 5, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    expected = np.rint(pixels[..., :3] * (pixels[..., 3:] / 255))
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), expected)


def test_decoders_that_see_different_sizes(tmp_path, monkeypatch):
    Image.fromarray(np.full((4, 6), 5000, np.uint16)).save(tmp_path / 'a.png')
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: np.zeros((6, 4), np.uint16))
    with pytest.raises(DataError, match=r'is \(6, 4, 1\) uint16 for the decoder and \(6, 4\) by its header'):
        read_image(tmp_path / 'a.png')


def test_chunk_that_claims_gigabytes(tmp_path):
    path = tmp_path / 'a.png'
    Image.fromarray(np.full((4, 6), 5000, np.uint16)).save(path)
    content = path.read_bytes()
    at = content.index(b'IDAT') - 4
    path.write_bytes(content[:at] + b'\xfe' + content[at + 1 :])
    with pytest.raises(DataError, match="is cut or damaged: its chunk b'IDAT' ends behind the file"):
        read_image(path)
