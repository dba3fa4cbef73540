"""Heat-maps of several models side by side: what is drawn, and that the numbers are those of one model alone."""

from __future__ import annotations

import csv
import importlib
import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from usmm.cli import compare_maps_sheets as sheets
from usmm.config import load_config
from usmm.engine import Experiment
from usmm.engine.workdir.outputs import save_checkpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.compare_maps')


@pytest.fixture(scope='module')
def runs(tiny: ModuleType, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work directories of untrained models on the tiny data with masks: `both` reads bus and clip, `bus` bus alone."""
    folder = tmp_path_factory.mktemp('compare')
    data = folder / 'data'
    shutil.copytree(tiny_data, data)
    table = pd.read_csv(data / 'cases.csv')
    mask = np.zeros((40, 48), np.uint8)
    mask[10:30, 12:36] = 255  # a quarter of the picture
    Image.fromarray(mask).save(data / 'mask.png')
    table['bus_mask'] = 'mask.png'
    table.to_csv(data / 'cases.csv', index=False)
    text = tiny.CONFIG.format(root=data, work_dir=folder / 'unused')
    text = text.replace("dict(type='Resize', size=32)", "dict(type='LoadMask'), dict(type='Resize', size=32)")
    text = text.replace("values='auto'", "values=('left', 'right')")
    for name, modalities in (('both', ('bus', 'clip')), ('bus', ('bus',))):
        work_dir = folder / name
        work_dir.mkdir()
        (work_dir / 'config.py').write_text(f'{text}\nmodalities = {modalities!r}\n')
        torch.manual_seed(3)
        model = Experiment(load_config(work_dir / 'config.py'), folder / 'unused', parts=['test']).model
        save_checkpoint(work_dir / 'model.pth', model.state_dict(), {})
    return folder


def test_a_column_a_model_and_a_row_a_modality(
    tool: ModuleType, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    empty = np.zeros((4, 4, 3), np.uint8)
    monkeypatch.setattr(sheets, 'draw_sheet', lambda rows, height: drawn.append(rows) or empty)
    out = tmp_path / 'out'
    args = [f'fused={runs}/both', f'alone={runs}/bus', '--num', '3', '--rows', '2', '--out', str(out)]
    assert tool.main(args) == 0
    assert [len(rows) for rows in drawn] == [4, 2]  # two cases and one, of two modalities each
    assert sorted(p.name for p in out.iterdir()) == ['heat.csv', 'sheet_01.png', 'sheet_02.png']
    bus, clip = drawn[0][:2]
    assert [name.split(':')[0] for name in bus.pictures] == ['bus', 'fused', 'alone']
    assert bus.pictures['bus'].shape == (32, 32, 3) and all(o.shape == (32, 32) for o in bus.outlines.values())
    assert [*clip.pictures][-1] == 'alone, not read' and clip.pictures['alone, not read'] is None
    assert clip.pictures['clip'].ndim == 4


def test_heat_is_that_of_the_model_explained_alone(tool: ModuleType, runs: Path, tmp_path: Path) -> None:
    cases = [
        c.case_id for c in Experiment(load_config(runs / 'bus/config.py'), tmp_path, parts=['test']).parts['test'].cases
    ][:2]
    options = ['--cases', *cases, '--class', 'ADC', '--score', 'logit']
    assert tool.main([f'a={runs}/bus', f'b={runs}/both', *options, '--out', str(tmp_path / 'compared')]) == 0
    with (tmp_path / 'compared/heat.csv').open() as file:
        rows = {(r['model'], r['modality']): r for r in csv.DictReader(file)}
    assert list(rows) == [('a', 'bus'), ('b', 'bus')]
    for name, folder in (('a', 'bus'), ('b', 'both')):
        given = [str(runs / folder / 'config.py'), str(runs / folder / 'model.pth'), '--out', str(tmp_path / name)]
        assert importlib.import_module('usmm.cli.explain').main([*given, *options]) == 0
        alone = json.loads((tmp_path / name / 'pointing.json').read_text())['modalities']['bus']
        assert float(rows[name, 'bus']['heat_inside']) == pytest.approx(alone['share'], rel=1e-4)
        assert float(rows[name, 'bus']['random']) == pytest.approx(alone['random'])
        assert int(rows[name, 'bus']['cases']) == len(cases)


def test_several_networks_under_one_name(tool: ModuleType, runs: Path, tmp_path: Path) -> None:
    args = tool.main.parse_args([f'x={runs}/bus,{runs}/both', f'y={runs}/both'])
    both = [sheets.explainer_of(runs / name, args) for name in ('bus', 'both')]
    case_id = sheets.choose({'x': both}, args)[0]
    answers = sheets.explain(both, case_id, args)
    alone = sheets.explain(both[1:], case_id, args)
    assert [*answers] == ['bus', 'clip']
    np.testing.assert_array_equal(answers['clip'].scores, alone['clip'].scores)
    assert not np.array_equal(answers['bus'].scores, alone['bus'].scores)  # the network of the first folder


@pytest.mark.parametrize(
    ('models', 'message'),
    [
        (['a=x'], 'two models or more'),
        (['a=x', 'b'], 'two models or more'),
        (['a=x', 'a=y'], 'a name of its own'),
        (['a=x', 'b=y', '--num', '0'], '--num: expected a whole number of 1 or more'),
    ],
)
def test_bad_arguments(tool: ModuleType, capsys: pytest.CaptureFixture[str], models: list[str], message: str) -> None:
    with pytest.raises(SystemExit):
        tool.main.parse_args(models)
    assert message in capsys.readouterr().err.replace('\n', ' ')


def test_errors_name_the_folder_and_the_case(
    tool: ModuleType, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [f'a={runs}/bus', f'b={runs}/both']

    def main(words: list[str]) -> int:
        return tool.main.run(tool.main.parse_args(words))

    with pytest.raises(ValueError, match=r"cases \['nobody'\]: part 'test' of these models has \d+ cases in common"):
        main([*models, '--cases', 'nobody', '--out', str(tmp_path)])
    with pytest.raises(ValueError, match="no class 'SCCC'"):
        main([*models, '--class', 'SCCC', '--out', str(tmp_path)])
    with pytest.raises(ValueError, match=r'data has no config\.py: expected the work directory of a finished run'):
        main([*models, f'c={runs}/data', '--out', str(tmp_path)])
    parse = tool.main.parse_args([*models, '--out', str(tmp_path)])
    monkeypatch.setattr('usmm.models.MultiModalClassifier.cam_layers', lambda self: {})
    with pytest.raises(ValueError, match='bus has no heat-maps'):
        sheets.explainer_of(runs / 'bus', parse)
