"""A published model that states two things of itself is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from usmm.utils.locations import folder
from usmm.weights import read_tensors
from usmm.zoo.clean import settled
from usmm.zoo.stated_twice import check_agreement

SCHEMA = dict(
    images=dict(bus='bus', ue='ue'),
    clinical=[dict(name='age', unit='year', range=[0, 120]), dict(name='side', values=['left', 'right'])],
)
FACTS = dict(classes=['ADC', 'SCC'], positive='SCC', modalities=['bus', 'ue', 'clinical'], schema=SCHEMA)
SETTINGS = dict(
    FACTS,
    model=dict(FACTS, type='MultiModalClassifier', head=dict(type='LinearHead')),
    test_pipeline=[
        dict(type='Resize', modalities=['bus', 'dceus'], size=8),
        dict(type='PackCase', clinical=SCHEMA['clinical']),
    ],
    dataset=dict(FACTS, type='CaseDataset'),
)
META = dict(FACTS, categories=dict(side=['left', 'right']), settings=SETTINGS, format=1)

Edit = Callable[[dict[str, Any]], Any]


def reversed_variables(node: dict[str, Any]) -> None:
    node['clinical'] = node['clinical'][::-1]


CONTRADICTIONS: dict[str, tuple[Edit, str]] = {
    'classes in another order': (
        lambda m: m.update(classes=['SCC', 'ADC']),
        r"its metadata, .* have classes: \['SCC', 'ADC'\] instead of \['ADC', 'SCC'\] \(another order\)",
    ),
    'other classes': (lambda m: m.update(classes=['a', 'b', 'c']), r"classes: \['a', 'b', 'c'\] instead of \['ADC'"),
    'another positive class': (lambda m: m.update(positive='ADC'), "positive class: 'ADC' instead of 'SCC'"),
    'an unknown positive class': (lambda m: m.update(positive='no'), "positive class: 'no' instead of 'SCC'"),
    'an unknown positive class in the settings': (
        lambda m: m['settings'].update(positive='no'), r"its settings, .* positive class: 'no', which is not one of",
    ),
    'other modalities': (lambda m: m.update(modalities=['ue']), r"modalities: \['ue'\] instead of \['bus', 'ue',"),
    'no schema': (lambda m: m.pop('schema'), r"its metadata, .* have no schema instead of \{'images'"),
    'no classes': (lambda m: m.pop('classes'), r"have no classes instead of \['ADC', 'SCC'\]"),
    'variables in another order': (
        lambda m: reversed_variables(m['schema']),
        r"clinical variables: \['side', 'age'\] instead of \['age', 'side'\] \(another order\)",
    ),
    'another column': (
        lambda m: m['schema'].update(images=dict(bus='ue', ue='bus')),
        r"images of the schema: \{'bus': 'ue', 'ue': 'bus'\} instead of \{'bus': 'bus', 'ue': 'ue'\}",
    ),
    'another range': (
        lambda m: m['schema']['clinical'][0].update(range=[0, 12]),
        r"range of 'age': \(0.0, 12.0\) instead of \(0.0, 120",
    ),
    'another meaning': (
        lambda m: m.update(meaning=dict(classes=['SCC', 'ADC'])), r"its metadata, .* classes: \['SCC', 'ADC'\] instead",
    ),
    'other categories': (
        lambda m: m.update(categories=dict(side=['right', 'left'])),
        r"the categories in its metadata, .* categories of 'side': \['right', 'left'\] instead of \['left', 'right'\]",
    ),
    'classes of the model': (
        lambda m: m['settings']['model'].update(classes=['SCC', 'ADC']),
        r"the arguments of settings.model, .* classes: \['SCC', 'ADC'\] instead",
    ),
    'positive class of the model': (
        lambda m: m['settings']['model'].update(positive='ADC'), "settings.model, .* positive class: 'ADC' instead of",
    ),
    'modalities of the model': (
        lambda m: m['settings']['model'].update(modalities=['ue', 'bus', 'clinical']),
        r"settings.model, .* modalities: \['ue', 'bus', 'clinical'\] instead",
    ),
    'schema of the model': (
        lambda m: reversed_variables(m['settings']['model']['schema']), 'settings.model, .* clinical variables',
    ),
    'classes of a part': (
        lambda m: m['settings']['model']['head'].update(classes=['x', 'y']),
        r"the arguments of settings.model.head, .* classes: \['x', 'y'\] instead of \['ADC', 'SCC'\]",
    ),
    'classes of the data set': (
        lambda m: m['settings']['dataset'].update(classes=['x', 'y']), r'the arguments of settings.dataset, .* classes',
    ),
    'packed variables in another order': (
        lambda m: reversed_variables(m['settings']['test_pipeline'][-1]),
        r"settings.test_pipeline.1, .* clinical variables: \['side', 'age'\] instead of \['age', 'side'\]",
    ),
    'packed categories in another order': (
        lambda m: m['settings']['test_pipeline'][-1]['clinical'][1].update(values=['right', 'left']),
        "settings.test_pipeline.1, .* categories of 'side'",
    ),
    'a modality that is not packed': (
        lambda m: m['settings']['test_pipeline'][-1].update(modalities=['ue', 'dceus']),
        r"settings.test_pipeline.1, .* modalities: \['ue', 'dceus'\] instead of \['bus', 'ue'\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize('kind', CONTRADICTIONS)
def test_contradictions_are_refused_with_both_sides(kind: str) -> None:
    edit, message = CONTRADICTIONS[kind]
    meta = json.loads(json.dumps(META))  # no dict that stands twice
    edit(meta)
    with pytest.raises(ValueError, match=rf'^w contradicts itself: .*{message}.*take the file as it was written'):
        check_agreement(meta, meta['settings'], 'w')


AGREEING: dict[str, Edit] = {
    'as published': lambda m: None,
    'texts and tuples': lambda m: m.update(classes=('ADC', 'SCC')),
    'no positive class': lambda m: m.update(positive=None),
    'a positive class of the model alone': lambda m: m['settings'].pop('positive'),
    'fewer variables': lambda m: [part['dataset'].update(clinical=['age']) for part in [m['settings']]],
    'further packed modalities': lambda m: m['settings']['test_pipeline'][-1].update(modalities=['ue', 'bus', 'dceus']),
    'no arguments': lambda m: m['settings'].update(model=dict(type='M'), dataset=None, test_pipeline=[]),
    'metadata of no format': lambda m: [m.pop(key) for key in ('format', 'schema', 'modalities')],
    'metadata without facts': lambda m: [m.pop(key) for key in ('classes', 'schema', 'modalities')],
    'categories of another variable': lambda m: m.update(categories=dict(colour=['red'])),
}


@pytest.mark.parametrize('kind', AGREEING)
def test_what_agrees_is_taken(kind: str) -> None:
    meta = json.loads(json.dumps(META))  # no dict that stands twice
    AGREEING[kind](meta)
    check_agreement(meta, meta['settings'], 'w')


def test_metadata_that_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match=r"^w: its metadata or settings cannot be used: unknown schema keys \['no'\]"):
        check_agreement({**META, 'schema': dict(no=3)}, SETTINGS, 'w')


@pytest.mark.parametrize('name', ['msmfn_small_breast', 'msmfn_small_phantom'])
def test_shipped_models_agree(name: str) -> None:
    path = folder('model_zoo') / name / 'model.safetensors'
    meta: Any = read_tensors(path)[1]
    check_agreement(meta, settled(meta['settings'], meta['categories']), path)
