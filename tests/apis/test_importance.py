"""The measurement of a model whose answer is known in closed form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from usmm.apis.importance import ImportanceOptions, levels, measure_importance
from usmm.structures import Case

TABLE = np.random.default_rng(1).normal(size=(40, 3))


class Linear:
    """Probability 0.5 + 0.1 x + 0.02 y of class B; z is not read."""

    players = variables = ('x', 'y', 'z')
    images: tuple[str, ...] = ()
    columns = (0, 1, 2)
    note = 'missing is 0'
    table = TABLE

    def __init__(self, labels: Any) -> None:
        self.cases = [Case(f'c{i}', f'p{i}', label) for i, label in enumerate(labels)]
        self.model = SimpleNamespace(positive=1)

    def __call__(self, plan: np.ndarray) -> np.ndarray:
        x = np.where(plan < 0, 0.0, TABLE[plan, np.arange(3)])
        p = np.clip(0.5 + x @ [0.1, 0.02, 0.0], 0, 1)
        return np.stack([1 - p, p], 1)


LABELS = (TABLE[:, 0] > 0).astype(int).tolist()


def test_the_input_that_decides_is_found() -> None:
    score: Any = Linear(LABELS)
    found = measure_importance(score, 40, ImportanceOptions(repeats=20, groups={'both': ['x', 'y']}, draws=50))
    assert list(found.drops) == ['x', 'y', 'z', 'both'] and found.members['both'] == ('x', 'y')
    full = roc_auc_score(LABELS, TABLE @ [0.1, 0.02, 0.0])
    assert found.drops['x'].full == pytest.approx(full)
    assert found.drops['x'].estimate == pytest.approx(full - 0.5, abs=0.08)  # chance is left
    assert abs(found.drops['z'].estimate) < 1e-12 and abs(found.drops['y'].estimate) < 0.03
    assert found.drops['x'].ci[0] > 0.2 and found.drops['both'].estimate > 0.3
    np.testing.assert_allclose(found.shapley.values[:, :, 1], (TABLE * [0.1, 0.02, 0.0]).T, atol=1e-12)
    np.testing.assert_allclose(found.without[0, :, 1], 0.5 + 0.02 * TABLE[:, 1])
    assert found.shapley.note == found.note == 'missing is 0'


def test_a_background_moves_the_zero() -> None:
    score: Any = Linear(LABELS)
    steps: list[str] = []
    found = measure_importance(score, 30, ImportanceOptions(absent='background', repeats=1, draws=20), steps.append)
    mean = TABLE[30:].mean(0)
    np.testing.assert_allclose(found.shapley.values[0, :, 1], 0.1 * (TABLE[:30, 0] - mean[0]), atol=1e-12)
    assert found.shapley.note == 'an absent input is that of 10 other cases in turn'
    assert steps == ['shuffling', 'Shapley values', 'missing inputs']


@pytest.mark.parametrize('labels', [[None] * 40, [1] * 40])
def test_without_labels_of_every_class_nothing_is_shuffled(labels: list) -> None:
    score: Any = Linear(labels)
    found = measure_importance(score, 40)
    assert found.drops == {} and found.shapley.values.shape == (3, 40, 2)


def test_cases_without_a_label_have_no_part_in_the_loss() -> None:
    some, few = Linear([*LABELS[:35], *[None] * 5]), Linear(LABELS[:35])
    options = ImportanceOptions(repeats=2, draws=20)
    a, b = (measure_importance(score, n, options) for score, n in ((some, 40), (few, 35)))  # type: ignore[arg-type]
    assert a.drops['x'] == b.drops['x']


def test_levels_are_ranks_or_places(monkeypatch: pytest.MonkeyPatch) -> None:
    score: Any = Linear(LABELS)
    table = np.array([[5.0, 0.0, 7.0], [9.0, 2.0, 7.0], [np.nan, 1.0, 7.0], [6.0, np.nan, 7.0]])
    monkeypatch.setattr(score, 'table', table, raising=False)
    found = levels(score, 4, {'y': 3})
    np.testing.assert_allclose(found, [[0, 1, np.nan, 0.5], [0, 1, 0.5, np.nan], [0.5] * 4])


def test_what_cannot_be_measured() -> None:
    score: Any = Linear(LABELS)
    with pytest.raises(ValueError, match=r"absent must be one of .*, got 'zero'"):
        ImportanceOptions(absent='zero')
    with pytest.raises(ValueError, match='needs cases behind those'):
        measure_importance(score, 40, ImportanceOptions(absent='background'))
    with pytest.raises(ValueError, match="a group needs a name of its own, 'x' is an input"):
        measure_importance(score, 40, ImportanceOptions(groups={'x': ['y']}))
