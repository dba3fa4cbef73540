"""The page of a model: what it is for, what it was trained on, how well it does, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from usmm.weights.metadata import Metadata, VariableSettings
from usmm.zoo.index import ZooFile
from usmm.zoo.measured import Figure, Measured


@dataclass(frozen=True)
class Card:
    """What only people can say of a model.

    Args:
        purpose: What it is for.
        data: Name of the data set, with its source.
        licence: Of the weights, as SPDX spells it.
        limits: Where it must not be used.
        citation: What to cite.
        collection: Name of the family of models.
        made_by: The commands that made it.
    """

    purpose: str
    data: str
    licence: str
    limits: str
    citation: str = ''
    collection: str = 'usmm'
    made_by: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ('purpose', 'data', 'licence', 'limits', 'collection'):
            if not getattr(self, name).strip():
                raise ValueError(f'a published model must say its {name}')


def page(name: str, card: Card, meta: Metadata, measured: Measured, files: Sequence[ZooFile]) -> str:
    """The page as Markdown."""
    parts = [
        f'# {name}',
        f'{card.purpose}\n\nFor research. Not a medical device.',
        f'## Data\n\n{card.data}\n\n{_counts(meta, measured)}',
        f'## Inputs\n\n{_inputs(meta)}',
        f'## Figures\n\n{_upper(measured.how)}: {measured.cases} cases of {measured.patients} patients.\n\n'
        f'{metrics_table(measured.metrics)}',
        *(['\n'.join(f'- Note: {text}.' for text in measured.warnings)] if measured.warnings else []),
        f'## Training\n\n{_training(card, meta)}',
        f'## Limits\n\n{card.limits}',
        f'## Licence\n\n{card.licence}',
        *([f'## Citation\n\n{card.citation}'] if card.citation else []),
        f'## Files\n\n{_files(files)}',
    ]
    return '\n\n'.join(parts) + '\n'


def metrics_table(metrics: Mapping[str, Figure]) -> str:
    """The figures as a Markdown table.

    Example:
        >>> print(metrics_table({'auc': {'mean': 0.8312, 'std': 0.021, 'ci95': [0.78, 0.88], 'method': 'DeLong'}}))
        | metric | value | 95 % interval | interval by | SD over folds |
        | --- | --- | --- | --- | --- |
        | auc | 0.831 | 0.780 to 0.880 | DeLong | 0.021 |
    """
    rows = ['| metric | value | 95 % interval | interval by | SD over folds |', '| --- | --- | --- | --- | --- |']
    for name, value in metrics.items():
        low_high = value.get('ci95')
        interval = ' to '.join(_number(v) for v in low_high) if low_high else '-'
        method = value.get('method') if low_high else None
        shown = _number(value.get('estimate', value.get('mean')))
        rows.append(f'| {name} | {shown} | {interval} | {method or "-"} | {_number(value.get("std"))} |')
    return '\n'.join(rows)


def _counts(meta: Metadata, measured: Measured) -> str:
    trained, cases = meta.get('patients', {}).get('train'), meta.get('cases', {}).get('train')
    return (
        f'The weights were trained on {cases} cases of {trained} patients; '
        f'the figures below are of {measured.cases} cases of {measured.patients} patients.'
    )


def _inputs(meta: Metadata) -> str:
    schema = meta['schema']
    used = list(meta['modalities'])
    lines = [f'- `{m}`: images' for m in schema.get('images', {}) if m in used]
    lines += [f'- `{m}`: clips' for m in schema.get('clips', {}) if m in used]
    if 'clinical' in used:
        lines += [f'- `{v["name"]}`: {_variable(v)}' for v in schema.get('clinical', ())]
    positive = f'; positive is {meta["positive"]}' if meta.get('positive') else ''
    return '\n'.join(lines) + f'\n\nClasses: {", ".join(meta["classes"])}{positive}.'


def _variable(variable: VariableSettings) -> str:
    if values := variable.get('values'):
        return f'one of {", ".join(map(str, values))}'
    limits = variable.get('range')
    text = f'a number, {limits[0]} to {limits[1]}' if limits else 'a number'
    return f'{text} {variable["unit"]}' if variable.get('unit') else text


def _training(card: Card, meta: Metadata) -> str:
    versions = ', '.join(f'{name} {number}' for name, number in meta.get('versions', {}).items())
    text = f'Config `{meta["config"]}` (in full beside the weights), epochs selected by {_selection(meta)}, '
    text += f'seed {meta.get("seed")}. {versions}.'
    if card.made_by:
        text += '\n\n```\n' + '\n'.join(card.made_by) + '\n```'
    return text


def _selection(meta: Metadata) -> str:
    known = {
        'inner': 'an inner validation part of the training patients',
        'column': "the validation part of the table's split column",
        'last': 'nothing (the last epoch counts)',
        'test': 'the test part itself, which makes the figures optimistic',
    }
    selection = str(meta.get('selection'))
    return known.get(selection, selection)


def _files(files: Sequence[ZooFile]) -> str:
    rows = ['| file | bytes | SHA-256 |', '| --- | --- | --- |']
    return '\n'.join([*rows, *(f'| {file.name} | {file.size} | `{file.sha256}` |' for file in files)])


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
