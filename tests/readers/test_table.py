from __future__ import annotations

import datetime
import tracemalloc
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from usmm.readers import DataError, is_missing, limits, read_table
from usmm.readers.table import ROW_NUMBERS
from usmm.readers.workbook import SheetNumber


def rows(frame: pd.DataFrame) -> list[list[str | None]]:
    return frame.to_numpy().tolist()


@pytest.fixture
def make_csv(tmp_path):
    def make(content, name='a.csv', encoding='utf-8'):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return make


@pytest.fixture
def make_xlsx(tmp_path):
    def make(cells, formats=None):
        book = openpyxl.Workbook()
        for row in cells:
            book.active.append(row)
        for place, form in (formats or {}).items():
            book.active[place].number_format = form
        book.create_sheet('other').append(['not this one'])
        book.save(tmp_path / 'a.xlsx')
        return tmp_path / 'a.xlsx'

    return make


@pytest.mark.parametrize('mark', [',', ';', '\t', '|'])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'cp1252'])
@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_delimiters_encodings_and_line_ends(make_csv, mark, encoding, end):
    size = '3.5' if mark == ',' else '3,5'
    text = end.join([mark.join([' case_id ', 'größe', 'Note']), mark.join(['007', size, 'é']), ''])
    found = read_table(make_csv(text, encoding=encoding))
    assert list(found.columns) == ['case_id', 'größe', 'Note']
    assert rows(found) == [['007', size, 'é']]


def test_files_joined_by_semicolons_do_not_make_columns(make_csv):
    found = read_table(make_csv('id,bus,label\n1,a.png;b.png;c.png;d.png,x\n'))
    assert rows(found) == [['1', 'a.png;b.png;c.png;d.png', 'x']]


@pytest.mark.parametrize(
    ('text', 'columns'),
    [
        ('size, mm;age\n3,5;40\n4;41\n', ['size, mm', 'age']),  # both marks split the header, one of them the rows
        ('size, mm;age\n3,5;40\n4,5;41\n', ['size, mm', 'age']),  # both split all lines: not the comma
        ('a, b, c, d;age\n3,5;40\n4;41\n', ['a, b, c, d', 'age']),
        ('"a;b",age\nx,40\ny,41\n', ['a;b', 'age']),
        ('id,bus\n1,a;b\n2,a;b\n', ['id', 'bus']),
        ('sep=;\nid;size, mm, side\n1;2\n', ['id', 'size, mm, side']),
        ('SEP=|\r\nid|a,b\r\n1|2\r\n', ['id', 'a,b']),
    ],
)
def test_the_delimiter_splits_header_and_rows_alike(make_csv, text, columns):
    assert list(read_table(make_csv(text)).columns) == columns


def test_words_for_missing_values_can_be_kept(make_csv):
    path = make_csv('a,b\nNA,\nnone,x\n')
    assert rows(read_table(path)) == [[None, None], [None, 'x']]
    assert rows(read_table(path, keep_words=True)) == [['NA', None], ['none', 'x']]


def test_quotes_line_breaks_and_blank_rows(make_csv):
    found = read_table(make_csv('a,b\n\n"x, y","two\nlines"\n,\n"say ""hi""",2\n'))
    assert rows(found) == [['x, y', 'two\nlines'], ['say "hi"', '2']]


def test_single_column(make_csv):
    assert rows(read_table(make_csv('id\n1\n2\n'))) == [['1'], ['2']]


@pytest.mark.parametrize('word', ['', ' ', 'NA', 'n/a', 'NaN', 'Not available', 'none', '-', '?', '#N/A', '#DIV/0!'])
def test_missing_cells_are_none(make_csv, word):
    assert is_missing(word)
    assert rows(read_table(make_csv(f'a,b\n1,{word}\n'))) == [['1', None]]


@pytest.mark.parametrize('word', ['0', 'no', 'N', 'nano', '--', 'unknown'])
def test_other_words_are_not_missing(word):
    assert not is_missing(word)


def test_xlsx_cells_are_what_a_person_sees(make_xlsx):
    path = make_xlsx(
        [
            ['id', ' code', 'age', 'size', 'seen', 'when', 'flag', 'gap'],
            ['007', 7, 42.0, 0.1 + 0.2, datetime.date(2020, 5, 1), datetime.datetime(2020, 5, 1, 8, 30), True, None],
            [None] * 8,
            ['8', 12, 41.5, 1e20, 'not available', datetime.time(8, 30), False, '#N/A'],
        ],
        {'B2': '0000', 'B4': '0000'},
    )
    found = read_table(path)
    assert list(found.columns) == ['id', 'code', 'age', 'size', 'seen', 'when', 'flag', 'gap']
    assert rows(found) == [
        ['007', '0007', '42', '0.3', '2020-05-01', '2020-05-01T08:30:00', 'TRUE', None],
        ['8', '0012', '41.5', '1e+20', None, '08:30:00', 'FALSE', None],
    ]


def test_xlsx_rows_that_end_early_are_filled(make_xlsx):
    assert rows(read_table(make_xlsx([['a', 'b', 'c'], ['1']]))) == [['1', None, None]]


def test_column_without_a_name_keeps_its_place(make_xlsx):
    found = read_table(make_xlsx([['a', None, 'c'], ['1', 'note', '3']]))
    assert list(found.columns) == ['a', 'column 2', 'c']


def test_header_alone_is_an_empty_table(make_csv):
    found = read_table(make_csv('a,b\n'))
    assert list(found.columns) == ['a', 'b']
    assert len(found) == 0


@pytest.mark.parametrize(
    ('content', 'cause'),
    [
        (b'', 'is empty'),
        (b'\n\n', 'has no header'),
        (b'a,a\n1,2\n', "more than one column named 'a'"),
        (b'a,b\n1,2\n1,2,3\n', 'row 3 has 3 cells, the header has 2'),
        (b'a,b,c\n1,2,3\n1,2\n', 'row 3 has 2 cells, the header has 3'),
        (b'a,b\n1,"2\n3,4\n', 'cannot be read as a table'),
        (b'a,b\n1,\0\0\n', 'holds zero bytes'),
        ('id,size\n1,2\n'.encode('utf-16-le'), 'looks like UTF-16 without its byte order mark: save it as UTF-8'),
        ('id,size\n1,2\n'.encode('utf-16-be'), 'looks like UTF-16 without its byte order mark: save it as UTF-8'),
        (
            b'Study\nid,size\n1,2\n',
            'row 2 has 2 cells, the header has 1: if row 1 is a title, set skip_rows',
        ),
        (b'\na,b\n1,2\n1,2,3\n', 'row 4 has 3 cells, the header has 2 '),
        (b'PK\x03\x04 but no archive', 'is a workbook that was cut off: copy or save it anew'),
    ],
)
def test_tables_that_cannot_be_trusted(make_csv, content, cause):
    with pytest.raises(DataError, match=cause):
        read_table(make_csv(content))


def test_numbers_of_rows_are_those_of_a_spreadsheet(make_csv, make_xlsx):
    text = 'sep=;\na;b\n1;2\n\n"two\nlines";4\n5;6\n'
    assert read_table(make_csv(text)).attrs[ROW_NUMBERS] == [2, 4, 5]
    assert read_table(make_xlsx([['a', 'b'], [1, 2], [], [3, 4]])).attrs[ROW_NUMBERS] == [2, 4]


def test_numbers_of_a_workbook_are_marked(make_xlsx):
    (row,) = rows(read_table(make_xlsx([['a', 'b', 'c', 'd'], [1.5, 2, '1.5', True]])))
    assert [type(cell) for cell in row] == [SheetNumber, SheetNumber, str, str] and row == ['1.5', '2', '1.5', 'TRUE']


def test_cells_behind_the_header_are_refused(make_xlsx):
    with pytest.raises(DataError, match='row 2 has 3 cells, the header has 2'):
        read_table(make_xlsx([['a', 'b'], [1, 2, 3]]))


def test_large_tables_are_refused(make_csv, make_xlsx, monkeypatch):
    text, sheet = make_csv('a,b\n1,2\n'), make_xlsx([['a', 'b']] + [[1, 2]] * 50)
    monkeypatch.setattr(limits, 'MAX_TABLE_CELLS', 30)
    with pytest.raises(DataError, match='holds over 30 cells'):
        read_table(sheet)
    monkeypatch.setattr(limits, 'MAX_TABLE_BYTES', 5)
    with pytest.raises(DataError, match='is a table over the limit of 5 bytes'):
        read_table(text)
    with pytest.raises(DataError, match=r'unpacks to \d+ bytes, over the limit of 5'):
        read_table(sheet)


def rewrite(path, part, change):
    """Replace one part of an XLSX file."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_zip_bomb_is_not_unpacked(make_xlsx):
    path = rewrite(make_xlsx([['a'], [1]]), 'xl/worksheets/sheet1.xml', lambda _: b' ' * (65 * 2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match='unpacks to'):
        read_table(path)


@pytest.mark.parametrize('method', [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize('part', ['mimetype', 'xl/workbook.xml', 'xl/media/image1.png'])
def test_a_part_that_unpacks_to_more_than_it_states(tmp_path: Path, part: str, method: int) -> None:
    path = tmp_path / 'a.xlsx'
    with zipfile.ZipFile(path, 'w', method) as archive:
        archive.writestr(part, bytes(30 * 2**20))
    content = bytearray(path.read_bytes())
    place = content.rindex(b'PK\x01\x02') + 24  # the size in the list of entries
    content[place : place + 4] = (1000).to_bytes(4, 'little')
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(
            DataError, match=r'no workbook that can be read: its (archive is damaged|entry .* packed by)'
        ):
            read_table(path)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('part', ['xl/worksheets/sheet1.xml', 'xl/styles.xml', 'xl/workbook.xml'])
def test_xml_bomb_is_refused(make_xlsx, part):
    lines = ''.join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 9))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{lines}]>'.encode()

    def lace(content):
        start = content.index(b'?>') + 2 if content.startswith(b'<?xml') else 0
        return content[:start] + bomb + content[start:]

    with pytest.raises(DataError, match=r'EntitiesForbidden|DTDForbidden'):
        read_table(rewrite(make_xlsx([['a', 'b'], ['x', 'y']]), part, lace))


def test_stated_size_of_a_sheet_is_not_believed(make_xlsx, monkeypatch):
    monkeypatch.setattr(limits, 'MAX_TABLE_CELLS', 100)
    path = make_xlsx([['a', 'b'], ['1', '2']])
    path = rewrite(path, 'xl/worksheets/sheet1.xml', lambda c: c.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"'))
    assert rows(read_table(path)) == [['1', '2']]


def test_xlsx_needs_defusedxml(make_xlsx, monkeypatch):
    path = make_xlsx([['a'], ['1']])
    monkeypatch.setattr(openpyxl, 'DEFUSEDXML', False)
    with pytest.raises(DataError, match='pip install defusedxml'):
        read_table(path)


def test_workbook_of_charts_alone(make_xlsx, monkeypatch):
    path = make_xlsx([['a'], ['1']])
    monkeypatch.setattr(openpyxl.Workbook, 'worksheets', property(lambda _: []))
    with pytest.raises(DataError, match='has no sheet of cells'):
        read_table(path)


@pytest.mark.real
def test_breast_table_is_what_pandas_reads(real_data):
    path = next((real_data / 'breast_lesions_usg').glob('*.xlsx'))
    ours, theirs = read_table(path), pd.read_excel(path, dtype=str, keep_default_na=False)
    assert list(ours.columns) == [c.strip() for c in theirs.columns]
    assert ours.shape == theirs.shape == (256, ours.shape[1])
    for name, column in zip(ours.columns, theirs.columns):
        expected = [None if is_missing(v) else v.strip() for v in theirs[column]]
        assert ours[name].tolist() == expected
    assert ours['Classification'].value_counts().to_dict() == {'benign': 154, 'malignant': 98, 'normal': 4}


@pytest.mark.real
def test_lung_table_is_what_pandas_reads(real_data):
    path = real_data / 'lung_clips' / 'clips.csv'
    theirs = pd.read_csv(path, dtype=str, keep_default_na=False)
    found = read_table(path)
    assert len(found) == len(theirs) == 44
    assert found.iloc[:, 0].tolist() == theirs.iloc[:, 0].tolist()
