"""The table as a stream, against scikit-learn's imputer and scaler and a naive loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from usmm.models import ClinicalEncoder, MultiModalClassifier
from usmm.models.complexity import classifier_complexity
from usmm.models.encoders.clinical_encoder import table_encoders
from usmm.models.fusions import BaseFusion
from usmm.registry import MODELS
from usmm.structures import Case, Variable

AGE, SEX, AST = Variable('age'), Variable('sex', values=('F', 'M')), Variable('ast', log=True)
SCHEMA: dict[str, Any] = dict(
    images=dict(bus='bus'),
    clinical=[dict(name='age'), dict(name='sex', values=('F', 'M')), dict(name='ast', log=True)],
)
RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
ENCODER = dict(
    image=dict(type='ImageEncoder', backbone=RESNET), clinical=dict(type='ClinicalEncoder', hidden_channels=8)
)
POOL = dict(type='PoolFusion', project=dict(image=16))


def rows(count: int = 60, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    raw = np.stack([rng.normal(50, 9, count), rng.integers(0, 2, count), rng.lognormal(3, 1, count)], axis=1)
    raw[rng.random(raw.shape) < 0.15] = np.nan
    return torch.tensor(raw, dtype=torch.float32)


def model(fusion: dict | None = None, modalities: tuple[str, ...] = ('bus', 'clinical'), **more: Any) -> Any:
    torch.manual_seed(0)
    given = {'encoder': ENCODER, 'fusion': fusion or POOL, 'schema': SCHEMA, **more}
    return MultiModalClassifier(modalities, ('A', 'B'), **given).eval()


def fitted(*args: Any, **more: Any) -> Any:
    found = model(*args, **more)
    for encoder in table_encoders(found.encoder):
        encoder.fit(rows())
    return found


def test_columns_are_scikit_learns() -> None:
    train, test = rows(), rows(seed=1)
    encoder = ClinicalEncoder([AGE, SEX, AST], hidden_channels=5)
    encoder.fit(train)
    columns = []
    for i, change in ((0, lambda x: x), (2, np.log1p)):
        before, after = (change(x[:, [i]].double().numpy()) for x in (train, test))
        imputer = SimpleImputer(strategy='median').fit(before)
        scaler = StandardScaler().fit(imputer.transform(before))
        columns.append([scaler.transform(imputer.transform(after))[:, 0], np.isnan(after[:, 0]).astype(float)])
    sex = test[:, 1].numpy()
    one_hot = [(sex == 0).astype(float), (sex == 1).astype(float), np.isnan(sex).astype(float)]
    expected = np.stack([*columns[0], *one_hot, *columns[1]], axis=1)
    np.testing.assert_allclose(encoder.encoding(test).numpy(), expected, atol=1e-12)
    weight, bias = encoder.fc.weight.detach().numpy(), encoder.fc.bias.detach().numpy()
    stages = encoder(dict(clinical=test))
    assert [tuple(m.shape) for m in stages] == [(60, 5, 1, 1)] and encoder.out_channels == (5,)
    for i, row in enumerate(expected):  # a naive layer
        naive = [max(0.0, sum(w * x for w, x in zip(ws, row)) + b) for ws, b in zip(weight, bias)]
        np.testing.assert_allclose(stages[0][i, :, 0, 0].detach().numpy(), naive, atol=1e-5)


def test_a_logarithm_that_does_not_exist_counts_as_missing() -> None:
    encoder = ClinicalEncoder([AST])
    encoder.fit(torch.tensor([[math.e - 1], [math.e**3 - 1]]))
    found = encoder.encoding(torch.tensor([[-1.0], [-5.0], [math.e**3 - 1]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]).double())


def test_all_fitted_numbers_travel_with_the_weights() -> None:
    one = fitted()
    other = model()
    other.load_state_dict(one.state_dict())
    table = rows(4, seed=2)
    images = dict(bus=torch.randn(4, 3, 32, 32))
    assert bool(other.encoder['clinical'].fitted)
    assert torch.equal(one(images, clinical=table).logits, other(images, clinical=table).logits)


def test_some_of_the_variables_by_name() -> None:
    encoder = dict(ENCODER, clinical=dict(ENCODER['clinical'], variables=('ast', 'age')))
    found = fitted(encoder=encoder)
    assert [v.name for v in found.encoder['clinical'].variables] == ['age', 'ast']
    images, table = dict(bus=torch.randn(2, 3, 32, 32)), rows(2)
    changed = table.clone()
    changed[:, 1] = 1 - changed[:, 1]
    assert torch.equal(found(images, clinical=table).logits, found(images, clinical=changed).logits)
    changed[:, 2] += 50
    assert not torch.equal(found(images, clinical=table).logits, found(images, clinical=changed).logits)


@pytest.mark.parametrize(
    ('modalities', 'streams'),
    [(('bus',), {'image'}), (('clinical',), {'clinical'}), (('bus', 'clinical'), {'image', 'clinical'})],
)
def test_what_is_built(modalities: tuple[str, ...], streams: set[str]) -> None:
    found = fitted(modalities=modalities)
    assert set(found.readers) == streams and found.clinical is None
    assert found.joint == ('clinical' in modalities) and not found.clinical_decides
    assert set(found.cam_layers()) == {'bus'} & {*modalities}
    assert found.resolve('clinical') == () and {'encoder', 'head'} <= {*found.resolve('all but clinical')}
    images = dict(bus=torch.randn(3, 3, 32, 32)) if 'bus' in modalities else {}
    cases = [Case(f'c{i}', f'p{i}', label=i % 2) for i in range(3)]
    given = found(images, clinical=rows(3), data_samples=cases, mode='predict')
    assert all((g['image_scores'] is None) == found.joint for g in given)
    found.train()
    found(images, clinical=rows(3), data_samples=cases, mode='loss')['loss_cross_entropy'].backward()
    assert all(p.grad is not None for p in found.parameters())


def test_a_clinical_head_only_where_it_has_a_config() -> None:
    found = fitted(clinical=dict(type='ClinicalFusionHead'))
    assert type(found.clinical).__name__ == 'ClinicalFusionHead'
    images, table = dict(bus=torch.randn(2, 3, 32, 32)), rows(2)
    found.clinical.fit(rows())
    found.trainable('clinical')
    whole = found(images, clinical=table)
    cached = found(dict(image_logits=whole.image_logits), clinical=table)
    assert torch.equal(whole.logits, cached.logits) and cached.joint
    with pytest.raises(ValueError, match='the config has no clinical head or no schema'):
        model(encoder=dict(image=ENCODER['image']))


FUSIONS = {
    'PoolFusion': POOL,
    'GatedFusion': dict(type='GatedFusion', embed_dims=8),
    'FiLMFusion': dict(type='FiLMFusion', embed_dims=8),
    'TransformerFusion': dict(type='TransformerFusion', embed_dims=8, num_layers=1, num_heads=2),
    'ConcatFusion': dict(type='ConcatFusion', embed_dims=8),
    'AverageFusion': dict(type='AverageFusion', embed_dims=8),
    'SqueezeExcitationFusion': dict(type='SqueezeExcitationFusion', embed_dims=8),
    'BilinearFusion': dict(type='BilinearFusion', embed_dims=4),
}


@pytest.mark.parametrize('name', FUSIONS)
def test_every_fusion_takes_the_table_and_learns_from_it(name: str) -> None:
    found = fitted(FUSIONS[name]).train()
    assert issubclass(MODELS.get(name), BaseFusion)
    if name == 'FiLMFusion':  # which starts without the table
        torch.nn.init.normal_(found.fusion.modulate['image'].weight)
    logits = found(dict(bus=torch.randn(4, 3, 32, 32)), clinical=rows(4)).logits
    logits.square().sum().backward()
    assert found.encoder['clinical'].fc.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('name', ['GatedFusion', 'FiLMFusion', 'TransformerFusion'])
def test_a_case_without_its_image_is_told_by_the_table(name: str) -> None:
    found = fitted(FUSIONS[name])
    assert found.optional_modalities == ('bus',) and found.missing_modalities(['bus']) == []
    table, images = rows(2), torch.randn(2, 3, 32, 32)
    present = dict(bus=torch.tensor([True, False]))
    mixed = found(dict(bus=images), present, table).logits
    other = found(dict(bus=torch.stack([images[0], 9 + images[1]])), present, table).logits
    torch.testing.assert_close(mixed, other)
    alone = found({}, dict(bus=torch.tensor([False])), table[1:]).logits
    torch.testing.assert_close(mixed[1:], alone, atol=1e-5, rtol=1e-5)
    both = found(dict(bus=images[:1]), None, table[:1]).logits
    torch.testing.assert_close(mixed[:1], both, atol=1e-5, rtol=1e-5)


def test_a_fusion_that_needs_all_says_what_is_missing() -> None:
    found = fitted()
    assert found.optional_modalities == () and found.missing_modalities(['bus']) == ['bus']


def test_what_it_costs_is_known_before_it_is_fitted() -> None:
    found = model()
    costs = classifier_complexity(found, dict(bus=torch.zeros(1, 3, 32, 32)))
    alone = classifier_complexity(model(modalities=('bus',)), dict(bus=torch.zeros(1, 3, 32, 32)))
    # age, age missing, three of sex, ast, ast missing -> 8
    assert costs['encoder'].multiply_adds - alone['encoder'].multiply_adds == 7 * 8
    assert not bool(found.encoder['clinical'].fitted)


def test_errors() -> None:
    with pytest.raises(ValueError, match='ClinicalEncoder is not fitted: call fit'):
        model()(dict(bus=torch.randn(1, 3, 32, 32)), clinical=rows(1))
    with pytest.raises(ValueError, match=r"this model reads \['clinical'\], which the batch does not have"):
        fitted()(dict(bus=torch.randn(1, 3, 32, 32)))
    with pytest.raises(ValueError, match='hidden_channels of ClinicalEncoder must be 1 or more, got 0'):
        ClinicalEncoder([AGE], hidden_channels=0)
    with pytest.raises(ValueError, match='needs one clinical variable or more'):
        ClinicalEncoder()
    with pytest.raises(ValueError, match="encoder 'clinical' reads the clinical table, but there is no schema"):
        model(schema=None)
    with pytest.raises(ValueError, match=r"clinical variables \['alt'\] are not in the schema"):
        model(encoder=dict(clinical=dict(type='ClinicalEncoder', variables=['alt'])), modalities=('clinical',))
    with pytest.raises(ValueError, match=r'clinical table must be \(B, 3\)'):
        fitted()(dict(bus=torch.randn(1, 3, 32, 32)), clinical=torch.zeros(1, 4))
