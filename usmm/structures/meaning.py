"""What the inputs and outputs of a trained model stand for, so that weights are not used for something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from usmm.structures.schema import Schema, Variable
from usmm.structures.settings import CLINICAL

MEANING = 'meaning'  # the key of a checkpoint's metadata


@dataclass(frozen=True)
class ModelMeaning:
    """The classes, modalities and clinical variables of a model, in the order of its outputs and inputs.

    Weights do not depend on these names: a network whose classes are renamed or reordered, or whose table has another
    unit, runs without an error and returns wrong numbers. A checkpoint therefore stores its meaning, and `check`
    compares it with that of a config.

    Args:
        classes: Names of the classes, in the order of the outputs.
        positive: The positive class of two, which the clinical stage reads the image's probability of; None: not
            stated, or more than two classes.
        modalities: Modalities in order; None: not stated.
        variables: Clinical variables in the order of the table's row, as dicts of name, unit, log and values
            (categories in order, or None for a number); None: not stated.

    Example:
        >>> first = ModelMeaning(('benign', 'malignant'), None, ('bus',), ())
        >>> ModelMeaning(('malignant', 'benign'), None, ('bus',), ()).differences(first)
        ["classes: ['malignant', 'benign'] instead of ['benign', 'malignant'] (another order)"]
    """

    classes: tuple[str, ...]
    positive: str | None = None
    modalities: tuple[str, ...] | None = None
    variables: tuple[Mapping[str, object], ...] | None = None

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> ModelMeaning:
        """The meaning that a resolved config gives to its model.

        Args:
            settings: `classes`, `positive`, `modalities`, `schema` and `dataset` of a config.
        """
        classes, modalities = _texts(settings['classes']), _texts(settings['modalities'])
        schema: Any = settings['schema']
        known = Schema.of(schema.to_dict() if hasattr(schema, 'to_dict') else schema).clinical
        chosen = (settings.get('dataset') or {}).get('clinical')
        used = [v for v in known if CLINICAL in modalities and (chosen is None or v.name in chosen)]
        positive = settings.get('positive')
        if len(classes) == 2:
            positive = classes[1] if positive is None else str(positive)
        return cls(classes, positive, modalities, tuple(_variable(v) for v in used))

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> ModelMeaning | None:
        """The meaning that the metadata of a file of weights state; None where they state no classes.

        Args:
            meta: Metadata as training, `usmm publish` or `usmm export` write them.

        Raises:
            ValueError: The meaning is not in that form.
        """
        stated = meta.get(MEANING)
        if stated and not _is_meaning(stated):
            raise ValueError(f'weights state a meaning that cannot be read: {str(stated)[:80]}')
        if isinstance(stated, Mapping) and stated.get('classes'):
            variables = cast(Sequence[Mapping[str, object]], stated.get('variables') or ())
            return cls(
                _texts(stated['classes']),
                stated.get('positive'),
                _texts(stated.get('modalities') or ()),
                tuple(_plain(v) for v in variables),
            )
        if not meta.get('classes'):
            return None
        modalities = _texts(meta['modalities']) if meta.get('modalities') else None
        return cls(_texts(meta['classes']), meta.get('positive'), modalities)

    @classmethod
    def plain(cls, settings: Mapping[str, Any] | None) -> dict[str, object]:
        """The metadata of a checkpoint that state a meaning: plain lists and dicts, whatever kind of dict a config has.

        Args:
            settings: As `to_dict` returns it; None: nothing is stated.
        """
        meaning = None if settings is None else cls.of_meta({MEANING: settings})
        return {} if meaning is None else {MEANING: meaning.to_dict()}

    def to_dict(self) -> dict[str, object]:
        """As plain lists and dicts, for the metadata of a checkpoint."""
        variables = [{**v, 'values': _listed(v.get('values'))} for v in self.variables or ()]
        return {
            'classes': list(self.classes),
            'positive': self.positive,
            'modalities': list(self.modalities or ()),
            'variables': variables,
        }

    def differences(self, other: ModelMeaning) -> list[str]:
        """What differs from another meaning, one sentence each; what one of them does not state is not compared.

        Args:
            other: The other meaning, named after `instead of`.
        """
        texts = [_sequence('classes', self.classes, other.classes)]
        if self.modalities is not None and other.modalities is not None:
            texts.append(_sequence('modalities', self.modalities, other.modalities))
        both = self.positive is not None and other.positive is not None
        if both and self.positive != other.positive and self.classes == other.classes:
            texts.append(f'positive class: {self.positive!r} instead of {other.positive!r}')
        if self.variables is not None and other.variables is not None:
            mine, theirs = _named(self.variables), _named(other.variables)
            texts.append(_sequence('clinical variables', [*mine], [*theirs]))
            for name in mine:
                if name in theirs:
                    texts += _variable_differences(name, mine[name], theirs[name])
        return [text for text in texts if text]

    def check(self, meta: Mapping[str, Any], source: str | Path, user: str) -> None:
        """Compare with the metadata of weights that are to be used under this meaning.

        Args:
            meta: Metadata of the weights; without classes in them nothing is compared.
            source: The file of weights, for the message.
            user: What is to use them, for the message: a config by its name.

        Raises:
            ValueError: The weights were trained for something else; names what differs, with both sides.
        """
        top = {key: value for key, value in meta.items() if key != MEANING}
        stated = [meaning for meaning in map(ModelMeaning.of_meta, (meta, top)) if meaning is not None]
        different = [*dict.fromkeys(text for meaning in stated for text in self.differences(meaning))]
        if different:
            trained = f' (config {meta["config"]!r})' if meta.get('config') else ''
            raise ValueError(
                f'{user} does not mean what the weights {source} were trained for{trained}. {user} has '
                f'{"; ".join(different)}. Use the settings of the training, or train anew'
            )


def _is_meaning(stated: object) -> bool:
    """Whether the metadata of a file have the form of `ModelMeaning.to_dict`."""
    if not isinstance(stated, Mapping):
        return False
    variables = stated.get('variables') or ()
    lists = (stated.get('classes') or (), stated.get('modalities') or (), variables)
    return all(isinstance(value, (list, tuple)) for value in lists) and all(
        isinstance(variable, Mapping) and 'name' in variable for variable in variables
    )


def _variable(variable: Variable) -> dict[str, object]:
    return {
        'name': variable.name,
        'unit': variable.unit,
        'log': variable.log,
        'values': variable.values if isinstance(variable.values, str) else _listed(variable.values),
    }


def _plain(variable: Mapping[str, object]) -> dict[str, object]:
    return {**variable, 'values': _listed(variable.get('values'))}


def _listed(values: object) -> object:
    return list(values) if isinstance(values, (list, tuple)) else values


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _named(variables: Sequence[Mapping[str, object]]) -> dict[str, Mapping[str, object]]:
    return {str(v['name']): v for v in variables}


def _sequence(what: str, mine: Sequence[str], theirs: Sequence[str]) -> str:
    if tuple(mine) == tuple(theirs):
        return ''
    order = ' (another order)' if sorted(mine) == sorted(theirs) else ''
    return f'{what}: {list(mine)} instead of {list(theirs)}{order}'


def _variable_differences(name: str, mine: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    texts = []
    values, others = mine.get('values'), theirs.get('values')
    if 'auto' not in (values, others) and values != others:
        if isinstance(values, list) and isinstance(others, list):
            texts.append(_sequence(f'categories of {name!r}', values, others))
        else:
            kinds = ['a category' if isinstance(v, list) else 'a number' for v in (values, others)]
            texts.append(f'{name!r}: {kinds[0]} instead of {kinds[1]}')
    for key in ('unit', 'log'):
        if mine.get(key) != theirs.get(key):
            texts.append(f'{key} of {name!r}: {mine.get(key)!r} instead of {theirs.get(key)!r}')
    return texts
