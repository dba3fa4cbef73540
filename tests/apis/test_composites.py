"""Composite cases against cases that are put together by hand and go through the whole model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from usmm.apis import Predictor
from usmm.apis.composites import CompositeScore
from usmm.apis.explaining import as_module, modality_game
from usmm.apis.model_interface import (
    image_logits,
    image_streams,
    reads_table,
    table_in_stream,
    variables_of,
)
from usmm.datasets.transforms import collate_cases
from usmm.registry import MODELS
from usmm.structures import Case

SCHEMA = dict(
    images=dict(bus='bus', ue='ue'), clinical=[dict(name='age'), dict(name='size'), dict(name='sex', values=('F', 'M'))]
)
NAMES = ['age', 'size', 'sex']
ROWS = torch.tensor([[40.0, 5.0, 0.0], [60.0, 7.0, 1.0], [55.0, float('nan'), 1.0], [70.0, 9.0, float('nan')]])
SMALL = dict(depth=18, base_channels=4)


def packed(count: int = 4, lacking: tuple[tuple[int, str], ...] = ()) -> list[Case]:
    cases = []
    for i in range(count):
        draw = torch.Generator().manual_seed(i)
        data = {m: torch.randint(0, 256, (3, 32, 32), generator=draw, dtype=torch.uint8) for m in ('bus', 'ue')}
        data = {m: x for m, x in data.items() if (i, m) not in lacking}
        info = dict(clinical=dict(vector=ROWS[i]), pack=dict(modalities=('bus', 'ue')))
        cases.append(Case(f'c{i}', f'p{i}', i % 2, data, info=info))
    return cases


def build(kind: str) -> Any:
    """A model of each kind, with weights that answer differently to different inputs."""
    torch.manual_seed(0)
    common = dict(classes=('ADC', 'SCC'), schema=SCHEMA)
    two = dict(
        a=dict(type='GuidedEncoder', guide='bus', guided=(), **SMALL),
        b=dict(type='GuidedEncoder', guide='ue', guided=(), **SMALL),
    )
    stage = dict(type='TransformerFusion', embed_dims=16, num_layers=1, num_heads=2)
    head = dict(type='ClinicalFusionHead', variables=['age', 'sex'])
    cfg = {
        'head': dict(modalities=('bus', 'ue', 'clinical'), encoder=two, fusion=stage, clinical=head),
        'trees': dict(
            modalities=('bus', 'ue', 'clinical'), encoder=two, fusion=stage,
            clinical=dict(type='BoostedTableHead', options=dict(min_samples_leaf=2)),
        ),
        'images': dict(modalities=('bus', 'ue'), encoder=two, fusion=stage),
        'stream': dict(
            modalities=('bus', 'ue', 'clinical'),
            encoder=dict(a=dict(type='GuidedEncoder', guide='bus', guided=('ue',), **SMALL),
                         table=dict(type='ClinicalEncoder', hidden_channels=8)),
            fusion=dict(type='ConcatFusion', embed_dims=8),
        ),
        'film': dict(
            modalities=('bus', 'clinical'),
            encoder=dict(a=dict(type='GuidedEncoder', guide='bus', guided=(), **SMALL),
                         clinical=dict(type='ClinicalEncoder', hidden_channels=8)),
            fusion=dict(type='FiLMFusion', by='clinical', embed_dims=8),
        ),
        'table': dict(modalities=('clinical',), type='TableClassifier', variables=['size', 'sex']),
    }[kind]  # fmt: skip
    model: Any = MODELS.build({**dict(type='MultiModalClassifier'), **common, **cfg})
    if kind == 'trees':
        scores = torch.linspace(0.3, 0.7, 40)[:, None]
        rows = ROWS.repeat(10, 1)
        labels = torch.rand(40).lt(rows[:, 0] / 100).long()
        model.clinical.fit_table(rows, labels, image_scores=scores)
    if kind == 'table':
        model.fit_table(ROWS, torch.tensor([0, 1, 0, 1]))
    for part in model.modules():
        if part is not model and type(part).__name__ in ('ClinicalFusionHead', 'ClinicalEncoder'):
            part.fit(ROWS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def by_hand(model: Any, case: Case) -> np.ndarray:
    with torch.no_grad():
        logits = model(**model.data_preprocessor(collate_cases([case]))).logits
    return logits.double().softmax(1)[0].numpy()


@pytest.mark.parametrize('kind', ['head', 'trees', 'images', 'stream', 'film', 'table'])
def test_cases_put_together_get_the_answer_of_the_whole_model(kind: str) -> None:
    model, cases = build(kind), packed()
    score = CompositeScore(model, cases, NAMES, batch_size=2)
    assert score.players == {
        'head': ('bus', 'ue', 'age', 'sex'), 'images': ('bus', 'ue'), 'trees': ('bus', 'ue', *NAMES),
        'stream': ('bus', 'ue', *NAMES), 'film': ('bus', *NAMES), 'table': ('size', 'sex'),
    }[kind]  # fmt: skip
    rng = np.random.default_rng(0)
    plan = rng.integers(0, 4, (12, len(score.players)))
    variables = slice(len(score.images), None)
    plan[:, variables] = np.where(rng.random(plan[:, variables].shape) < 0.3, -1, plan[:, variables])
    expected = []
    for donors in plan:
        given = dict(zip(score.players, donors))
        row = torch.tensor([ROWS[given[n], i] if given.get(n, -1) >= 0 else np.nan for i, n in enumerate(NAMES)])
        data = {m: cases[given[m]].data[m] for m in score.images}
        expected.append(by_hand(model, replace(cases[0], data=data, info=dict(clinical=dict(vector=row)))))
    np.testing.assert_allclose(score(plan), expected, atol=2e-6)
    assert np.std(expected, axis=0).min() > 1e-4  # the inputs matter


def test_pictures_are_looked_at_once() -> None:
    model = build('stream')
    score = CompositeScore(model, packed(), NAMES)
    seen: list[int] = []
    model.encoder['a'].register_forward_hook(lambda module, args, out: seen.append(len(out[-1])))
    plan = np.zeros((50, 5), dtype=int)
    plan[:, 4] = np.arange(50) % 4
    plan[25:, 0] = 1
    trunk: list[int] = []
    model.encoder['a'].trunks['bus'].register_forward_hook(lambda module, args, out: trunk.append(1))
    score(plan)
    assert len(trunk) == 2  # two pairs of pictures
    head = CompositeScore(build('head'), packed(), NAMES)
    head(np.zeros((2, 4), dtype=int))
    ran: list[int] = []
    head.model.fusion.register_forward_hook(lambda *_: ran.append(1))
    head(np.zeros((2, 4), dtype=int))
    assert not ran


def test_a_missing_image_is_an_absent_stream_or_the_baseline_picture() -> None:
    cases = packed()
    model = build('images')  # two streams, of which one is enough
    score = CompositeScore(model, cases, NAMES)
    alone = by_hand(model, replace(cases[0], data=dict(ue=cases[0].data['ue'])))
    np.testing.assert_allclose(score(np.array([[-1, 0]]))[0], alone, atol=1e-6)
    assert 'a stream without any of its images is absent' in score.note
    lacks = CompositeScore(model, packed(lacking=((0, 'bus'),)), NAMES)
    np.testing.assert_allclose(lacks(np.array([[0, 0]]))[0], alone, atol=1e-6)
    blank = dict(bus=torch.full((3, 32, 32), 0.5), ue=torch.zeros(3, 32, 32))
    with torch.no_grad():
        expected = model({m: x[None] for m, x in blank.items()}).logits.double().softmax(1).numpy()
    np.testing.assert_allclose(CompositeScore(model, cases, NAMES, blank)(np.array([[-1, -1]])), expected, atol=1e-6)
    joint = build('stream')
    mixed = CompositeScore(joint, cases, NAMES, blank)
    assert mixed.note.startswith('a missing image is the baseline picture; a missing variable is an empty cell')
    ue = joint.data_preprocessor(collate_cases([cases[2]]))['inputs']['ue']
    with torch.no_grad():
        logits = joint(dict(bus=blank['bus'][None], ue=ue), None, ROWS[2:3]).logits
    np.testing.assert_allclose(mixed(np.array([[-1, 2, 2, 2, 2]])), logits.double().softmax(1).numpy(), atol=1e-6)


def test_what_a_model_reads() -> None:
    facts = {kind: build(kind) for kind in ('head', 'images', 'stream', 'table')}
    assert [reads_table(m) for m in facts.values()] == [True, False, True, True]
    assert [table_in_stream(m) for m in facts.values()] == [False, False, True, False]
    assert image_streams(facts['stream']) == [('bus', 'ue')] and image_streams(facts['table']) == []
    assert variables_of(facts['head'], NAMES) == ['age', 'sex'] and variables_of(facts['images'], NAMES) == []


@pytest.mark.parametrize('kind', ['head', 'images', 'stream', 'film', 'table'])
def test_modalities_that_a_case_needs(kind: str) -> None:
    model = build(kind)
    reads = {'head': 'bus ue', 'images': 'bus ue', 'stream': 'bus ue', 'film': 'bus', 'table': ''}[kind].split()
    for absent in ([], ['ue'], ['bus', 'ue'], ['bus', 'other']):
        # FiLMFusion works with the table alone, ConcatFusion needs every stream, in the others one image is enough
        enough = kind == 'film' or (kind in ('head', 'images') and set(reads) - set(absent))
        assert model.missing_modalities(absent) == ([] if enough else [m for m in reads if m in absent])


def test_a_model_without_encoders_has_no_logits_of_images() -> None:
    clinical = dict(type='ClinicalFusionHead', variables=['age'])
    model: Any = MODELS.build(
        dict(
            type='MultiModalClassifier', modalities=('clinical',), classes=('A', 'B'), schema=SCHEMA, clinical=clinical
        )
    )
    with pytest.raises(ValueError, match=r"a model of \['clinical'\] has no encoders, so it has no logits of images"):
        image_logits(model, {}, None, None, ROWS)


def test_only_torch_modules_are_explained() -> None:
    model = build('images')
    assert as_module(model) is model
    with pytest.raises(TypeError, match='explanations need a torch module, got Case'):
        as_module(packed(1)[0])


def test_both_games_agree_on_nothing_and_on_everything() -> None:
    for kind in ('head', 'stream'):
        model, cases = build(kind), packed(1)
        batch = model.data_preprocessor(collate_cases(cases))
        game, score = modality_game(model, batch, [1]), CompositeScore(model, cases, NAMES)
        assert game.players == ('bus', 'ue', 'clinical')
        width = len(score.players)
        both = score(np.stack([np.full(width, -1), np.zeros(width, dtype=int)]))[:, 1]
        np.testing.assert_allclose(both, [game(frozenset())[0], game(frozenset(game.players))[0]], atol=1e-6)


def test_the_predictor_tells_each_variable(predictor: Predictor, tiny_data: Any) -> None:
    found = predictor.predict(str(tiny_data / 'cases.csv'), explain=True)[0]
    assert set(found.variables) == {'bus', 'ue', 'clip', 'age', 'side'}
    assert found.baseline is not None and found.predicted is not None
    assert sum(found.variables.values()) == pytest.approx(
        found.probabilities[found.predicted] - found.baseline, abs=1e-5
    )
    assert predictor.predict(str(tiny_data / 'cases.csv'))[0].variables == {}


def test_what_cannot_be_put_together() -> None:
    model = build('head')
    with pytest.raises(ValueError, match='need a pool of cases, got none'):
        CompositeScore(model, [], NAMES)
    with pytest.raises(ValueError, match="no case has an image of 'ue'"):
        CompositeScore(model, packed(2, ((0, 'ue'), (1, 'ue'))), NAMES)
    with pytest.raises(ValueError, match='must have 4 columns, got 3'):
        CompositeScore(model, packed(), [*NAMES, 'bmi'])
