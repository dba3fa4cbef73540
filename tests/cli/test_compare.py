from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    assert lines[2] == '80 cases, 80 patients: Obuchowski, Wilson with the effective sample size'
    assert float(lines[3].partition('p = ')[2].split()[0]) < 1e-3
    assert lines[3].startswith(f'difference {roc_auc_score(labels, good) - roc_auc_score(labels, random):+.3f}')
    assert lines[4].startswith('  p answers: are these trained models, as they are, different')
    assert len(lines) == 5


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


def rows(path: Path, columns: dict[str, Any]) -> Path:
    """A predictions.csv of two classes from columns: case, patient, fold, seed, label, score."""
    names = ('case', 'patient', 'fold', 'seed', 'label', 'score')
    lines = ['case_id,patient_id,part,fold,seed,label,pred,prob_ADC,prob_SCC']
    for case, patient, fold, seed, label, score in zip(*(columns[name] for name in names), strict=True):
        lines.append(f'{case},{patient},test,{fold},{seed},{CLASSES[label]},ADC,{1 - score},{score}')
    path.write_text('\n'.join(lines) + '\n')
    return path


def logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def p_of(line: str) -> float:
    return float(line.partition('p = ')[2].split()[0])


def test_copies_of_rows_of_a_patient_add_no_certainty(compare, tmp_path):
    """Five copies of each row turned p = .088 into .0001."""
    rng = np.random.default_rng(1)
    labels, base = np.arange(60) % 2, rng.normal(size=60)
    found = []
    for times in (1, 5):
        who = np.repeat(np.arange(60), times)
        of = dict(
            case=[f'c{i}' for i in range(who.size)], patient=[f'p{i}' for i in who], fold=who * 0, seed=who * 0,
            label=labels[who],
        )  # fmt: skip
        one = rows(tmp_path / 'a.csv', of | {'score': logistic(base + 1.2 * labels)[who]})
        other = rows(tmp_path / 'b.csv', of | {'score': logistic(0.6 * base + 1.0 * rng_of(2) + 0.9 * labels)[who]})
        found.append(compare(one, other)[1].splitlines())
    assert found[0][0].split()[:2] == found[1][0].split()[:2]
    assert p_of(found[0][3]) == pytest.approx(p_of(found[1][3]), rel=0.05) and p_of(found[0][3]) > 0.01
    assert found[1][2].startswith('300 cases, 60 patients')


def rng_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=60)


def test_folds_are_averaged_and_both_questions_answered(compare, tmp_path):
    """The scores of each fold's model are on a scale of their own: pooled, they ranked folds, not cases."""
    rng = np.random.default_rng(4)
    cases = np.arange(100)
    labels, folds = cases % 2, cases // 20
    of = dict(case=[f'c{i}' for i in cases], patient=[f'p{i}' for i in cases], fold=folds, seed=cases * 0, label=labels)
    good = logistic(rng.normal(size=100) + 1.4 * labels)
    shifted = logistic(rng.normal(size=100) + 1.4 * labels + 3.0 * (folds - 2))
    lines = compare(rows(tmp_path / 'a.csv', of | {'score': good}), rows(tmp_path / 'b.csv', of | {'score': shifted}))[
        1
    ].splitlines()
    for line, scores in zip(lines[:2], (good, shifted)):
        mean = np.mean([roc_auc_score(labels[folds == k], scores[folds == k]) for k in range(5)])
        assert line.startswith(f'AUC {mean:.3f} [')
    assert roc_auc_score(labels, shifted) < 0.7 < float(lines[1].split()[1])
    assert lines[2].startswith('5 folds, 100 cases, 100 patients: Obuchowski, mean of 5 strata')
    assert 'corrected resampled t (Nadeau and Bengio), 5 folds' in lines[3] and 'trained again' in lines[4]
    assert 'Obuchowski, mean of 5 strata, paired, two-sided' in lines[5] and 'these trained models' in lines[6]


def test_all_seeds_count_unless_one_is_chosen(compare, tmp_path):
    rng = np.random.default_rng(6)
    cases = np.tile(np.arange(60), 2)
    labels, seeds = cases % 2, np.repeat([3, 7], 60)
    of = dict(
        case=[f'c{i}' for i in cases], patient=[f'p{i}' for i in cases], fold=cases // 30, seed=seeds, label=labels
    )
    scores = [logistic(rng.normal(size=120) + shift * labels) for shift in (1.5, 1.0)]
    one, other = (rows(tmp_path / f'{k}.csv', of | {'score': s}) for k, s in enumerate(scores))
    lines = compare(one, other)[1].splitlines()
    of_seed = [
        np.mean(
            [roc_auc_score(labels[h], scores[0][h]) for f in (0, 1) if (h := (seeds == s) & (cases // 30 == f)).any()]
        )
        for s in (3, 7)
    ]
    assert lines[0].startswith(f'AUC {np.mean(of_seed):.3f} [') and lines[2].startswith(
        '4 folds, 60 cases, 60 patients'
    )
    only = compare(one, other, '--seed', 7)[1].splitlines()
    assert only[0].startswith(f'AUC {of_seed[1]:.3f} [') and only[2].startswith('2 folds, 60 cases')


def test_folds_without_two_patients_of_a_class_are_named(compare, tmp_path, cohort):
    labels, good, random = cohort
    cases = np.arange(80)
    folds = np.where(cases < 3, 1, 0)
    of = dict(case=[f'c{i}' for i in cases], patient=[f'p{i}' for i in cases], fold=folds, seed=cases * 0, label=labels)
    one, other = (rows(tmp_path / f'{k}.csv', of | {'score': s}) for k, s in enumerate((good, random)))
    out = compare(one, other)[1]
    assert 'WARNING: 1 folds have fewer than two patients of a class, and do not count' in out
    few = of | {'label': [1, *[0] * 79]}
    one, other = (rows(tmp_path / f'{k}.csv', few | {'score': s}) for k, s in enumerate((good, random)))
    code, _, error = compare(one, other)
    assert code == 2 and "no fold has two patients with and two without 'SCC' among 80 cases" in error


def test_other_folds_or_seeds_are_refused(compare, tmp_path, cohort):
    labels, good, random = cohort
    cases = np.arange(80)
    of = dict(case=[f'c{i}' for i in cases], patient=[f'p{i}' for i in cases], seed=cases * 0, label=labels)
    one = rows(tmp_path / 'a.csv', of | {'fold': cases // 40, 'score': good})
    other = rows(tmp_path / 'b.csv', of | {'fold': cases % 2, 'score': random})
    assert 'have different folds for 40 cases (c1: 0 and 1; ' in compare(one, other)[2]
    again = rows(tmp_path / 'c.csv', of | {'fold': cases // 40, 'score': random, 'seed': cases * 0 + 5})
    assert (
        f"{one} has the seeds ['0'], {again} the seeds ['5']: choose a common one with --seed" in compare(one, again)[2]
    )


def test_one_of_several_seeds_is_chosen(compare, tmp_path, cohort):
    labels, good, random = cohort
    one, other = table(tmp_path / 'a.csv', labels, good), table(tmp_path / 'b.csv', labels, random)
    head, *lines = one.read_text().splitlines()
    again = [line.replace(',test,,0,', ',test,,3,').replace(',test,0,0,', ',test,0,3,') for line in lines]
    both = edited(one, '\n'.join([head, *lines, *again, '']), 'both.csv')
    code, _, error = compare(both, other)
    assert (
        code == 2
        and f"{both} has the seeds ['0', '3'], {other} the seeds ['0']: choose a common one with --seed" in error
    )
    code, out, _ = compare(both, other, '--seed', 0)
    assert code == 0 and out.replace('both.csv', 'a.csv') == compare(one, other)[1]
    code, _, error = compare(both, other, '--seed', 3)
    assert code == 2 and "b.csv has no rows of seed 3 in the part 'test'; it has the seeds ['0']" in error


def test_predictions_that_are_no_numbers_are_refused(compare, tmp_path, cohort):
    labels, good, _ = cohort
    one = table(tmp_path / 'a.csv', labels, good)
    line = one.read_text().splitlines()[3]
    odd = edited(one, one.read_text().replace(line, ','.join([*line.split(',')[:-2], 'nan', 'nan'])), 'odd.csv')
    code, _, error = compare(one, odd)
    assert code == 2 and f'{odd} has predictions that are no numbers for 1 cases: c2' in error


def test_a_perfect_model_beside_a_useless_one_has_no_interval(compare, tmp_path, cohort):
    labels, _, _ = cohort
    one, other = (
        table(tmp_path / 'a.csv', labels, 0.1 + 0.8 * labels),
        table(tmp_path / 'b.csv', labels, labels * 0 + 0.5),
    )
    line = compare(one, other)[1].splitlines()[3]
    assert line.startswith('difference +0.500, no p value (')


def test_rows_without_a_label_are_counted(compare, tmp_path, cohort):
    labels, good, _ = cohort
    one = table(tmp_path / 'a.csv', labels, good)
    text = one.read_text()
    line = next(line for line in text.splitlines() if line.startswith('c7,'))
    blank = edited(one, text.replace(line, line.replace(',SCC,', ',,', 1)), 'blank.csv')
    assert f"{blank}: 1 rows of the part 'test' without a label are not compared" in compare(blank, blank)[1]
