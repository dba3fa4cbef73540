"""`usmm.train` and `usmm.cross_validate`: what they return is what the work directory holds."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import usmm
from usmm.apis.training import TrainingRun
from usmm.config import RunOptions, load_config

QUIET = RunOptions(progress=False)
IMAGES = {'modalities': ['bus'], 'max_epochs': 1}


@pytest.fixture(scope='module')
def run(write_tiny_config: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    torch.set_num_threads(1)
    config = write_tiny_config(tmp_path_factory.mktemp('train'))
    return usmm.train(config, IMAGES, flags=QUIET)


def test_a_training_returns_what_the_folder_holds(run: TrainingRun) -> None:
    assert run.metrics['test'] == json.loads((run.work_dir / 'metrics.json').read_text())['test']
    with (run.work_dir / 'predictions.csv').open() as file:
        rows = list(csv.DictReader(file))
    frame = run.predictions()
    assert list(frame.columns) == list(rows[0])
    assert frame['case_id'].tolist() == [row['case_id'] for row in rows]
    assert frame['prob_SCC'].tolist() == pytest.approx([float(row['prob_SCC']) for row in rows])
    tested = run.predictions('test')
    assert len(tested) == sum(row['part'] == 'test' for row in rows) > 0
    with pytest.raises(ValueError, match=r"has no rows of the part 'tset'; it has \['test', 'val'\]"):
        run.predictions('tset')


def test_the_model_predicts_what_the_test_gave(run: TrainingRun, tiny_data: Path) -> None:
    first = run.predictions('test').iloc[0]
    image = tiny_data / f'{first["case_id"][1:]}_bus.png'
    prediction = run.predictor('cpu').predict([{'case_id': first['case_id'], 'bus': str(image)}])[0]
    assert prediction.probabilities['SCC'] == pytest.approx(first['prob_SCC'], abs=1e-5)


def test_figures_are_those_of_matplotlib(run: TrainingRun) -> None:
    figures = run.figures()
    assert {'roc_test', 'confusion_test', 'training_image'} <= set(figures)
    assert figures['roc_test'].axes[0].get_xlabel()


def test_a_loaded_config_trains_as_it_is(tiny_config: Path, run: TrainingRun) -> None:
    config = load_config(tiny_config, IMAGES)
    again = usmm.train(config, flags=QUIET)
    assert again.metrics['test'] == run.metrics['test']
    with pytest.raises(ValueError, match='options go with the name or path of a config'):
        usmm.train(config, {'max_epochs': 2})


def test_a_cross_validation_returns_its_summary_and_report(tiny_config: Path, tmp_path: Path) -> None:
    done = usmm.cross_validate(tiny_config, IMAGES, work_dir=tmp_path / 'cv', folds=2, seeds=[1], flags=QUIET)
    assert (
        done.summary['metrics']['auc'] == json.loads((tmp_path / 'cv' / 'summary.json').read_text())['metrics']['auc']
    )
    assert done.report == tmp_path / 'cv' / 'report.html' and done.report.is_file()
    frame = done.predictions()
    assert sorted(frame['case_id']) == sorted(f'c{i}' for i in range(19)) and set(frame['fold']) == {0, 1}
    again = usmm.cross_validate(
        tiny_config, IMAGES, work_dir=tmp_path / 'cv', folds=2, seeds=[1], report=False, flags=QUIET
    )
    assert again.report is None and again.summary['metrics'] == done.summary['metrics']


def test_the_package_names_what_it_offers() -> None:
    assert {'train', 'cross_validate', 'load_config', 'make_phantom', 'Predictor'} <= set(dir(usmm))
    with pytest.raises(AttributeError, match="module 'usmm' has no attribute 'trian'"):
        usmm.trian  # noqa: B018
