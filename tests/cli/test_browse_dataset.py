"""Sheets of samples: as the network sees them, and as the files are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
data_root = '{{fileDirname}}'
classes = ('A', 'B')
modalities = ('bus', 'ue', 'clinical')
work_dir = '${data_root}/work'
split = dict(folds=2, fold=0, seed=0, file='${work_dir}/folds.csv')
schema = dict(images=dict(bus='bus', ue='ue'), clinical=[dict(name='side', values='auto'), dict(name='age')])
dataset = dict(type='CaseDataset', table='${data_root}/cases.csv', schema='${schema}', classes='${classes}',
               modalities='${modalities}', split='${split}')
train_pipeline = [dict(type='LoadImage', modalities=('bus', 'ue')), dict(type='Resize', size=24),
                  dict(type='PackCase', modalities='${modalities}', clinical='${schema.clinical}')]
test_pipeline = '${train_pipeline}'
"""
GREEN, VIOLET = (0, 200, 0), (150, 0, 150)


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.browse_dataset')


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Eight cases: bus green, ue violet; one without ue, one without a label."""
    rows = []
    for n in range(8):
        cv2.imwrite(str(tmp_path / f'bus{n}.png'), np.full((40, 60, 3), GREEN[::-1], np.uint8))
        cv2.imwrite(str(tmp_path / f'ue{n}.png'), np.full((30, 30, 3), VIOLET[::-1], np.uint8))
        for modality in (
            'bus',
            'ue',
        ):  # the same picture in two parts would be refused; what follows PNG's end is not it
            with (tmp_path / f'{modality}{n}.png').open('ab') as file:
                file.write(bytes([n]))
        mask = np.zeros((40, 60), np.uint8)
        mask[10:20, 10:30] = 255
        cv2.imwrite(str(tmp_path / f'mask{n}.png'), mask)
        rows.append(dict(case_id=f'c{n}', label='AB'[n % 2], side='left', age=40 + n, bus=f'bus{n}.png',
                         bus_mask=f'mask{n}.png', ue=f'ue{n}.png'))  # fmt: skip
    rows[2]['ue'] = ''
    rows[3]['label'] = ''
    pd.DataFrame(rows).to_csv(tmp_path / 'cases.csv', index=False)
    (tmp_path / 'config.py').write_text(CONFIG)
    return tmp_path / 'config.py'


def pixels(path: Path, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(Image.open(path)) == colour).all(axis=2).sum())


def test_all_cases_on_sheets(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        str(config),
        '--part',
        'all',
        '--num',
        '8',
        '--rows',
        '5',
        '--height',
        '24',
        '--out',
        str(tmp_path / 'out'),
    ]
    assert tool.main(options) == 0
    sheets = [tmp_path / f'out/all_{n:02d}.png' for n in (1, 2)]
    assert capsys.readouterr().out.split() == [str(path) for path in sheets]
    assert [pixels(path, GREEN) for path in sheets] == [5 * 24 * 24, 3 * 24 * 24]
    assert [pixels(path, VIOLET) for path in sheets] == [4 * 24 * 24, 3 * 24 * 24]  # one is missing


def test_part_and_epochs(tool: ModuleType, config: Path, tmp_path: Path) -> None:
    for part in ('train', 'test'):
        options = ['--part', part, '--epochs', '2', '--num', '99', '--rows', '99', '--height', '24']
        assert tool.main([str(config), *options, '--out', str(tmp_path / 'out')]) == 0
    train, test = (pixels(tmp_path / f'out/{part}_01.png', GREEN) // (2 * 24 * 24) for part in ('train', 'test'))
    assert test == 4
    assert not (tmp_path / 'work').exists()  # looking writes no folds
    assert 1 <= train <= 4  # the rest validates


def test_original_shows_files_with_masks(tool: ModuleType, config: Path, tmp_path: Path) -> None:
    options = ['--original', '--part', 'all', '--cases', 'c5', '--height', '40', '--out', str(tmp_path / 'out')]
    assert tool.main([str(config), *options]) == 0
    assert pixels(tmp_path / 'out/all_01.png', (255, 210, 0)) == 2 * 20 + 2 * 8
    assert pixels(tmp_path / 'out/all_01.png', GREEN) == 40 * 60 - 56


def test_original_shows_boxes_where_there_is_no_mask(tool: ModuleType, config: Path, tmp_path: Path) -> None:
    path = next(tmp_path.glob('cases.*'))
    table = pd.read_csv(path).assign(bus_mask='', bus_box='5 5 25 15')
    table.to_csv(path, index=False)
    options = ['--original', '--part', 'all', '--cases', 'c5', '--height', '40', '--out', str(tmp_path / 'out')]
    assert tool.main([str(config), *options]) == 0
    assert pixels(tmp_path / 'out/all_01.png', (255, 210, 0)) == 2 * 20 + 2 * 8


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (
            ['--part', 'all', '--cases', 'c1', 'x'],
            r"error: part all has no cases ['x']; it has 8, such as ['c0', 'c1', 'c2']",
        ),
        (['--cfg-options', 'data_root=nowhere'], 'error: there is no case table here'),
    ],
)
def test_errors_are_one_line(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert tool.main([str(config), '--out', str(tmp_path / 'out'), *options]) == 2
    assert words in capsys.readouterr().err


def test_numbers_are_checked(tool: ModuleType, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tool.main([str(config), '--num', '0'])
    assert "--num: expected a whole number of 1 or more, got '0'" in capsys.readouterr().err


@pytest.mark.real
def test_real_lung_clips(tool: ModuleType, real_data: Path, tmp_path: Path) -> None:
    rows = [dict(case_id='c', label='regular', clip=real_data / 'lung_clips/Reg_pat1Image_132943.mpeg')]
    pd.DataFrame(rows).to_csv(tmp_path / 'cases.csv', index=False)
    (tmp_path / 'schema.py').write_text(
        "data_root = '{{fileDirname}}'\nclasses = ('regular', 'COVID-19')\nmodalities = ('clip',)\n"
        "schema = dict(clips=dict(clip='clip'))\n"
    )
    options = ['--original', '--part', 'all', '--height', '32', '--out', str(tmp_path / 'out')]
    assert tool.main([str(tmp_path / 'schema.py'), *options]) == 0
    assert np.asarray(Image.open(tmp_path / 'out/all_01.png')).std() > 20
