"""What a converted case table refuses to hold, whatever a converter found."""

from __future__ import annotations

import csv
import doctest
from pathlib import Path

import pytest

from usmm.datasets.converters import base_converter as convert
from usmm.datasets.converters.base_converter import Conversion, Faults, write_conversion
from usmm.datasets.converters.cells import Cell, Made, files_of, join_same_files, no_formula
from usmm.readers import DataError


@pytest.fixture
def src(tmp_path: Path) -> Path:
    (tmp_path / 'src').mkdir()
    for name, text in (('a', 'one'), ('b', 'two'), ('c', 'one')):
        (tmp_path / f'src/{name}.png').write_text(text)
    (tmp_path / 'secret.png').write_text('not of the data set')
    return tmp_path / 'src'


def conversion(src: Path, **cells: Cell) -> Conversion:
    row: dict[str, Cell] = {'case_id': 'c1', 'patient_id': 'p1', 'label': 'x', 'bus': src / 'a.png'}
    return Conversion(
        [row | cells], src, dict(classes=('x', 'y'), modalities=('bus',), schema=dict(images={'bus': 'bus'}))
    )


def test_examples() -> None:
    assert doctest.testmod(convert).failed == 0


def test_a_made_file_is_written_beside_the_others(src: Path, tmp_path: Path) -> None:
    mask = Made('bus_mask/c1.png', b'png')
    table = write_conversion(conversion(src, bus_mask=mask), tmp_path / 'out')
    with table.open(newline='') as stream:
        (row,) = csv.DictReader(stream)
    assert row['bus_mask'] == 'made/bus_mask/c1.png'
    assert (tmp_path / 'out' / row['bus_mask']).read_bytes() == b'png'
    assert files_of(mask) == ()


@pytest.mark.parametrize('name', ['../../c1.png', 'a;b.png'])
def test_a_made_file_stays_in_its_folder(src: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"cannot write '.*' into the new folder \(case c1\)"):
        write_conversion(conversion(src, bus_mask=Made(name, b'')), tmp_path / 'out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['secret.png', 'src']


def test_two_made_files_of_one_name(src: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write 'm\.png'"):
        write_conversion(conversion(src, one=Made('m.png', b'1'), two=Made('m.png', b'2')), tmp_path / 'out')


@pytest.mark.parametrize('name', ['../secret.png', 'sub/../../secret.png'])
@pytest.mark.parametrize('link', [False, True])
def test_a_file_outside_of_the_data_set_is_refused(src: Path, tmp_path: Path, name: str, link: bool) -> None:
    with pytest.raises(DataError, match=r'the file lies outside of the data set \(file .*secret.png, case c1'):
        write_conversion(conversion(src, bus=src / name), tmp_path / 'out', link)
    with pytest.raises(DataError, match='the file lies outside of the data set'):
        write_conversion(conversion(src, bus=tmp_path / 'secret.png'), tmp_path / 'out', link)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('text', ['=1+1', '@SUM(A1)', '+cmd', '-2+3+cmd|x', '  =A1', '-x', '+1+1'])
def test_formulas(src: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r'a cell that a spreadsheet would run as a formula: .* \(case c1\)'):
        write_conversion(conversion(src, note=text), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('text', ['-3', '-3.5', '+4', '-1e-3', '-', 'a=b', 'HRT/hormonal', '4a', '', '10-1'])
def test_no_formulas(text: str) -> None:
    assert no_formula(text, 'c1') == text


def test_same_files_are_one_patient(src: Path) -> None:
    rows: list[dict[str, Cell]] = [
        {'case_id': n, 'patient_id': n, 'label': 'x', 'bus': src / f'{n}.png'} for n in ('a', 'b', 'c', 'gone')
    ]
    assert join_same_files(rows, 'bus') == ["the same file, taken as one patient: 'a', 'c'"]
    assert [row['patient_id'] for row in rows] == ['a', 'b', 'a', 'gone']
    rows[2]['label'] = 'y'
    assert join_same_files(rows, 'bus') == ["the same file, taken as one patient: 'a', 'c'; labelled x and y"]


def test_faults_stop_or_are_kept() -> None:
    with pytest.raises(DataError, match='bad'), Faults().of_one_case():
        raise DataError('bad')
    faults = Faults(skip=True)
    with faults.of_one_case():
        raise DataError('bad', case='c1')
    with pytest.raises(KeyError), faults.of_one_case():  # a defect is no bad case
        raise KeyError('x')
    assert faults.notes == ['left out: bad (case c1)']
