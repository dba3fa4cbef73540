"""The tool on the tiny data set: what it writes, what adds up, and the mistakes that it names."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment
from usmm.engine.workdir.outputs import save_checkpoint

ROOT = Path(__file__).resolve().parents[2]
QUICK = ('--repeats', '2', '--draws', '20', '--num', '1')


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.importance')


@pytest.fixture(scope='module')
def trained(tiny: ModuleType, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config on the tiny data and weights that were never trained; the clinical head knows its numbers."""
    folder = tmp_path_factory.mktemp('importance')
    data = folder / 'data'
    shutil.copytree(tiny_data, data)
    table = pd.read_csv(data / 'cases.csv')
    table.loc[::4, 'age'] = np.nan
    table.to_csv(data / 'cases.csv', index=False)
    config = folder / 'tiny.py'
    text = tiny.CONFIG.format(root=data, work_dir=folder / 'work').replace("values='auto'", "values=('left', 'right')")
    config.write_text(text)
    torch.manual_seed(0)
    model = Experiment(load_config(config), folder / 'work', parts=['test']).model
    model.clinical.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
    save_checkpoint(folder / 'model.pth', model.state_dict(), {})
    return config, folder / 'model.pth'


def run(tool: ModuleType, trained: tuple[Path, Path], out: Path, *options: str) -> None:
    assert tool.main([*map(str, trained), '--out', str(out), *QUICK, *options]) == 0


def test_everything_is_written_and_adds_up(
    tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'out'
    run(tool, trained, out, '--groups', 'images=bus,ue', 'table=age,side')
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-5])) <= 110 and lines[-1] == str(out / 'report.html')
    table = pd.read_csv(out / 'importance.csv')
    assert table['input'].tolist() == ['bus', 'ue', 'clip', 'age', 'side', 'images', 'table']
    shares = pd.read_csv(out / 'shapley.csv')
    players = ['bus', 'ue', 'clip', 'age', 'side']
    np.testing.assert_allclose(shares['none'] + shares[players].sum(axis=1), shares['all'], atol=1e-5)
    assert set(shares['explained']) == {'SCC'}
    missing = pd.read_csv(out / 'missing.csv')
    np.testing.assert_allclose(missing['all'], shares['all'])
    ages = pd.read_csv(trained[0].parent / 'data/cases.csv').set_index('case_id')['age']
    empty = ages[shares['case_id']].isna().to_numpy()
    assert empty.any() and not empty.all()
    np.testing.assert_allclose(shares['age'][empty], 0, atol=1e-6)  # what is missing adds nothing
    np.testing.assert_allclose((missing['all'] - missing['without age'])[empty], 0, atol=1e-6)
    assert (shares['age'][~empty].abs() > 1e-5).all()
    content = json.loads((out / 'importance.json').read_text())
    assert content['cases'] == len(shares) and content['part'] == 'test' and content['absent'] == 'missing'
    assert 'all sets of inputs' in content['notes'][0]
    assert (out / 'figures/case_01.png').exists() and not (out / 'figures/case_02.png').exists()


def test_other_ways(tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / 'out'
    more = ('--absent', 'background', '--background', '3', '--exact', '0', '--orders', '4', '--class', 'ADC')
    run(tool, trained, out, '--limit', '2', '--baseline', 'zero', *more)
    shares = pd.read_csv(out / 'shapley.csv')
    assert len(shares) == 2 and set(shares['explained']) == {'ADC'}
    content = json.loads((out / 'importance.json').read_text())
    assert content['background'] == 3 and '4 random orders' in content['notes'][0]
    assert 'that of 3 other cases in turn' in content['notes'][0] and 'mean colour' in content['notes'][1]


def test_cases_by_name_and_a_model_without_images(tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / 'clinical.py'
    config.write_text(trained[0].read_text().replace("('bus', 'ue', 'clip', 'clinical')", "('clinical',)"))
    experiment = Experiment(load_config(config), tmp_path / 'w', parts=['test'])
    experiment.model.clinical.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
    trained_on = [hashlib.sha256(b'p1').hexdigest()[:12]]
    save_checkpoint(tmp_path / 'model.pth', experiment.model.state_dict(), {'trained_on': trained_on})
    out = tmp_path / 'out'
    run(tool, (config, tmp_path / 'model.pth'), out, '--part', 'all', '--cases', 'c3', 'c1')
    assert pd.read_csv(out / 'shapley.csv')['case_id'].tolist() == ['c3', 'c1']
    content = json.loads((out / 'importance.json').read_text())
    assert content['alerts'] == ['1 of these patients trained the weights: this says little of new ones.']
    assert [row['drop'] for row in content['inputs']] == [None, None]  # two cases of one class


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--cases', 'c999'), r"part test has no cases \['c999'\]"),
        (('--class', 'XYZ'), "there is no class 'XYZ'; valid names are"),
        (('--groups', 'liver'), r"--groups takes NAME=A,B, got \['liver'\]"),
        (('--groups', 'a=age', 'a=side'), '--groups names one group twice'),
        (('--groups', 'a=bmi'), r"group 'a' must hold some of the inputs"),
        (('--part', 'val', '--cfg-options', 'split.selection=last'), r"part 'val' has no cases"),
    ],
)
def test_mistakes_are_named(
    tool: ModuleType, trained: tuple[Path, Path], tmp_path: Path, capsys, options: tuple[str, ...], message: str
) -> None:
    assert tool.main([*map(str, trained), '--out', str(tmp_path), '--baseline', 'zero', *QUICK, *options]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize('options', [('--repeats', '0'), ('--exact', '17')])
def test_numbers_must_make_sense(tool: ModuleType, options: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        tool.main.parse_args(['c', 'p', *options])
