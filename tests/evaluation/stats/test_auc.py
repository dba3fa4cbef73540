from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from usmm.evaluation.stats import auc_score, auc_word, class_aucs, macro_auc, roc_curve


def draw(n: int, seed: int, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    scores = rng.normal(labels * 1.0, 1)
    return labels, scores if steps is None else np.round(scores * steps) / steps


def pairs(labels: np.ndarray, scores: np.ndarray) -> float:
    """Share of the pairs of a positive and a negative case in which the positive one scores higher."""
    gaps = scores[labels][:, None] - scores[~labels]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


@pytest.mark.parametrize('steps', [None, 1, 3])
@pytest.mark.parametrize('seed', range(3))
def test_auc_equals_pairs_and_mann_whitney(seed, steps):
    labels, scores = draw(57, seed, steps)
    got = auc_score(labels, scores)
    assert got == pytest.approx(pairs(labels, scores), abs=1e-12)
    u = mannwhitneyu(scores[labels], scores[~labels]).statistic
    assert got == pytest.approx(u / (labels.sum() * (~labels).sum()), abs=1e-12)


def test_auc_by_hand():
    assert auc_score([0, 1], [0.3, 0.3]) == 0.5
    assert auc_score([0, 1], [0.3, 0.2]) == 0
    assert auc_score([False, False, True], [1, 3, 2]) == 0.5
    # Scores are only ordered: log-odds do as well as probabilities.
    assert auc_score([0, 0, 1, 1], np.array([-40, -3, -5, 9])) == 0.75


def test_auc_of_two_normals():
    # Phi(d / sqrt 2) for a shift of d standard deviations; the standard error of 20000 cases is 0.003.
    rng = np.random.default_rng(0)
    labels = np.arange(20000) % 2
    assert auc_score(labels, rng.normal(labels * 1.2, 1)) == pytest.approx(norm.cdf(1.2 / np.sqrt(2)), abs=0.012)


@pytest.mark.parametrize('digits', [8, 1])
def test_one_vs_rest_by_pairs(digits):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 90)
    scores = np.round(rng.dirichlet(np.ones(5), 90), digits)  # rounded rows have ties and do not sum to 1
    expected = [pairs(labels == k, scores[:, k]) for k in range(5)]
    assert class_aucs(labels, scores) == pytest.approx(expected, abs=1e-12)
    assert macro_auc(labels, scores) == pytest.approx(np.mean(expected), abs=1e-12)
    assert class_aucs(labels > 2, scores[:, :2])[1] == pytest.approx(pairs(labels > 2, scores[:, 1]), abs=1e-12)


@pytest.mark.parametrize('steps', [None, 2])
def test_roc_curve_equals_counts_at_each_threshold(steps):
    labels, scores = draw(40, 5, steps)
    curve = roc_curve(labels, scores)
    np.testing.assert_array_equal(curve.thresholds, [np.inf, *sorted(set(scores), reverse=True)])
    np.testing.assert_allclose(curve.fpr, [np.mean(scores[~labels] >= t) for t in curve.thresholds])
    np.testing.assert_allclose(curve.tpr, [np.mean(scores[labels] >= t) for t in curve.thresholds])
    assert curve.area == pytest.approx(pairs(labels, scores), abs=1e-12)


def test_errors_name_what_is_missing():
    with pytest.raises(ValueError, match='1 or more negative cases are needed, got 0 of 2'):
        auc_score([1, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match='1 or more positive cases are needed, got 0 of 1'):
        roc_curve([0], [0.1])
    with pytest.raises(ValueError, match='finite, got 1 nan or infinite, first in row 1'):
        auc_score([0, 1], [0.1, np.nan])
    with pytest.raises(ValueError, match=r'scores must have shape \(2,\) to fit the labels, got \(3,\)'):
        auc_score([0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r'labels must lie in 0..1, got \[2\]'):
        auc_score([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match='labels must be class indices'):
        auc_score([0, np.nan], [0.1, 0.2])
    with pytest.raises(ValueError, match='one number per case, got shape'):
        auc_score([], [])
    with pytest.raises(ValueError, match=r"none of \['lymphoma'\] among 3 cases"):
        macro_auc([0, 2, 0], np.eye(3), classes=('benign', 'lymphoma', 'metastatic'))
    with pytest.raises(ValueError, match=r"expected 3 class names, got \('a',\)"):
        macro_auc([0, 2, 1], np.eye(3), classes=('a',))
    with pytest.raises(ValueError, match=r'shape \(N, K\) with two or more classes, got \(3,\)'):
        class_aucs([0, 1, 0], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match='scores must be finite, got 2 nan or infinite, first in row 1'):
        class_aucs([0, 1], [[0.1, 0.9], [np.inf, np.nan]])


@pytest.mark.parametrize(
    ('auc', 'word'),
    [
        (0, 'fail'), (0.5, 'fail'), (0.599, 'fail'), (0.6, 'poor'), (0.7, 'fair'), (0.8, 'good'), (0.899, 'good'),
        (0.9, 'excellent'), (1, 'excellent'), (float('nan'), ''),
    ],
)  # fmt: skip
def test_the_word_for_an_auc(auc: float, word: str) -> None:
    assert auc_word(auc) == word


@pytest.mark.parametrize('auc', [-0.1, 72.1])
def test_no_word_for_what_is_no_auc(auc: float) -> None:
    with pytest.raises(ValueError, match=f'an AUC lies between 0 and 1, got {auc}'):
        auc_word(auc)
