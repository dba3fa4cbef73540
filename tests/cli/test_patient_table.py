"""The command: from a config or a table to four files."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.patient_table')


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = np.repeat(['A', 'B'], 30)
    rows = dict(case_id=[f'c{i}' for i in range(60)], label=label, age=np.round(rng.normal(50, 8, 60), 1))
    frame = pd.DataFrame({**rows, 'sex': rng.choice(['F', 'M'], 60), 'ast': np.round(np.exp(rng.normal(3, 1, 60)), 1)})
    frame.to_csv(tmp_path / 'cases.csv', index=False)
    (tmp_path / 'schema.py').write_text(
        "data_root = '{{fileDirname}}'\nclasses = ('A', 'B')\nmodalities = ('clinical',)\n"
        "schema = dict(clinical=[dict(name='age', unit='year'), dict(name='sex', values=('F', 'M'))])\n"
    )
    return frame


def read(out: Path) -> list[dict[str, str]]:
    with (out / 'patient_table.csv').open(encoding='utf-8', newline='') as stream:
        return list(csv.DictReader(stream))


def test_from_a_config(
    tool: ModuleType, frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'out'
    assert tool.main([str(tmp_path / 'schema.py'), '--out', str(out)]) == 0
    assert sorted(p.suffix for p in out.iterdir()) == ['.csv', '.html', '.md', '.tex']
    rows = read(out)
    assert [row['variable'] for row in rows] == ['age (year), mean ± SD', 'sex, n (%)', '\u2003F', '\u2003M']
    ages = [frame.age[frame.label == g] for g in 'AB']
    assert rows[0]['A (n = 30)'] == f'{ages[0].mean():.1f} ± {ages[0].std():.1f}'
    assert rows[0]['p'] == f'{stats.ttest_ind(*ages, equal_var=False).pvalue:.3f}'
    females = int(((frame.label == 'B') & (frame.sex == 'F')).sum())
    assert rows[2]['B (n = 30)'] == f'{females} ({100 * females / 30:.1f})'
    assert "Welch's t" in capsys.readouterr().out


def test_from_a_table_with_options(tool: ModuleType, frame: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    options = ['--columns', 'ast', 'age', '--holm', '--equal-variances']
    assert tool.main([str(tmp_path / 'cases.csv'), '--out', str(out), *options]) == 0
    rows = read(out)
    assert [row['test'] for row in rows] == ['Mann-Whitney U', 't'] and float(rows[1]['p, Holm']) >= float(rows[1]['p'])


def test_an_error_is_one_line(
    tool: ModuleType, frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main([str(tmp_path / 'cases.csv'), '--out', str(tmp_path), '--label', 'lable']) == 2
    assert "error: cases.csv has no column 'lable', did you mean 'label'?" in capsys.readouterr().err


def test_on_real_data(tool: ModuleType, real_data: Path, tmp_path: Path) -> None:
    """BrEaST: the counts of its paper (256 patients: 154 benign, 98 malignant, 4 normal)."""
    converter = importlib.import_module('usmm.datasets.converters.breast_lesions_usg')
    source = next((p for p in real_data.iterdir() if 'breast' in p.name.lower()), None)
    if source is None:
        pytest.skip('no BrEaST data')
    assert converter.main([str(source), str(tmp_path / 'data')]) == 0
    out = tmp_path / 'out'
    columns = ['--columns', 'age', 'palpable']
    assert tool.main([str(tmp_path / 'data' / 'schema.py'), '--out', str(out), *columns]) == 0
    row = read(out)[0]
    assert {'all (n = 256)', 'benign (n = 154)', 'malignant (n = 98)', 'normal (n = 4)'} <= set(row)
    assert row['test'] == "Welch's ANOVA" and row['p'] == '0.004'
