"""The classical baselines against scikit-learn's own predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from usmm.models import TableClassifier
from usmm.models.tables.table_encoding import TableEncoding
from usmm.structures import Case, Variable
from usmm.weights import load_state

SCHEMA: dict[str, Any] = dict(clinical=[dict(name='age'), dict(name='side', values=('l', 'm', 'r')), dict(name='size')])
ESTIMATORS = ('logistic', 'boosting')


def table(cases: int = 150, classes: int = 2) -> tuple[torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(0)
    raw = np.stack([rng.normal(50, 10, cases), rng.integers(0, 3, cases), rng.normal(5, 2, cases)], axis=1)
    labels = (raw[:, 0] + 5 * raw[:, 2] + rng.normal(0, 8, cases) > 75).astype(int)
    labels += (classes == 3) * (raw[:, 1] == 2)
    raw[rng.random(raw.shape) < 0.1] = np.nan
    return torch.tensor(raw, dtype=torch.float32), labels


def model(estimator: str = 'logistic', classes: int = 2, **changes: Any) -> TableClassifier:
    return TableClassifier(
        ('clinical',), tuple('abc'[:classes]), **{'estimator': estimator, 'schema': SCHEMA, **changes}
    )


def encoded(raw: torch.Tensor, impute: bool) -> np.ndarray:
    """The same columns, made with scikit-learn and numpy."""
    numbers, side = raw[:, [0, 2]].double().numpy(), raw[:, 1].numpy()
    one_hot = np.stack([*(side == i for i in range(3)), np.isnan(side)], axis=1).astype(float)
    if not impute:
        return np.concatenate([numbers[:, :1], one_hot, numbers[:, 1:]], axis=1)
    z = StandardScaler().fit_transform(SimpleImputer(strategy='median').fit_transform(numbers))
    gone = np.isnan(numbers).astype(float)
    return np.column_stack([z[:, 0], gone[:, 0], one_hot, z[:, 1], gone[:, 1]])


@pytest.mark.parametrize('classes', [2, 3])
@pytest.mark.parametrize('estimator', ESTIMATORS)
def test_probabilities_are_scikit_learns(estimator: str, classes: int) -> None:
    raw, labels = table(classes=classes)
    ours = model(estimator, classes)
    ours.fit_table(raw, torch.tensor(labels), seed=3)
    columns = encoded(raw, impute=estimator == 'logistic')
    theirs: Any = LogisticRegression(max_iter=1000)
    if estimator == 'boosting':
        theirs = HistGradientBoostingClassifier(random_state=3, early_stopping=False)
    expected = theirs.fit(columns, labels).predict_proba(columns)
    cases = [Case(f'c{i}', f'p{i}', label=int(y)) for i, y in enumerate(labels)]
    found = ours({}, clinical=raw, data_samples=cases, mode='predict')
    np.testing.assert_allclose(np.stack([f['scores'] for f in found]), expected, atol=1e-6)
    loss = ours({}, clinical=raw, data_samples=cases, mode='loss')['loss_table']
    assert loss.item() == pytest.approx(-np.log(expected[np.arange(len(labels)), labels]).mean())


def test_a_split_of_missing_values_alone_is_a_finite_number() -> None:
    # scikit-learn's threshold of such a split is infinite, which a loader takes for damage
    raw, labels = table()
    raw[:, 0] = torch.where(torch.tensor(labels) == 1, torch.nan, 1.0)
    ours = model('boosting')
    ours.fit_table(raw, torch.tensor(labels), seed=0)
    theirs = HistGradientBoostingClassifier(random_state=0, early_stopping=False).fit(encoded(raw, False), labels)
    assert np.isinf(theirs._predictors[0][0].nodes['num_threshold']).any()
    assert all(torch.isfinite(value).all() for value in ours.state_dict().values())
    found = ours({}, clinical=raw, mode='predict', data_samples=[Case(f'c{i}', f'p{i}') for i in range(len(raw))])
    np.testing.assert_allclose(
        np.stack([f['scores'] for f in found]), theirs.predict_proba(encoded(raw, False)), atol=1e-6
    )


@pytest.mark.parametrize('estimator', ESTIMATORS)
def test_a_checkpoint_fills_a_fresh_model(estimator: str, tmp_path: Path) -> None:
    raw, labels = table()
    ours, fresh = model(estimator), model(estimator)
    ours.fit_table(raw, torch.tensor(labels))
    torch.save({'state_dict': ours.state_dict()}, tmp_path / 'model.pth')
    fresh.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True)['state_dict'])
    assert torch.equal(fresh({}, clinical=raw).logits, ours({}, clinical=raw).logits)
    other = TableClassifier(('clinical',), ('a', 'b'), estimator=estimator, schema=dict(clinical=[dict(name='age')]))
    with pytest.raises(RuntimeError, match='size mismatch'):
        other.load_state_dict(ours.state_dict())


DAMAGED: dict[str, tuple[str, Any, str]] = {
    'endless': ('depth', lambda t: t.fill_(2**62), 'their depth is 4611686018427387904, with'),
    'depth below zero': ('depth', lambda t: t.fill_(-1), 'their depth is -1'),
    'a child that is not there': ('left', lambda t: t.fill_(10**6), 'left must be from 0 to .*, got 1000000 to'),
    'a child below zero': ('right', lambda t: t.fill_(-1), 'right must be from 0 to'),
    'another column': ('feature', lambda t: t.fill_(99), 'feature must be from 0 to'),
    'another class': ('output', lambda t: t.fill_(7), 'output must be from 0 to'),
    'fewer values': ('value', lambda t: t[:, :1], 'their parts have the shapes'),
    'fewer outputs': ('output', lambda t: t[:1], r'trees have \(1,\) outputs'),
}  # fmt: skip


@pytest.mark.parametrize('kind', DAMAGED)
def test_trees_that_cannot_be_followed_are_refused(kind: str) -> None:
    name, change, message = DAMAGED[kind]
    raw, labels = table(classes=3)
    trained, fresh = model('boosting', 3), model('boosting', 3)
    trained.fit_table(raw, torch.tensor(labels))
    state = {key: value.clone() for key, value in trained.state_dict().items()}
    state[f'estimator.{name}'] = change(state[f'estimator.{name}'])
    with pytest.raises(
        ValueError, match=rf"(?s)^w\.pth does not fit its model: .*the trees under 'estimator\.'.*{message}"
    ):
        load_state(fresh, state, 'w.pth')
    assert not bool(fresh.fitted)


def test_options_reach_scikit_learn() -> None:
    raw, labels = table()
    trees = model('boosting', options=dict(max_iter=7, max_leaf_nodes=4))
    trees.fit_table(raw, torch.tensor(labels))
    assert trees.estimator.feature.shape == (7, 2 * 4 - 1)
    strict, loose = model(options=dict(C=1e-6)), model()
    for one in (strict, loose):
        one.fit_table(raw, torch.tensor(labels))
    small, large = (one.estimator.get_parameter('weight').abs().max().item() for one in (strict, loose))
    assert small < 1e-3 < large


def test_some_variables_by_name() -> None:
    raw, labels = table()
    part = model(variables=['size'])
    part.fit_table(raw, torch.tensor(labels))
    changed = raw.clone()
    changed[:, :2] = 0
    assert torch.equal(part({}, clinical=changed).logits, part({}, clinical=raw).logits)
    with pytest.raises(ValueError, match=r"\['height'\] are not in the schema"):
        model(variables=['height'])


def test_nothing_fitted_depends_on_rows_that_are_only_predicted() -> None:
    encoding = TableEncoding([Variable('age'), Variable('empty')])
    encoding.fit(torch.tensor([[1.0, torch.nan], [2.0, torch.nan], [9.0, torch.nan], [torch.nan, torch.nan]]))
    assert encoding.median.tolist() == [2.0, 0.0]
    # filled: 1, 2, 9, 2, with mean 3.5 and variance 10.25
    row = encoding(torch.tensor([[torch.nan, 5.0], [torch.inf, torch.nan]])).tolist()
    z = (2 - 3.5) / 10.25**0.5
    assert row == [pytest.approx([z, 1, 5, 0]), pytest.approx([z, 1, 0, 1])]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(estimator='forest'), r"must be one of \('logistic', 'boosting'\), got 'forest'"),
        (dict(positive='d'), "positive class 'd' is not one of the classes"),
        (dict(schema=None), 'a table classifier needs one clinical variable or more, got none'),
        (
            dict(schema=dict(clinical=[dict(name='side', values='auto')])),
            r"values='auto' of \['side'\] must be replaced",
        ),
    ],
)
def test_wrong_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(**changes)


def test_it_reads_the_table_alone() -> None:
    with pytest.raises(ValueError, match=r"modalities must be \('clinical',\), got \('bus', 'clinical'\)"):
        TableClassifier(('bus', 'clinical'), ('a', 'b'), schema=SCHEMA)
    assert model().missing_modalities(['bus']) == []


def test_wrong_calls() -> None:
    raw, labels = table(20)
    ours = model()
    with pytest.raises(ValueError, match='TableClassifier is not fitted: train it with a stage'):
        ours({}, clinical=raw)
    with pytest.raises(ValueError, match='expects a label for each of 20 rows, got 19'):
        ours.fit_table(raw, torch.tensor(labels[:19]))
    with pytest.raises(ValueError, match=r"no labelled row of the classes \['b'\] to fit on"):
        ours.fit_table(raw, torch.zeros(20))
    with pytest.raises(ValueError, match=r'clinical table must be \(B, 3\), got \(20, 2\)'):
        ours.fit_table(raw[:, :2], torch.tensor(labels))
    with pytest.raises(
        ValueError, match=r"clinical table must be \(B, 3\) for \['age', 'side', 'size'\], got \(20, 2\)"
    ):
        ours.encoding(raw[:, :2])
    with pytest.raises(ValueError, match=r"mode must be one of .* got 'train'"):
        ours({}, clinical=raw, mode='train')
    with pytest.raises(ValueError, match='which the batch does not have'):
        ours({})
    with pytest.raises(ValueError, match='leave out categorical_features'):
        model('boosting', options=dict(categorical_features=[0])).fit_table(raw, torch.tensor(labels))
