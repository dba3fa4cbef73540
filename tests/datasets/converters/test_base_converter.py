"""Writing a converted data set: all or nothing, files beside the table, a schema that a config can take."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from mmengine.config import Config

from usmm.datasets.converters.base_converter import (
    Conversion,
    parser_of,
    render_settings,
    report,
    run,
    write_conversion,
)
from usmm.readers import DataError
from usmm.structures import Schema


@pytest.fixture
def src(tmp_path: Path) -> Path:
    folder = tmp_path / 'src'
    for name in ('a/1.png', 'a/2.png', 'b/1.png'):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def conversion(src: Path, **changes: object) -> Conversion:
    rows = [
        dict(case_id='001', patient_id='p', label='x', bus=(src / 'a/1.png', src / 'a/2.png'), age=61),
        dict(case_id='002', patient_id='p', label=None, bus=src / 'b/1.png', age=None),
        dict(case_id='003', patient_id='q', label='y', bus=(), age=4.5),
    ]
    settings = dict(
        classes=('x', 'y'), modalities=('bus',), schema=dict(images=dict(bus='bus'), clinical=[dict(name='age')])
    )
    return Conversion(**(dict(rows=rows, root=src, settings=settings) | changes))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def test_table_has_relative_files_and_empty_cells_for_what_is_missing(src: Path, tmp_path: Path) -> None:
    table = write_conversion(conversion(src), tmp_path / 'out')
    rows = read(table)
    assert [row['bus'] for row in rows] == ['files/a/1.png;files/a/2.png', 'files/b/1.png', '']
    assert [row['age'] for row in rows] == ['61', '', '4.5']
    assert [row['label'] for row in rows] == ['x', '', 'y']
    assert list(rows[0]) == ['case_id', 'patient_id', 'label', 'bus', 'age']
    assert (table.parent / 'files/a/2.png').read_bytes() == b'a/2.png'
    assert not (table.parent / 'files/a/2.png').is_symlink()


def test_link_points_to_the_source(src: Path, tmp_path: Path) -> None:
    table = write_conversion(conversion(src), tmp_path / 'out', link=True)
    assert (table.parent / 'files/b/1.png').readlink() == (src / 'b/1.png').resolve()


def test_copy_does_not_depend_on_the_source(src: Path, tmp_path: Path) -> None:
    table = write_conversion(conversion(src), tmp_path / 'out')
    (src / 'b/1.png').write_bytes(b'changed')
    assert (table.parent / 'files/b/1.png').read_bytes() == b'b/1.png'


@pytest.mark.parametrize(
    ('row', 'error', 'words'),
    [
        (
            dict(case_id='004', patient_id='r', bus='gone.png'),
            DataError,
            r'the file is missing \(file .*gone.png, case 004',
        ),
        (dict(case_id='004', patient_id='r', bus='a;b.png'), DataError, "a path with ';' cannot stand in a case table"),
        (dict(case_id='001', patient_id='r', bus=None), ValueError, "case ids must be unique; more than once: '001'"),
    ],
)
def test_bad_rows_leave_nothing_behind(
    src: Path, tmp_path: Path, row: dict[str, object], error: type[Exception], words: str
) -> None:
    (src / 'a;b.png').write_bytes(b'x')
    row = row | dict(bus=src / str(row['bus']) if row['bus'] else None, label='x')
    with pytest.raises(error, match=words):
        write_conversion(conversion(src, rows=[*conversion(src).rows, row]), tmp_path / 'made' / 'out')
    assert not list((tmp_path / 'made').glob('*')) if (tmp_path / 'made').exists() else True


def test_no_cases(src: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'found no cases \(file .*src'):
        write_conversion(conversion(src, rows=[]), tmp_path / 'out')


def test_settings_are_a_config(src: Path, tmp_path: Path) -> None:
    values = tuple(f'a value that is rather long, number {n}' for n in range(6))
    clinical = [
        dict(name='age', unit='year', range=(0.0, 120.0)),
        dict(name='kind', values=values),
        dict(name='one', values=('x',)),
    ]
    settings = dict(classes=('x', 'y'), modalities=('bus',), schema=dict(images=dict(bus='bus'), clinical=clinical))
    path = tmp_path / 'schema.py'
    optional = {'Not by default:': [dict(name='long', values=values), dict(name='short')]}
    path.write_text(render_settings(conversion(src, settings=settings, optional=optional)))
    config = Config.fromfile(path)
    assert tuple(config.classes) == ('x', 'y')
    assert Path(config.data_root) == tmp_path
    assert Schema.of(config.schema.to_dict()) == Schema.of(settings['schema'])
    assert "#   dict(name='short')," in path.read_text()
    assert max(map(len, path.read_text().splitlines())) <= 120


def test_report_counts(src: Path, tmp_path: Path) -> None:
    text = report(conversion(src, notes=['look']), Path('cases.csv'))
    assert text.splitlines() == [
        'cases.csv: 3 cases of 2 patients',
        'labels: x 1, missing 1, y 1',
        'bus: 3 files in 2 cases',
        'note: look',
    ]


def test_run_writes_and_tells_the_settings(src: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = parser_of('usmm.datasets.converters.words', None).parse_args([str(src), str(tmp_path / 'out')])
    assert run(args, lambda: conversion(src)) == 0
    assert 'schema = dict(' in capsys.readouterr().out


def test_link_and_copy_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser_of('usmm.datasets.converters.words', None).parse_args(['a', 'b']).link is False
    assert parser_of('usmm.datasets.converters.words', None).parse_args(['a', 'b', '--link']).link is True
    with pytest.raises(SystemExit):
        parser_of('usmm.datasets.converters.words', None).parse_args(['a', 'b', '--link', '--copy'])
    assert 'not allowed with' in capsys.readouterr().err
