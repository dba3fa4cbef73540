from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from usmm.engine.workdir.predictions import prediction_rows, write_predictions

CLASSES = ('ADC', 'SCC')


def table(path: Path, labels: np.ndarray, scores: np.ndarray, part: str = 'test') -> Path:
    rows = [
        dict(case_id=f'c{i}', patient_id=f'p{i}', label=int(y), scores=np.array([1 - s, s]))
        for i, (y, s) in enumerate(zip(labels, scores))
    ]
    write_predictions(path, prediction_rows(rows, part, 0, 0, CLASSES), CLASSES)
    return path


@pytest.fixture
def compare(usmm: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    """`usmm compare`: exit code, stdout, stderr."""

    def run(*words: object, positive: str = 'SCC') -> tuple[int, str, str]:
        return usmm('compare', *words, '--positive', positive)

    return run


@pytest.fixture(scope='module')
def cohort() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = np.arange(80) % 2
    good = 1 / (1 + np.exp(-(rng.normal(size=80) + 3 * labels - 1.5)))
    return labels, good, rng.random(80)


def test_prints_both_aucs_and_a_paired_test(compare, tmp_path, cohort):
    labels, good, random = cohort
    (tmp_path / 'run').mkdir()
    one = table(tmp_path / 'run' / 'predictions.csv', labels, good).parent
    other = table(tmp_path / 'b.csv', labels, random)
    code, out, _ = compare(one, other)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith(f'AUC {roc_auc_score(labels, good):.3f} [')
    assert lines[1].startswith(f'AUC {roc_auc_score(labels, random):.3f} [')
    assert float(lines[2].partition('p = ')[2].split()[0]) < 1e-3
    assert lines[2].startswith(f'difference {roc_auc_score(labels, good) - roc_auc_score(labels, random):+.3f}')


def test_a_model_against_itself(compare, tmp_path, cohort):
    labels, good, _ = cohort
    path = table(tmp_path / 'a.csv', labels, good)
    assert 'p = 1 ' in compare(path, path)[1]


def test_other_cases_labels_or_classes_are_refused(compare, tmp_path, cohort):
    labels, good, random = cohort
    one = table(tmp_path / 'a.csv', labels, good)
    fewer, swapped = table(tmp_path / 'b.csv', labels[:60], random), table(tmp_path / 'c.csv', 1 - labels, random)
    assert 'hold different cases (20, such as' in compare(one, fewer)[2]
    assert 'have different labels for 80 cases (c0: ADC and SCC; c1: SCC and ADC; ' in compare(one, swapped)[2]
    code, _, error = compare(one, one, '--part', 'val')
    assert code == 2 and "has no labelled cases of the part 'val'; the parts with labels are ['test']" in error
    assert "has no class 'XYZ'" in compare(one, one, positive='XYZ')[2]


def edited(path: Path, text: str, name: str) -> Path:
    copy = path.parent / name
    copy.write_text(text)
    return copy


def test_contradictory_rows_and_other_patients_are_refused(compare, tmp_path, cohort):
    labels, good, _ = cohort
    one = table(tmp_path / 'a.csv', labels, good)
    text = one.read_text()
    line = next(line for line in text.splitlines() if line.startswith('c7,'))
    twice = edited(one, f'{text}{line}\n', 'twice.csv')
    code, _, error = compare(one, twice)
    assert code == 2 and "twice.csv has several rows of 1 cases in the part 'test': c7" in error
    others = edited(one, text.replace('c7,p7,', 'c7,p700,'), 'others.csv')
    code, _, error = compare(one, others)
    assert (
        code == 2 and 'different patients for 1 cases (c7: p7 and p700): they are predictions of different d' in error
    )
    percent = edited(one, text.replace(line, ','.join([*line.split(',')[:-2], '25', '75'])), 'percent.csv')
    assert "case 'c7' has probabilities that are not from 0 to 1" in compare(one, percent)[2]


def test_one_of_several_seeds_is_chosen(compare, tmp_path, cohort):
    labels, good, random = cohort
    one, other = table(tmp_path / 'a.csv', labels, good), table(tmp_path / 'b.csv', labels, random)
    head, *lines = one.read_text().splitlines()
    again = [line.replace(',test,,0,', ',test,,3,').replace(',test,0,0,', ',test,0,3,') for line in lines]
    both = edited(one, '\n'.join([head, *lines, *again, '']), 'both.csv')
    code, _, error = compare(both, other)
    assert (
        code == 2 and "has rows of the seeds ['0', '3'], and one is compared at a time: choose it with --seed" in error
    )
    code, out, _ = compare(both, other, '--seed', 0)
    assert code == 0 and out.replace('both.csv', 'a.csv') == compare(one, other)[1]
    code, _, error = compare(both, other, '--seed', 3)
    assert code == 2 and "b.csv has no rows of seed 3 in the part 'test'; it has the seeds ['0']" in error


def test_rows_without_a_label_are_counted(compare, tmp_path, cohort):
    labels, good, _ = cohort
    one = table(tmp_path / 'a.csv', labels, good)
    text = one.read_text()
    line = next(line for line in text.splitlines() if line.startswith('c7,'))
    blank = edited(one, text.replace(line, line.replace(',SCC,', ',,', 1)), 'blank.csv')
    assert f"{blank}: 1 rows of the part 'test' without a label are not compared" in compare(blank, blank)[1]
