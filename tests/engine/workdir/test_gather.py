from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from usmm.engine.workdir.gather import gather


def test_one_seed(made: ModuleType, tmp_path: Path) -> None:
    of = gather(made.write_work_dir(tmp_path))
    assert [of.name(run) for run in of.runs] == ['fold 0', 'fold 1', 'fold 2']
    assert [run.folder for run in of.runs] == [tmp_path / f'fold_{k}' for k in range(3)]
    assert [len(run.rows) for run in of.runs] == [20, 20, 20]
    assert of.drawn == ('SCC',)
    assert of.problems == ()
    labels, scores = of.pooled
    assert labels.sum() == 30
    assert scores.shape == (60, 2)
    y, s = of.against_rest('SCC')['fold 1']
    np.testing.assert_array_equal(y, of.runs[1].part[0] == 1)
    np.testing.assert_array_equal(s, of.runs[1].part[1][:, 1])


def test_several_seeds(made: ModuleType, tmp_path: Path) -> None:
    of = gather(made.write_work_dir(tmp_path, folds=2, seeds=(2, 10)))
    assert [of.name(run) for run in of.runs] == [f'seed {s}, fold {k}' for s in (2, 10) for k in (0, 1)]
    assert of.runs[2].folder == tmp_path / 'seed_10' / 'fold_0'
    assert of.seeds == ('2', '10')


def test_one_fold_of_several_seeds(made: ModuleType, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path, folds=1, seeds=(0, 1, 2))
    path = tmp_path / 'predictions.csv'
    path.write_text(path.read_text().replace(',test,0,', ',test,,'))  # a split of the table's own has no fold
    of = gather(tmp_path)
    assert [of.name(run) for run in of.runs] == ['seed 0', 'seed 1', 'seed 2']
    assert all(run.folder is not None and run.rows for run in of.runs)


def test_only_test_rows_count(made: ModuleType, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    path = tmp_path / 'predictions.csv'
    path.write_text(path.read_text().replace('c0,p0,test', 'c0,p0,val'))
    assert len(gather(tmp_path).rows) == 59


def test_what_is_missing_is_said(made: ModuleType, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    shutil.rmtree(tmp_path / 'fold_1')
    (tmp_path / 'fold_2' / 'metrics.json').write_text('{"half')
    of = gather(tmp_path)
    assert len(of.runs) == 3
    assert of.runs[1].folder is None
    assert any('folder of fold 1' in text for text in of.problems)
    assert any('fold_2/metrics.json cannot be read' in text for text in of.problems)
    (tmp_path / 'predictions.csv').unlink()
    of = gather(tmp_path)
    assert any('no test predictions' in text for text in of.problems)
    assert of.pooled[1].shape == (0, 2)


def test_diverged_rows_are_left_out(made: ModuleType, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    rows = made.predictions(('ADC', 'SCC'), 3, (0,), 60)
    rows[0][-1] = float('nan')
    made.write_predictions(tmp_path / 'predictions.csv', rows, ('ADC', 'SCC'))
    of = gather(tmp_path)
    assert len(of.rows) == 59
    assert any(text.startswith('1 test rows have probabilities that are not finite') for text in of.problems)


def test_a_fold_of_one_class_has_no_curve(made: ModuleType, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    rows = [r for r in made.predictions(('ADC', 'SCC'), 3, (0,), 60) if r[3] != 1 or r[5] == 'ADC']
    made.write_predictions(tmp_path / 'predictions.csv', rows, ('ADC', 'SCC'))
    assert list(gather(tmp_path).against_rest('SCC')) == ['fold 0', 'fold 2']


def test_refuses(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'holds no finished cross-validation: it has no summary.json'):
        gather(tmp_path)
    (tmp_path / 'summary.json').write_text(json.dumps({'classes': ['one']}))
    with pytest.raises(ValueError, match=r"must name two or more classes, got \['one'\]"):
        gather(tmp_path)
