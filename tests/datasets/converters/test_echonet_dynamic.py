"""The converter of EchoNet-Dynamic, heart: clips and a CSV, on small trees in its layout."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from usmm.datasets import CaseDataset
from usmm.readers import DataError

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
convert = HELP['convert']
converter = HELP['converter']
settings = HELP['settings']
write = HELP['write']


HEADER = 'FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split\n'
ECHO = HEADER + (
    '0X1A,78.5,14.9,69.2,112,112,50,174,VAL\n0X2B,50,40,80,112,112,50,215,TRAIN\n'
    '0X3C,49.9,60.3,120.4,112,112,55,128,TRAIN\n0X4D.avi,30,90,130,112,112,50,100,TEST\n'
)


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    write(tmp_path / 'echo/FileList.csv', ECHO)
    write(tmp_path / 'echo/VolumeTracings.csv', 'FileName,X1,Y1,X2,Y2,Frame\n0X1A.avi,51,19,64,54,46\n')
    for name in ('0X1A', '0X2B', '0X3C', '0X4D'):
        write(tmp_path / f'echo/Videos/{name}.avi', name)
    return tmp_path / 'echo'


def test_echonet_dynamic(echo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(echo / 'Videos/0X5E.avi', 'extra')
    rows = convert('echonet_dynamic', echo, tmp_path / 'out')
    assert [(r['case_id'], r['label'], r['split']) for r in rows] == [
        ('0X1A', 'normal', 'val'), ('0X2B', 'normal', 'train'), ('0X3C', 'reduced', 'train'),
        ('0X4D', 'reduced', 'test'),
    ]  # fmt: skip
    assert rows[0] == dict(
        case_id='0X1A', patient_id='0X1A', label='normal', clip='files/Videos/0X1A.avi', split='val', ef='78.5',
        esv='14.9', edv='69.2', frame_height='112.0', frame_width='112.0', fps='50.0', frames='174.0',
    )  # fmt: skip
    config = settings(tmp_path / 'out')
    assert (tuple(config.classes), config.positive) == (('normal', 'reduced'), 'reduced')
    parts = {part: len(CaseDataset(tmp_path / 'out/cases.csv', config.schema, config.classes, part=part))
             for part in ('train', 'val', 'test')}  # fmt: skip
    assert parts == dict(train=2, val=1, test=1)
    assert 'clinical' not in config.schema  # what the label is made of is no input
    assert "dict(name='ef', unit='%', range=(0.0, 100.0))" in (tmp_path / 'out/schema.py').read_text()
    assert "1 clips are not in FileList.csv and were left out: '0X5E'" in capsys.readouterr().out


def test_echonet_dynamic_thresholds(echo: Path, tmp_path: Path) -> None:
    rows = convert('echonet_dynamic', echo, tmp_path / 'out', '--thresholds', '40', '55')
    assert [row['label'] for row in rows] == ['normal', 'borderline', 'borderline', 'reduced']
    config = settings(tmp_path / 'out')
    assert tuple(config.classes) == ('normal', 'borderline', 'reduced') and 'positive' not in config


@pytest.mark.parametrize(
    ('ef', 'one', 'two'),
    [(39.9, 'reduced', 'reduced'), (40, 'reduced', 'borderline'), (49.9, 'reduced', 'borderline'),
     (50, 'normal', 'normal')],
)  # fmt: skip
def test_echonet_dynamic_a_threshold_belongs_to_the_upper_class(ef: float, one: str, two: str) -> None:
    label_of = converter('echonet_dynamic').label_of
    assert (label_of(ef, (50,)), label_of(ef, (40, 50))) == (one, two)


@pytest.mark.parametrize('thresholds', [[], [50, 40], [50, 50], [0], [100], [float('nan')], [30, 40, 50]])
def test_echonet_dynamic_thresholds_that_make_no_sense(echo: Path, thresholds: list[float]) -> None:
    with pytest.raises(ValueError, match='expected one or two rising thresholds of EF between 0 and 100'):
        converter('echonet_dynamic').convert(echo, thresholds)


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        (
            '../../secret,60,1,1,1,1,50,9,TRAIN',
            r"expected the name of a clip, got '../../secret' \(file .*FileList.csv",
        ),
        ('=HYPERLINK(1),60,1,1,1,1,50,9,TRAIN', 'expected the name of a clip'),
        (',60,1,1,1,1,50,9,TRAIN', 'expected the name of a clip, got None'),
        ('0X9F,60,1,1,1,1,50,9,TRAIN', r'the clip is missing \(file .*0X9F.avi, case 0X9F'),
        ('0X4D,=1+1,1,1,1,1,50,9,TRAIN', r"expected EF from 0 to 100, got '=1\+1' \(file .*, case 0X4D"),
        ('0X4D,160,1,1,1,1,50,9,TRAIN', "expected EF from 0 to 100, got '160'"),
        ('0X4D,,1,1,1,1,50,9,TRAIN', r'a clip without an EF \(file .*FileList.csv, case 0X4D'),
        ('0X4D,60,1,1,1,1,50,9,DEV', r"expected a split of \['TRAIN', 'VAL', 'TEST'\], got 'DEV' \(file .*, case 0X4D"),
    ],
)
def test_echonet_dynamic_refuses_or_leaves_out(echo: Path, line: str, words: str) -> None:
    write(echo / 'FileList.csv', ECHO.replace('0X4D.avi,30,90,130,112,112,50,100,TEST', line))
    with pytest.raises(DataError, match=words):
        converter('echonet_dynamic').convert(echo)
    found = converter('echonet_dynamic').convert(echo, skip_bad=True)
    assert [row['case_id'] for row in found.rows] == ['0X1A', '0X2B', '0X3C']
    assert found.notes[-1].startswith('left out: ')


def test_echonet_dynamic_needs_its_table(echo: Path) -> None:
    write(echo / 'FileList.csv', 'FileName,EF\n0X1A,60\n')
    with pytest.raises(DataError, match=r"without \['Split', 'ESV', .*FileList.csv"):
        converter('echonet_dynamic').convert(echo)
    (echo / 'FileList.csv').unlink()
    with pytest.raises(DataError, match=r'expected FileList.csv in the folder of the data set'):
        converter('echonet_dynamic').convert(echo)
