"""Two models on the same cases: which folds count, and which question is answered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from usmm.engine.studies.comparison import PairedCases
from usmm.evaluation.stats import clustered_macro_auc, clustered_macro_auc_test


def rows(labels, scores, folds, patients, classes='abc', seed: int = 0):
    return [
        {
            'case_id': f'c{i}', 'patient_id': str(p), 'seed': seed, 'fold': f, 'label': classes[y],
            **{f'prob_{c}': s for c, s in zip(classes, row)},
        }
        for i, (y, row, f, p) in enumerate(zip(labels, scores, folds, patients, strict=True))
    ]  # fmt: skip


def test_three_classes_are_macro_means():
    rng = np.random.default_rng(0)
    labels, folds = np.arange(60) % 3, np.arange(60) // 30
    scores = [rng.dirichlet(np.ones(3), 60) for _ in range(2)]
    paired = PairedCases.of(*(rows(labels, s, folds, range(60)) for s in scores), 'abc', None, 'both')
    strata = folds.astype(str)
    expected = clustered_macro_auc_test(labels, *scores, np.arange(60), strata)
    found = paired.difference('models')
    assert (found['estimate'], found['pvalue']) == pytest.approx((expected.estimate, expected.pvalue))
    assert paired.auc(1).estimate == pytest.approx(clustered_macro_auc(labels, scores[1], strata=strata).estimate)
    assert paired.shares == ((30, 30), (30, 30))
    again = paired.difference()
    assert again['estimate'] == pytest.approx(expected.estimate) and again['test'].startswith('corrected resampled t')


def test_folds_with_one_patient_of_a_class_do_not_count():
    rng = np.random.default_rng(1)
    labels = np.array([0, 0, 0, 1, 1] * 2)
    scores = [rng.dirichlet([1, 1], 10) for _ in range(2)]
    patients = ['a', 'b', 'c', 'd', 'd', 'e', 'f', 'g', 'h', 'i']
    tables = [rows(labels, s, np.repeat([0, 1], 5), patients, 'ab') for s in scores]
    paired = PairedCases.of(*tables, 'ab', 'b', 'both')
    assert (paired.folds, paired.left_out, paired.labels.size, paired.cases) == (1, 1, 5, 10)
    assert not math.isnan(paired.difference('models')['pvalue'])
    few = PairedCases.of(*([*t[:5]] for t in tables), 'ab', 'b', 'both')
    found = few.difference()
    assert (few.folds, found['test']) == (0, 'none: no fold has two patients of each class')
    assert math.isnan(found['estimate']) and math.isnan(found['pvalue']) and found['ci95'] is None


def test_rows_without_a_label_and_of_one_table_alone_do_not_count():
    scores = np.full((8, 2), 0.5)
    one = rows([0, 1] * 4, scores, [0] * 8, range(8), 'ab')
    other = [dict(row) for row in one[:6]]
    other[0]['label'] = ''
    assert PairedCases.of(one, other, 'ab', 'b', 'both').cases == 5
    with pytest.raises(ValueError, match='both have no case in common'):
        PairedCases.of(one[6:], other, 'ab', 'b', 'both')


def test_an_unknown_test():
    one = rows([0, 1] * 4, np.full((8, 2), 0.5), [0] * 8, range(8), 'ab')
    with pytest.raises(ValueError, match=r"test must be one of \['retrained', 'models'\], got 'delong'"):
        PairedCases.of(one, one, 'ab', 'b', 'both').difference('delong')
