from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from usmm.datasets.table_inference import file_lookup
from usmm.datasets.table_inference.file_lookup import FileLookup


@pytest.fixture
def lookup(tmp_path: Path, write_images) -> FileLookup:
    write_images(['img a/deep/im 1.PNG', 'img a/deep/im 2.PNG', 'left/x.png', 'right/x.png', '.hidden/h.png'])
    return FileLookup(tmp_path)


@pytest.mark.parametrize(
    'text',
    ['img a/deep/im 1.PNG', 'img a\\deep\\im 1.png', 'im 1.png', 'C:\\old\\deep\\IM 1.png', '/other/deep/im 1.PNG',
     './img a/deep/im 1.PNG'],
)  # fmt: skip
def test_spellings_of_one_file(lookup: FileLookup, tmp_path: Path, text: str) -> None:
    assert lookup.cell(text).files == (tmp_path / 'img a' / 'deep' / 'im 1.PNG',)


def test_an_absolute_path(lookup: FileLookup, tmp_path: Path) -> None:
    assert lookup.cell(str(tmp_path / 'left' / 'x.png')).files == (tmp_path / 'left' / 'x.png',)


@pytest.mark.parametrize('mark', [';', '&', ' | ', ',', '\n'])
def test_several_files_in_a_cell(lookup: FileLookup, mark: str) -> None:
    cell = lookup.cell(mark.join(['deep/im 1.png', 'img a/deep/im 2.png', 'no.png']))
    assert [path.name for path in cell.files] == ['im 1.PNG', 'im 2.PNG'] and cell.absent == ('no.png',)


def test_a_name_of_several_files_is_unclear_until_its_folder_is_there(lookup: FileLookup, tmp_path: Path) -> None:
    assert lookup.cell('x.png').unclear == ('x.png',)
    assert lookup.cell('d:/right/x.png').files == (tmp_path / 'right' / 'x.png',)


def test_names_without_suffix_count_where_they_are_asked_for(lookup: FileLookup) -> None:
    assert lookup.cell('im 1').files == () and lookup.cell('im 1', bare=True).files[0].name == 'im 1.PNG'
    assert lookup.cell('h.png').files == ()  # in a hidden folder


def test_patterns(lookup: FileLookup, tmp_path: Path) -> None:
    row = {'k': '1', 'none': None, 'star': '*'}
    assert [p.name for p in lookup.matching('img a/*/im {k}.*', row).files] == ['im 1.PNG']
    assert [p.name for p in lookup.matching(f'{tmp_path}/img a/deep/im *.PNG', row).files] == ['im 1.PNG', 'im 2.PNG']
    assert lookup.matching('img a/deep/im {none}.PNG', row).files == ()
    assert lookup.matching('img a/deep/im {star}.PNG', row).absent != ()  # a cell is no pattern
    with pytest.raises(ValueError, match=r"the pattern '\{wrong\}.png' names 'wrong', which is not a column; columns"):
        lookup.matching('{wrong}.png', row)
    with pytest.raises(ValueError, match=r"'a\*\*b/x.png' is not a pattern of file names"):
        lookup.matching('a**b/x.png', row)


def test_folders_that_cannot_be_looked_through(tmp_path: Path, lookup: FileLookup, monkeypatch) -> None:
    with pytest.raises(ValueError, match=r'expected a folder of images, got .*: --image-root needs an existing folder'):
        FileLookup(tmp_path, [tmp_path / 'nowhere'])
    monkeypatch.setattr(file_lookup, 'MOST_FILES', 2)
    with pytest.raises(ValueError, match=r'holds more than 2 files: move the table, or the images'):
        FileLookup(tmp_path).cell('im 1.png')


def test_another_root(tmp_path: Path, write_images) -> None:
    write_images(['a/table/t.txt.png', 'b/images/z.png'])
    assert FileLookup(tmp_path / 'a' / 'table').cell('z.png').absent == ('z.png',)
    assert FileLookup(tmp_path / 'a' / 'table', [tmp_path / 'b']).cell('z.png').files[0].name == 'z.png'


@pytest.mark.parametrize('text', ['middle/im 1.png', 'left/im 1.png', 'C:\\users\\me\\im 1.png'])
def test_a_file_of_another_folder_is_not_taken_for_one_that_is_absent(lookup: FileLookup, text: str) -> None:
    cell = lookup.cell(text)
    assert cell.files == () and cell.absent == (text,)


@pytest.mark.parametrize(('cell', 'file'), [('NFC', 'NFD'), ('NFD', 'NFC')])
def test_accents_as_one_character_or_two(tmp_path: Path, write_images, cell: str, file: str) -> None:
    name = 'Müller/Größe.png'
    write_images([unicodedata.normalize(file, name)])
    lookup, text = FileLookup(tmp_path), unicodedata.normalize(cell, name)
    path = tmp_path / unicodedata.normalize(file, name)
    assert lookup.cell(text).files == lookup.cell(text.partition('/')[2]).files == (path,)
    assert lookup.matching('{folder}/*.png', {'folder': text.partition('/')[0]}).files == (path,)


def test_of_files_of_one_name_those_in_a_stated_folder_count(lookup: FileLookup, tmp_path: Path) -> None:
    text = "'x.png' is the name of 2 files (left/x.png, right/x.png)"
    assert lookup.described(['x.png']) == text
    narrow = FileLookup(tmp_path, [tmp_path / 'left'])
    assert narrow.cell('x.png').files == (tmp_path / 'left' / 'x.png',)


def test_names_that_differ_in_case_alone(tmp_path: Path, write_images) -> None:
    write_images(['img/A0.png', 'img/a0.png'])
    if len(list((tmp_path / 'img').iterdir())) < 2:
        pytest.skip('the file system takes both names as one')
    lookup = FileLookup(tmp_path)
    assert lookup.cell('A0.PNG').unclear == ('A0.PNG',)
    assert lookup.cell('A0.png').files == (tmp_path / 'img' / 'A0.png',)
