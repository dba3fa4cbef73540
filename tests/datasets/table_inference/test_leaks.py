from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.metrics import roc_auc_score

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.leaks import _chance, absence_of_one_class, by_absence, by_values, leak_in

LABELS = ['benign', 'malignant'] * 20
RNG = np.random.default_rng(0)


def column(name, cells) -> ColumnFacts:
    return ColumnFacts(name, [None if cell is None else str(cell) for cell in cells])


def test_another_encoding_of_the_label() -> None:
    reason = leak_in(column('code', [['B', 'M'][label == 'malignant'] for label in LABELS]), LABELS)
    assert reason == 'its values nearly determine the label (exceptions: 0 of 40)'


def test_a_number_that_separates_the_classes() -> None:
    values = RNG.normal(size=40) + 3.0 * np.array([label == 'malignant' for label in LABELS])
    auc = roc_auc_score([label == 'malignant' for label in LABELS], values)
    assert by_values(column('x', values), LABELS) == f'alone it nearly separates the classes (AUC {auc:.3f})'
    assert by_values(column('x', -values), LABELS) is not None
    weak = RNG.normal(size=40) + 1.0 * np.array([label == 'malignant' for label in LABELS])
    assert by_values(column('x', weak), LABELS) is None


def test_ties_count_half_as_in_scikit_learn() -> None:
    malignant = np.array([label == 'malignant' for label in LABELS])
    values = np.round(np.random.default_rng(1).normal(size=40) + 2.8 * malignant, 1)
    auc = roc_auc_score(malignant, values)
    assert 0.95 < auc < 1 and 14 <= len(np.unique(values)) < 40
    assert f'(AUC {auc:.3f})' in str(by_values(column('x', values), LABELS))


def test_a_cell_that_is_filled_in_one_class_alone() -> None:
    cells = [20 + i if label == 'malignant' else None for i, label in enumerate(LABELS)]
    assert by_absence(column('ct', cells), LABELS) == (
        'its missing cells nearly determine the label (exceptions: 0 of 40)'
    )
    assert by_absence(column('ct', [i if i % 3 else None for i in range(40)]), LABELS) is None


@pytest.mark.parametrize(
    'name', ['BIRADS', 'Diagnosis', 'outcome_status_d7', 'los_ICU', 'length_of_stay', 'biopsy_result']
)
def test_conclusions_by_name(name) -> None:
    cells = [i % 5 for i in range(40)]
    assert leak_in(column(name, cells), LABELS) == 'named like a conclusion, which is known only after the diagnosis'
    assert leak_in(column('side', cells), LABELS) is None


def test_words_in_the_few_cases_of_a_class() -> None:
    """The hypergeometric tail is that of scipy."""
    labels = ['normal'] * 4 + ['benign', 'malignant'] * 48
    cells = [*['not applicable'] * 3, 'n/a', *[['yes', 'no'][i % 3 % 2] for i in range(96)]]
    assert absence_of_one_class(column('halo', cells), labels) == [
        "'not applicable' stands in 3 of the 4 cases of 'normal' and in 0 of the 96 others",
        "a missing value stands in 4 of the 4 cases of 'normal' and in 0 of the 96 others",
    ]
    cells[50:60] = [None] * 10  # other cells that are empty do not hide the word
    assert absence_of_one_class(column('halo', cells), labels)[:1] == [
        "'not applicable' stands in 3 of the 4 cases of 'normal' and in 0 of the 96 others"
    ]
    assert absence_of_one_class(column('x', ['NA', *range(99)]), labels) == []
    assert absence_of_one_class(column('x', [*range(60), *[None] * 40]), labels) == []
    filled = [7 if i in (5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27) else None for i in range(100)]
    assert absence_of_one_class(column('x', filled), labels) == [
        "a value stands in 12 of the 48 cases of 'malignant' and in 0 of the 52 others"
    ]
    for numbers in ((100, 4, 4, 3), (100, 50, 30, 30), (60, 7, 9, 2)):
        total, size, marked, hits = numbers
        assert _chance(*numbers) == pytest.approx(hypergeom.sf(hits - 1, total, size, marked), rel=1e-9)


def test_few_rows_and_rare_classes_are_no_evidence() -> None:
    assert by_values(column('x', [0, 1] * 5), LABELS[:10]) is None
    # 4 of 100 normal: a constant column is right in 96 %, and gives nothing away
    labels = ['normal'] * 4 + ['benign', 'malignant'] * 48
    assert by_values(column('x', [i % 3 for i in range(100)]), labels) is None
