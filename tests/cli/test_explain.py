"""The tool on the tiny data set: what it writes, and what its numbers must add up to."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from usmm.cli.explain_cases import Explainer
from usmm.config import load_config
from usmm.engine import Experiment
from usmm.engine.workdir.outputs import save_checkpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.explain')


@pytest.fixture(scope='module')
def trained(tiny: ModuleType, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config on the tiny data with lesion masks, and untrained weights: heat does not ask for more."""
    folder = tmp_path_factory.mktemp('explain')
    data = folder / 'data'
    shutil.copytree(tiny_data, data)
    table = pd.read_csv(data / 'cases.csv')
    mask = np.zeros((40, 48), np.uint8)
    mask[10:30, 12:36] = 255  # a quarter of the picture
    Image.fromarray(mask).save(data / 'mask.png')
    Image.fromarray(mask[:32, :32]).save(data / 'clip_mask.png')
    table['bus_mask'], table['clip_mask'] = 'mask.png', 'clip_mask.png'
    table.to_csv(data / 'cases.csv', index=False)
    config = folder / 'tiny.py'
    text = tiny.CONFIG.format(root=data, work_dir=folder / 'work')
    text = text.replace("dict(type='Resize', size=32)", "dict(type='LoadMask'), dict(type='Resize', size=32)")
    text = text.replace("values='auto'", "values=('left', 'right')")
    config.write_text(text)
    torch.manual_seed(0)
    model = Experiment(load_config(config), folder / 'work', parts=['test']).model
    model.clinical.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
    save_checkpoint(folder / 'model.pth', model.state_dict(), {})
    return config, folder / 'model.pth'


def run(tool: ModuleType, trained: tuple[Path, Path], out: Path, *options: str) -> None:
    assert tool.main([*map(str, trained), '--out', str(out), *options]) == 0


def test_everything_is_written_and_adds_up(
    tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'out'
    run(tool, trained, out, '--num', '2', '--rows', '1', '--curves', 'clip', '--time-factor', '10')
    assert sorted(p.name for p in out.glob('*.png')) == ['sheet_01.png', 'sheet_02.png']
    table = pd.read_csv(out / 'contributions.csv')
    players = ['bus', 'ue', 'clip', 'clinical']
    assert list(table.columns) == ['case_id', 'label', 'explained', 'none', *players, 'all']
    np.testing.assert_allclose(table['none'] + table[players].sum(axis=1), table['all'], atol=1e-5)
    for case_id in table['case_id']:
        files = {p.name for p in (out / case_id).iterdir()}
        assert files >= {'bus.png', 'ue.png', 'clip.png', 'clip.gif', 'contributions.png', 'clip_curve.png'}
        with Image.open(out / case_id / 'clip.gif') as image:
            assert image.n_frames > 1
    found = json.loads((out / 'pointing.json').read_text())
    assert set(found['modalities']) == {'bus', 'clip'} and found['method'] == 'layercam'
    # the mask covers 20 x 24 of 40 x 48 pixels before the picture is made square
    assert found['modalities']['bus']['random'] == pytest.approx(0.25, abs=0.01)
    assert found['modalities']['bus']['cases'] == len(
        Experiment(load_config(trained[0]), out, parts=['test']).parts['test']
    )
    assert 'heat on the lesion' in capsys.readouterr().out


def test_a_case_without_part_of_a_stream_has_contributions(
    tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    data = tmp_path / 'data'
    shutil.copytree(trained[0].parent / 'data', data)
    table = pd.read_csv(data / 'cases.csv')
    table.loc[table['case_id'] == 'c3', 'ue'] = None
    table.to_csv(data / 'cases.csv', index=False)
    options = ('--cfg-options', f'data_root={data}', 'dataset.missing=keep')
    run(tool, trained, tmp_path / 'o', '--part', 'all', '--cases', 'c3', 'c1', *options)
    found = pd.read_csv(tmp_path / 'o' / 'contributions.csv').set_index('case_id')
    players = ['bus', 'ue', 'clip', 'clinical']
    np.testing.assert_allclose(found['none'] + found[players].sum(axis=1), found['all'], atol=1e-5)
    assert (found.loc['c3', ['bus', 'ue']] == 0).all(), 'the encoder of both cannot be used without one of them'
    assert found.loc['c3', 'clip'] != 0 and (found.loc['c1', ['bus', 'ue']] != 0).all()


def test_options_change_what_they_say(tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path) -> None:
    common = ('--num', '1', '--limit', '1', '--baseline', 'zero', '--height', '32')
    runs = {
        'adc': (), 'gradcam': ('--method', 'gradcam'), 'scc': ('--class', 'SCC'),
        'layer': ('--layer', 'bus=encoder.static.trunks.bus.layer1'),
    }  # fmt: skip
    maps = {}
    for name, options in runs.items():
        run(tool, trained, tmp_path / name, *common, '--class', 'ADC', *options)
        (folder,) = (p for p in (tmp_path / name).iterdir() if p.is_dir())
        maps[name] = {m: np.asarray(Image.open(folder / f'{m}.png')) for m in ('bus', 'ue')}
    assert not np.array_equal(maps['adc']['bus'], maps['gradcam']['bus'])
    assert not np.array_equal(maps['adc']['bus'], maps['scc']['bus'])
    assert not np.array_equal(maps['adc']['bus'], maps['layer']['bus'])
    assert np.array_equal(maps['adc']['ue'], maps['layer']['ue'])
    values = {name: pd.read_csv(tmp_path / name / 'contributions.csv').iloc[0] for name in ('adc', 'scc')}
    assert values['adc']['all'] + values['scc']['all'] == pytest.approx(1, abs=1e-5)


def test_chosen_cases_and_the_region(tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path) -> None:
    run(tool, trained, tmp_path / 'o', '--part', 'all', '--cases', 'c3', 'c1', '--mask-text')
    assert pd.read_csv(tmp_path / 'o' / 'contributions.csv')['case_id'].tolist() == ['c3', 'c1']


def test_the_region_step_follows_the_loading(tool: ModuleType, trained: tuple[Path, Path]) -> None:
    cases = importlib.import_module('usmm.cli.explain_cases')
    load = [
        dict(type='LoadImage'),
        dict(type='KeyFrames', modality='d'),
        dict(type='LoadMask'),
        dict(type='CropLesion'),
    ]
    plain = cases.with_region_only(Config(dict(test_pipeline=[*load, dict(type='PackCase')])))
    kinds = [s['type'] for s in plain.test_pipeline]
    assert kinds == ['LoadImage', 'KeyFrames', 'LoadMask', 'KeepRegion', 'CropLesion', 'PackCase']
    cached = dict(type='Cached', transforms=load)
    inner = cases.with_region_only(Config(dict(test_pipeline=[cached, dict(type='PackCase')])))
    assert [s['type'] for s in inner.test_pipeline[0]['transforms']] == kinds[:-1]
    assert [s['type'] for s in inner.test_pipeline] == ['Cached', 'PackCase']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--cases', 'c999'), r"part test has no cases \['c999'\]"),
        (('--class', 'XYZ'), "there is no class 'XYZ'; valid names are"),
        (('--layer', 'bus'), r"--layer takes MODALITY=NAME, got \['bus'\]"),
        (('--layer', 'mri=encoder'), r"the model has no modality \['mri'\]"),
    ],
)
def test_mistakes_are_named(
    tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path, capsys, options: tuple[str, ...], message: str
) -> None:
    assert tool.main([*map(str, trained), '--out', str(tmp_path), '--baseline', 'zero', *options]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_numbers_must_be_positive(tool: ModuleType) -> None:
    with pytest.raises(SystemExit):
        tool.main.parse_args(['c', 'p', '--num', '0'])


def test_a_model_of_the_table_says_that_it_has_no_maps(
    tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / 'clinical.py'
    config.write_text(trained[0].read_text().replace("('bus', 'ue', 'clip', 'clinical')", "('clinical',)"))
    model = Experiment(load_config(config), tmp_path / 'w', parts=['test']).model
    model.clinical.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
    save_checkpoint(tmp_path / 'model.pth', model.state_dict(), {})
    run(tool, (config, tmp_path / 'model.pth'), tmp_path / 'out', '--num', '1')
    assert 'this model has no heat-maps' in capsys.readouterr().out
    row = pd.read_csv(tmp_path / 'out' / 'contributions.csv').iloc[0]
    assert row['clinical'] == pytest.approx(row['all'] - row['none'], abs=1e-5)
    assert not (tmp_path / 'out' / 'pointing.json').exists()


def test_heat_maps_need_a_classifier_of_usmm() -> None:
    explainer = object.__new__(Explainer)
    explainer.model = SimpleNamespace(readers={'static': ('bus',)})
    with pytest.raises(ValueError, match='heat maps need a MultiModalClassifier, got a SimpleNamespace'):
        explainer._heat({}, [0])
    explainer.model = SimpleNamespace(readers={})
    assert explainer._heat({}, [0]) == {}
