"""The tool that measures clips: columns, paths, empty cells, and the baseline that reads them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from usmm.config import load_config
from usmm.datasets import CaseTable
from usmm.evaluation.stats.time_intensity import TimeIntensity

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
data_root = '{{fileDirname}}'
table = 'cases.csv'
classes = ('A', 'B')
schema = dict(images=dict(bus='bus'), clips=dict(dceus='clip'), masks=dict(dceus='outline'))
"""
HEIGHTS = (60, 120)


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.time_intensity')


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two clips with curves of straight lines, one case without a mask, one without a clip."""
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    t = np.arange(60)
    for i, height in enumerate(HEIGHTS):
        curve = 20 + np.interp(t, [10, 20, 59], [0, height, height - 39])
        writer = cv2.VideoWriter(str(tmp_path / f'{i}.avi'), cv2.VideoWriter_fourcc(*'FFV1'), 10, (32, 32))
        for value in curve:
            frame = np.full((32, 32, 3), 7, np.uint8)
            frame[mask > 0] = round(value)
            writer.write(frame)
        writer.release()
    pd.DataFrame(
        dict(case_id=['1', '02', '3', '4'], label=list('ABAB'), bus=['x.png; y.png', '', '', ''], note=list('abcd'),
             clip=['0.avi', '1.avi', '0.avi', ''], outline=['mask.png', 'mask.png', '', 'mask.png'])
    ).to_csv(tmp_path / 'cases.csv', index=False)  # fmt: skip
    for name in 'xy':
        Image.fromarray(mask).save(tmp_path / f'{name}.png')
    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    return path


def test_columns_are_appended(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'sub' / 'new.csv'
    options = ['--time-factor', '10', '--smoothing', '0', '--baseline-until', '9']
    assert tool.main([str(config), '--out', str(out), *options]) == 0
    assert '4 cases, 2 with every parameter' in capsys.readouterr().out
    table = pd.read_csv(out, dtype=str)
    assert table['case_id'].tolist() == ['1', '02', '3', '4'] and table['note'].tolist() == list('abcd')
    measured = table[[f'dceus_{name}' for name in TimeIntensity.names()]].astype(float)
    assert measured.iloc[2:].isna().all(axis=None)
    for row, height in zip(measured.iloc[:2].to_dict('records'), HEIGHTS):
        assert row['dceus_baseline'] == pytest.approx(20, abs=1)
        assert row['dceus_peak_intensity'] == pytest.approx(height, abs=2)
        assert row['dceus_time_to_peak'] == pytest.approx(20, abs=0.5)
        assert row['dceus_wash_in_slope'] == pytest.approx(height / 10, rel=0.04)
        assert row['dceus_wash_out_slope'] == pytest.approx(-1, abs=0.05)


def test_files_are_found_from_the_new_table(tool: ModuleType, config: Path, tmp_path: Path) -> None:
    out = tmp_path / 'sub' / 'new.csv'
    tool.main([str(config), '--out', str(out)])
    loaded = load_config(config)
    old, new = (CaseTable.read(p, loaded.schema.to_dict(), 'AB').cases for p in (tmp_path / 'cases.csv', out))
    assert [p.resolve() for p in new[0].files['bus']] == [tmp_path / 'x.png', tmp_path / 'y.png']
    for one, two in zip(old, new):
        assert {m: [p.resolve() for p in f] for m, f in one.files.items()} == {
            m: [p.resolve() for p in f] for m, f in two.files.items()
        }


@pytest.mark.parametrize(
    ('options', 'message'),
    [(('--out', 'cases.csv'), '--out is the case table itself'), (('--out', 'n.csv', '--clip', 'us'), "got 'us'")],
)
def test_mistakes_are_named(
    tool: ModuleType, config: Path, tmp_path: Path, monkeypatch, capsys, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tool.main([str(config), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_clip_that_cannot_be_read_names_the_case(
    tool: ModuleType, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / '1.avi').write_bytes(b'no clip')
    assert tool.main([str(config), '--out', str(tmp_path / 'n.csv')]) == 2
    error = capsys.readouterr().err
    assert 'case 02' in error and '1.avi' in error and not (tmp_path / 'n.csv').exists()


def test_the_baseline_reads_what_the_tool_writes() -> None:
    config = load_config('msmfn/baselines/time_intensity_logistic.py')
    names = [v['name'] for v in config.schema.clinical]
    assert set(names) <= {f'dceus_{name}' for name in TimeIntensity.names()} and config.model.type == 'TableClassifier'


@pytest.mark.parametrize('own', [True, False])
def test_clips_of_a_file_table(tool: ModuleType, config: Path, tmp_path: Path, capsys, own: bool) -> None:
    rows = pd.read_csv(tmp_path / 'cases.csv', dtype=str, keep_default_na=False)
    clips = rows[rows['clip'] != ''].assign(modality='CEUS', file=rows['clip'], mask=rows['outline'])
    if own:
        clips[['case_id', 'modality', 'file', 'mask']].to_csv(tmp_path / 'files.csv', index=False)
        rows[['case_id', 'label']].to_csv(tmp_path / 'cases.csv', index=False)
    else:
        clips[['case_id', 'label', 'modality', 'file', 'mask']].to_csv(tmp_path / 'cases.csv', index=False)
    schema = f"schema = dict(clips=dict(dceus='CEUS'), file_table=dict(path={'files.csv' if own else None!r}))"
    config.write_text('\n'.join([*CONFIG.splitlines()[:-1], schema, '']))
    out = tmp_path / 'sub' / 'new.csv'
    assert tool.main([str(config), '--out', str(out)]) == 0
    printed = capsys.readouterr().out
    assert f'{4 if own else 3} cases, 2 with every parameter' in printed
    assert ("schema.file_table.path must be '../files.csv'" in printed) == own
    form = dict(path='../files.csv' if own else None)
    read = CaseTable.read(out, dict(clips=dict(dceus='CEUS'), file_table=form), ('A', 'B'))
    assert read.problems == [] and [len(case.files) for case in read.cases] == ([1, 1, 1, 0] if own else [1, 1, 1])
