"""Boosted trees on [image score, table], against scikit-learn's own predictions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from usmm.models import BoostedTableHead, ClinicalFusionHead
from usmm.structures import Variable

VARIABLES = [Variable('age'), Variable('sex', values=('F', 'M'))]


def data(count: int = 120, classes: int = 2) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    table = np.stack([rng.normal(50 + 5 * labels, 8), rng.integers(0, 2, count)], axis=1)
    table[rng.random(table.shape) < 0.1] = np.nan
    scores = torch.tensor(rng.normal(0, 1, (count, classes)) + 2 * np.eye(classes)[labels]).softmax(1)
    return torch.tensor(table, dtype=torch.float32), scores.float(), labels


def columns(table: torch.Tensor, scores: torch.Tensor | None) -> np.ndarray:
    sex = table[:, 1].numpy()
    one_hot = np.stack([sex == 0, sex == 1, np.isnan(sex)], axis=1)
    parts = [] if scores is None else [scores.double().numpy()]
    return np.concatenate([*parts, table[:, :1].double().numpy(), one_hot], axis=1).astype(float)


@pytest.mark.parametrize(('classes', 'use_image'), [(2, True), (3, True), (2, False)])
def test_logits_are_scikit_learns(classes: int, use_image: bool) -> None:
    table, probabilities, labels = data(classes=classes)
    head = BoostedTableHead(VARIABLES, classes, use_image=use_image, options=dict(max_iter=20))
    scores = head.image_scores(probabilities) if use_image else None
    head.fit_table(table, torch.tensor(labels), seed=1, image_scores=scores)
    own = None if scores is None else (probabilities[:, [1]] if classes == 2 else probabilities)
    theirs = HistGradientBoostingClassifier(max_iter=20, random_state=1, early_stopping=False)
    expected = theirs.fit(columns(table, own), labels).predict_proba(columns(table, own))
    np.testing.assert_allclose(head(scores, table).softmax(1).detach().numpy(), expected, atol=1e-9)
    again = BoostedTableHead(VARIABLES, classes, use_image=use_image)
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(scores, table), head(scores, table))
    loss = head.loss(head(scores, table), torch.tensor(labels))['loss_clinical'].item()
    assert loss == pytest.approx(-np.log(expected[np.arange(len(labels)), labels]).mean(), abs=1e-5)


def test_columns_of_a_table_that_has_more() -> None:
    table, probabilities, labels = data()
    wide = torch.cat([table[:, :1], torch.full((len(table), 1), 7.0), table[:, 1:]], dim=1)
    narrow = BoostedTableHead(VARIABLES, options=dict(max_iter=5))
    chosen = BoostedTableHead([dict(name='age'), dict(name='sex', values=('F', 'M'))], columns=[0, 2],
                              options=dict(max_iter=5))  # fmt: skip
    scores = narrow.image_scores(probabilities)
    for head, rows in ((narrow, table), (chosen, wide)):
        head.fit_table(rows, torch.tensor(labels), image_scores=scores)
    assert torch.equal(narrow(scores, table), chosen(scores, wide))


def test_errors() -> None:
    table, probabilities, labels = data()
    head, y = BoostedTableHead(VARIABLES), torch.tensor(labels)
    scores = head.image_scores(probabilities)
    with pytest.raises(ValueError, match='BoostedTableHead is not fitted: train it with a stage that has fit=True'):
        head(scores, table)
    with pytest.raises(ValueError, match='fit_table expects a label for each of 120 rows, got 2'):
        head.fit_table(table, y[:2], image_scores=scores)
    with pytest.raises(ValueError, match=r'no labelled row of the classes \[1\]'):
        head.fit_table(table, y * 0, image_scores=scores)
    with pytest.raises(ValueError, match=r'BoostedTableHead\(use_image=True\) got image scores None'):
        head.fit_table(table, y)
    with pytest.raises(ValueError, match=r'expected image scores of shape \(120, 1\), got \(120, 2\)'):
        head.fit_table(table, y, image_scores=probabilities)


def test_the_trained_head_takes_logarithms_too() -> None:
    head = ClinicalFusionHead([Variable('ast', log=True), Variable('age')])
    table = torch.tensor([[9.0, 1.0], [99.0, 3.0], [float('nan'), 5.0]])
    head.fit(table)
    z = head.normalise(table)
    logs = np.log1p([9.0, 99.0])
    np.testing.assert_allclose(z[:2, 0].numpy(), (logs - logs.mean()) / logs.std(), rtol=1e-5)
    assert z[2, 0] == 0
    ages = np.array([1.0, 3.0, 5.0])
    np.testing.assert_allclose(z[:, 1].numpy(), (ages - ages.mean()) / ages.std(), rtol=1e-5)
