"""The command: one run, tables, exit code."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.check_data')


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small data set with a dual panel, and its config beside it."""
    rng = np.random.default_rng(0)
    for n in range(4):
        pixels = rng.integers(60, 255, (50, 80, 3), dtype=np.uint8)
        if n == 0:
            pixels[:, 36:44] = 0
        assert cv2.imwrite(str(tmp_path / f'{n}.png'), pixels)
    rows = [dict(case_id=f'c{n}', label='AB'[n % 2], bus=f'{n}.png', age=40) for n in range(4)]
    pd.DataFrame(rows).to_csv(tmp_path / 'cases.csv', index=False)
    (tmp_path / 'schema.py').write_text(
        "data_root = '{{fileDirname}}'\nclasses = ('A', 'B')\nmodalities = ('bus', 'clinical')\n"
        "schema = dict(images=dict(bus='bus'), clinical=[dict(name='age')])\n"
        "work_dir = '{{fileDirname}}/work'\n"
    )
    return tmp_path / 'schema.py'


def test_a_sound_set(tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([str(config)]) == 0
    out = capsys.readouterr().out
    for words in (
        '4 cases of 4 patients',
        'no problems',
        'manifest of 5 files written',
        '80x50 -> left 36x50 at (0, 0)',
    ):
        assert words in out
    assert (tmp_path / 'work' / 'manifest.json').is_file()
    assert not (tmp_path / 'manifest.json').exists(), 'nothing is written beside the data'
    assert tool.main([str(config)]) == 0
    assert 'no difference in 5 files' in capsys.readouterr().out


def test_modalities_that_are_not_in_use_may_be_absent(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(tmp_path / 'cases.csv')
    table.loc[1, 'bus'] = None
    table.to_csv(tmp_path / 'cases.csv', index=False)
    assert tool.main([str(config)]) == 1
    assert 'the case has no bus' in capsys.readouterr().out
    assert tool.main([str(config), '--cfg-options', "modalities=('clinical',)"]) == 0
    assert 'no_modality' not in capsys.readouterr().out


def test_a_manifest_beside_the_data_goes_on_to_be_used(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main([str(config), '--out', str(tmp_path)]) == 0
    (tmp_path / 'manifest.json').write_text((tmp_path / 'manifest.json').read_text().replace('"root"', '"old"'))
    (tmp_path / '0.png').write_bytes((tmp_path / '1.png').read_bytes())
    capsys.readouterr()
    assert tool.main([str(config)]) == 1
    assert 'the content differs from that in the manifest' in ' '.join(capsys.readouterr().out.split())
    assert tool.main([str(config), '--update-manifest']) == 1, 'the picture is that of two patients'
    assert f'written to {tmp_path / "manifest.json"}' in capsys.readouterr().out
    assert not (tmp_path / 'work').exists()


def test_a_manifest_of_other_data_is_left_alone(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main([str(config)]) == 0
    before = (tmp_path / 'work' / 'manifest.json').read_bytes()
    other = tmp_path / 'other'
    other.mkdir()
    for path in (*tmp_path.glob('*.png'), tmp_path / 'cases.csv'):
        shutil.copy(path, other)
    capsys.readouterr()
    assert tool.main([str(config), '--cfg-options', f'data_root={other}']) == 0
    assert 'is of the data in another folder and was not compared' in ' '.join(capsys.readouterr().out.split())
    assert (tmp_path / 'work' / 'manifest.json').read_bytes() == before


def test_a_schema_has_no_place_for_a_manifest(
    tool: ModuleType, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace('work_dir', '_work_dir'))
    assert tool.main([str(config)]) == 0
    assert 'no manifest is kept' in capsys.readouterr().out


@pytest.mark.parametrize(('options', 'code', 'text'), [((), 0, 'WARNING: cannot write'), (('--out',), 2, 'error: ')])
def test_the_report_is_out_before_a_write_fails(
    tool: ModuleType,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, 'cannot write x: No space left on device')

    monkeypatch.setattr('usmm.datasets.checks.manifest.write_text', full)
    assert tool.main([str(config), *options, *([str(tmp_path / 'out')] if options else [])]) == code
    found = capsys.readouterr()
    assert '4 cases of 4 patients' in found.out
    assert text in found.err and 'No space left on device' in found.err
    assert not [*tmp_path.rglob('manifest.json')]


def test_problems_and_tables(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tmp_path / '1.png', tmp_path / '2.png')
    (tmp_path / '3.png').write_bytes(b'')
    assert tool.main([str(config), '--out', str(tmp_path / 'out')]) == 1
    assert '2 problems, 2 of them blocking: same_file_two_patients 1, empty 1' in capsys.readouterr().out
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'files.csv', 'near_duplicates.png', 'problems.csv', 'summary.json',
    ]  # fmt: skip
    assert not [*tmp_path.rglob('manifest.json')], 'a first run that fails leaves none'


def test_options_reach_the_check(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(tmp_path / 'cases.csv')
    table['bus'] = table['bus'].where(table['case_id'] != 'c3')
    table.to_csv(tmp_path / 'other.csv', index=False)
    options = ['--cfg-options', 'table=other.csv']
    assert tool.main([str(config), *options]) == 1
    assert 'no_modality' in capsys.readouterr().out
    assert tool.main([str(config), *options, 'missing=keep', '--update-manifest']) == 0


def test_errors_are_one_line(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main([str(config), '--cfg-options', f'data_root={tmp_path / "nowhere"}']) == 2
    assert 'error: there is no case table here' in capsys.readouterr().err
    (tmp_path / 'manifest.json').write_text('{}')
    assert tool.main([str(config)]) == 2
    assert 'error: no manifest of a data set' in capsys.readouterr().err


@pytest.mark.real
def test_real_breast_and_lung(
    tool: ModuleType, real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of the real files: through a converter into the check, without a blocking problem."""
    for name in ('breast_lesions_usg', 'lung_clips'):
        converter = importlib.import_module(f'usmm.datasets.converters.{name}')
        assert converter.main([str(real_data / name), str(tmp_path / name), '--link']) == 0
        table = pd.read_csv(tmp_path / name / 'cases.csv', dtype=str, keep_default_na=False)
        few = table[table['case_id'].isin(['case001', 'case022', 'case045'])] if 'bus' in table else table.iloc[::12]
        few.to_csv(tmp_path / name / 'few.csv', index=False)
        options = ['--out', str(tmp_path / f'{name}_out'), '--cfg-options', 'table=few.csv']
        assert tool.main([str(tmp_path / name / 'schema.py'), *options]) == 0
    problems = pd.read_csv(tmp_path / 'breast_lesions_usg_out/problems.csv')
    assert problems[['kind', 'case_id']].values.tolist() == [['no_mask', 'case045']]
    files = pd.read_csv(tmp_path / 'lung_clips_out/files.csv')
    assert files['frames'].between(104, 495).all()
    assert files['fps'].between(18, 40).all()
