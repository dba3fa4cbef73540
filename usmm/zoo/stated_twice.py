"""Facts that a published model states more than once: the statements must be the same.

A file of weights states its classes, modalities and variables in its metadata, in its settings and in the arguments of
single components. `usmm publish` writes them from one config. A file in which they differ was changed afterwards, and
it cannot be known which of them the weights were trained for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from usmm.structures import CLINICAL, ModelMeaning, Schema, Variable
from usmm.weights.metadata import is_texts
from usmm.zoo.clean import settled

STATED = ('classes', 'modalities', 'schema')  # by the metadata of every published model
FACTS = ('classes', 'positive', 'modalities', 'schema')
TYPE = 'type'
PACK = 'PackCase'


def check_agreement(meta: Mapping[str, Any], settings: Mapping[str, Any], source: str | Path) -> None:
    """Compare the settings of a published model with its metadata, and the parts of the settings with each other.

    An encoder or a step of the pipeline may name fewer modalities than the model, or further ones: it leaves out those
    that the model does not have.

    Args:
        meta: Metadata of the file of weights.
        settings: Its settings, the categories in their places.
        source: The file, for messages.

    Raises:
        ValueError: Two of them differ, or one lacks what is always stated, and both sides are named; or one of them
            cannot be read.

    Example:
        >>> settings = dict(classes=['a', 'b'], modalities=['bus'], schema=dict(images=dict(bus='bus')))
        >>> check_agreement({**settings, 'classes': ['b', 'a']}, settings, 'w')  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
        ...
        ValueError: w contradicts itself: its metadata, compared with its settings, have classes: ['b', 'a'] instead
        of ['a', 'b'] (another order). Files of a training and of usmm publish do not: take the file as it was written
    """
    try:
        first = next(_contradictions(meta, _with_positive(settings)), None)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a schema can be wrong in every way
        raise ValueError(f'{source}: its metadata or settings cannot be used: {error}') from error
    if first is not None:
        where, different = first
        raise ValueError(
            f'{source} contradicts itself: {where}, compared with its settings, have {"; ".join(different)}. Files '
            'of a training and of usmm publish do not: take the file as it was written'
        )


def _contradictions(meta: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """What differs from the settings: where it is, and the differences as texts."""
    own = ModelMeaning.of_settings(settings)
    if own.positive is not None and own.positive not in own.classes:
        yield 'its settings', [f'positive class: {own.positive!r}, which is not one of {list(own.classes)}']
    missing = [key for key in STATED if meta.get(key) is None]
    if 0 < len(missing) < len(STATED) and meta.get('format') is not None:  # of none of them nothing is compared
        yield 'its metadata', [f'no {key} instead of {_short(settings[key])}' for key in missing]
    if (stated := ModelMeaning.of_meta(meta)) is not None:
        yield from _if_any('its metadata', stated.differences(own))
    categories = meta.get('categories') or {}
    stated_facts = settled({key: meta[key] for key in FACTS if meta.get(key) is not None}, categories)
    yield from _if_any('its metadata', _fact_differences(stated_facts, settings, own))
    named = [_with_categories(variable, categories) for variable in settings['schema'].get('clinical') or ()]
    yield from _if_any('the categories in its metadata', _variable_differences(named, settings, own))
    for key in ('model', 'dataset'):
        part = settings.get(key)
        if isinstance(part, Mapping):
            facts = {name: part[name] for name in FACTS if part.get(name) is not None}
            yield from _if_any(f'the arguments of settings.{key}', _fact_differences(facts, settings, own))
    for key in ('model', 'test_pipeline'):
        for where, node in _parts(settings.get(key), f'settings.{key}'):
            yield from _if_any(f'the arguments of {where}', _argument_differences(node, settings, own))


def _if_any(where: str, different: list[str]) -> Iterator[tuple[str, list[str]]]:
    if different:
        yield where, different


def _with_positive(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings, with the positive class of the model where the top does not state one."""
    model = settings.get('model')
    stated = model.get('positive') if isinstance(model, Mapping) else None
    return settings if settings.get('positive') is not None or stated is None else {**settings, 'positive': stated}


def _fact_differences(facts: Mapping[str, Any], settings: Mapping[str, Any], own: ModelMeaning) -> list[str]:
    """How classes, positive class, modalities and schema differ from those of the settings."""
    different = ModelMeaning.of_settings({**settings, **facts}).differences(own)
    return different or (_schema_differences(facts['schema'], settings['schema'], own) if 'schema' in facts else [])


def _schema_differences(other: Any, schema: Any, own: ModelMeaning) -> list[str]:
    """How columns and ranges differ, which the meaning of a model does not contain."""
    one, two = Schema.of(other), Schema.of(schema)
    texts = [
        f'{field.name} of the schema: {_short(getattr(one, field.name))} instead of {_short(getattr(two, field.name))}'
        for field in fields(Schema)
        if field.name != 'clinical' and getattr(one, field.name) != getattr(two, field.name)
    ]
    used = {variable['name'] for variable in own.variables or ()}
    first, second = ({v.name: v for v in s.clinical if v.name in used} for s in (one, two))
    for name in second:
        texts += [
            f'{field.name} of {name!r}: {_short(getattr(first[name], field.name))} instead of '
            f'{_short(getattr(second[name], field.name))}'
            for field in fields(Variable)
            if getattr(first[name], field.name) != getattr(second[name], field.name)
        ]
    return texts


def _variable_differences(variables: Sequence[Any], settings: Mapping[str, Any], own: ModelMeaning) -> list[str]:
    return ModelMeaning.of_settings({**settings, 'schema': {**settings['schema'], 'clinical': variables}}).differences(
        own
    )


def _with_categories(variable: Any, categories: Mapping[str, Sequence[str]]) -> Any:
    """A clinical variable with the categories that the metadata state for it."""
    name = variable.get('name')
    return {**variable, 'values': categories[name], 'range': None} if name in categories else variable


def _parts(node: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every dict in nested settings, and where it is."""
    if isinstance(node, Mapping):
        yield where, node
        for key, value in node.items():
            yield from _parts(value, f'{where}.{key}')
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _parts(value, f'{where}.{index}')


def _argument_differences(node: Mapping[str, Any], settings: Mapping[str, Any], own: ModelMeaning) -> list[str]:
    """How the arguments of one component differ."""
    classes, modalities, texts = node.get('classes'), node.get('modalities'), list[str]()
    if classes is not None and is_texts(classes):
        texts += ModelMeaning(tuple(classes)).differences(ModelMeaning(own.classes))
    if str(node.get(TYPE)).rpartition('.')[2] != PACK:
        return texts
    images = [m for m in own.modalities or () if m != CLINICAL]
    if modalities is not None and is_texts(modalities) and not {*images} <= {*modalities}:
        texts.append(f'modalities: {list(modalities)} instead of {images}')
    if node.get('clinical'):
        texts += _variable_differences(node['clinical'], settings, own)
    return texts


def _short(value: object) -> str:
    return str(value)[:80] if isinstance(value, Mapping) else repr(value)[:80]
