from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from usmm.engine.workdir.gather import gather
from usmm.visualization.pages.checklist import UNANSWERED, claim_items, patients_apart, tripod_items


def answers(folder: Path) -> dict[str, str]:
    of = gather(folder)
    return {item.topic: item.words for item in [*claim_items(of), *tripod_items(of)]}


def test_what_the_run_knows(made: ModuleType, tmp_path: Path) -> None:
    found = answers(made.write_work_dir(tmp_path))
    assert '3-fold cross-validation' in found['How cases are assigned to the parts']
    assert 'none of 60 is in the test part' in found['Level at which the parts are disjoint']
    assert found['Software'] == 'usmm 0.1.0, torch 2.13'
    assert '60 cases of 60 patients' in found['10 Sample size']
    assert 'ADC 30 (50%), SCC 30 (50%)' in found['13 Class imbalance']
    assert found['Performance with uncertainty'] == 'AUC 0.800, 95 % interval [0.700, 0.900] (mean of the folds)'
    assert 'Sensitivity (TPR) 0.800' in found['Diagnostic accuracy']
    assert 'train: 20 to 20 cases a fold' in found['21 Development: cases in each analysis']
    assert 'stage image: 3 epochs' in found['Training']
    assert 'weights of the clinical stage' in found['Explanation of the model']
    assert 'made up' in found['Uncertainty and significance']


def test_what_only_the_author_knows(made: ModuleType, tmp_path: Path) -> None:
    found = answers(made.write_work_dir(tmp_path))
    for topic in ('De-identification', 'Funding', '14 Fairness', '17 Ethical approval', '26 Limitations', 'Robustness'):
        assert found[topic] == UNANSWERED


def test_selection_on_the_test_part_is_said(made: ModuleType, tmp_path: Path) -> None:
    found = answers(made.write_work_dir(tmp_path, selection='test'))
    assert 'ON THE TEST PART ITSELF' in found['How the final model is selected']


def test_tripod_numbers_are_5_to_27(made: ModuleType, tmp_path: Path) -> None:
    items = tripod_items(gather(made.write_work_dir(tmp_path)))
    assert [int(item.topic.split()[0]) for item in items] == list(range(5, 28))


def test_failures_are_counted(made: ModuleType, tmp_path: Path) -> None:
    folder = made.write_work_dir(tmp_path)
    wrong = sum(row[5] != row[6] for row in made.predictions(('ADC', 'SCC'), 3, (0,), 60))
    assert answers(folder)['Failures'].startswith(f'{wrong} of 60 cases are wrongly classified')


def test_a_patient_in_two_test_parts_is_found(made: ModuleType, tmp_path: Path) -> None:
    folder = made.write_work_dir(tmp_path)
    path = folder / 'predictions.csv'
    path.write_text(path.read_text().replace('c3,p3,', 'c3,p0,'))
    text = patients_apart(gather(folder))
    assert text == 'BROKEN: 1 patients are in the test part of more than one fold (p0)'


def test_seeds_with_folds_of_their_own_are_not_broken(made: ModuleType, tmp_path: Path) -> None:
    folder = made.write_work_dir(tmp_path, seeds=(0, 1))
    rows = made.predictions(('ADC', 'SCC'), 3, (0, 1), 60)
    moved = [[*row[:3], (row[3] + row[4]) % 3, *row[4:]] for row in rows]
    made.write_predictions(folder / 'predictions.csv', moved, ('ADC', 'SCC'))
    assert 'none of 60' in (patients_apart(gather(folder)) or '')
    assert answers(folder)['Robustness'].startswith('2 seeds')


@pytest.mark.parametrize('items', [claim_items, tripod_items])
def test_a_bare_summary_is_enough(tmp_path: Path, items) -> None:
    (tmp_path / 'summary.json').write_text('{"classes": ["a", "b"]}')
    assert all(item.words for item in items(gather(tmp_path)))
