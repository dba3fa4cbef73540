"""A model that is served: what it takes, what is known of it, and what it is called in an address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from usmm.apis import Predictor
from usmm.apis.pipeline import without_caches
from usmm.server.answer_types import InputInfo, ModelInfo, VariableInfo
from usmm.server.decode.decode_child import LOADERS, Step, bare, inner_steps
from usmm.server.published import NOT_PUBLISHED, Published
from usmm.structures import Variable
from usmm.utils.json_types import as_sequence
from usmm.version import __version__

LABELS = {
    'bus': 'B-mode',
    'bmode': 'B-mode',
    'us': 'Ultrasound',
    'cdfi': 'Colour Doppler',
    'cdus': 'Colour Doppler',
    'pdus': 'Power Doppler',
    'ue': 'Elastography',
    'swe': 'Shear wave elastography',
    'se': 'Strain elastography',
    'ceus': 'Contrast-enhanced',
    'dceus': 'Contrast clip',
    'clip': 'Clip',
    't1': 'MRI, T1',
    't2': 'MRI, T2',
    'dwi': 'MRI, DWI',
}
BY_MASK, BY_BOX = ('CropLesion', 'CropRegion'), ('CropBox',)
PACK = 'PackCase'


@dataclass(frozen=True)
class Fields:
    """The fields of a request for a prediction.

    Args:
        files: Name -> `'image'`, `'clip'` or `'mask'`.
        values: Names of text fields.
    """

    files: Mapping[str, str]
    values: frozenset[str]


class Served:
    """One model.

    Args:
        name: As it was asked for: a name of the zoo, or a place.
        predictor: The model.
        published: What was published with it.

    Raises:
        ValueError: Its pipeline has no packing step of its own, or takes files and loads none in a way that is known
            here: their pixels would not be blanked.
    """

    def __init__(self, name: str, predictor: Predictor, published: Published | None = None) -> None:
        self.id, self.predictor, self.published = url_name(name), predictor, published
        self.modalities = predictor.reader.modalities
        steps = without_caches(predictor.bundle.settings['test_pipeline'])
        places = [i for i, step in enumerate(steps) if bare(str(step['type'])) == PACK]
        if not places:
            raise ValueError(f'{predictor.bundle.source}: its pipeline has no step {PACK}, so it cannot be served')
        self.steps, self.packing = steps[: places[0]], predictor.pipeline[places[0] :]
        kinds = {bare(step['type']) for step in _all(self.steps)}
        if self.modalities and not kinds & set(LOADERS):
            raise ValueError(f'{predictor.bundle.source}: its pipeline loads files by none of {list(LOADERS)}')
        self.by_mask, self.by_box = self._cropped(BY_MASK), self._cropped(BY_BOX)

    @property
    def clips(self) -> frozenset[str]:
        """The inputs that are clips."""
        return frozenset(m for m in self.modalities if m in self.predictor.schema.clips)

    def fields(self) -> Fields:
        """What a request may hold."""
        outlined = [m for m in self.modalities if m in self.by_mask | self.by_box]
        files = {m: 'clip' if m in self.clips else 'image' for m in self.modalities}
        files |= {f'{m}_mask': 'mask' for m in outlined}
        values = {f'{m}_box' for m in outlined} | {v.name for v in self.predictor.reader.variables}
        return Fields(files, frozenset(values))

    def info(self) -> ModelInfo:
        """What a page tells of the model."""
        facts, known = self.predictor.describe(), self.published
        card = f'/api/v1/models/{self.id}/card'
        return {
            'id': self.id,
            'title': self.id.replace('_', ' '),
            'purpose': known.purpose if known else NOT_PUBLISHED,
            'classes': list(facts['classes']),
            'positive': facts['positive'],
            'inputs': [self._input(m) for m in self.modalities],
            'streams': [[m for m in names if m in self.modalities] for names in facts['streams']],
            'variables': [variable_info(v) for v in facts['clinical']],
            'performance': known.performance if known else [],
            'performance_note': known.note if known else 'Not published: nothing is known here of how well it does.',
            'limits': known.limits if known else 'Not published: nobody has said where it must not be used.',
            'data': known.data if known else 'Not published: nobody has said what it was trained on.',
            'licence': known.licence if known else 'none stated',
            'calibrated': facts['calibrated'],
            'links': {'card': card, 'code': known.code if known else None, 'data': known.source if known else None},
            'version': __version__,
        }

    def card(self) -> str:
        """The model card, in Markdown."""
        if self.published is not None and self.published.card:
            return self.published.card
        return f'# {self.id}\n\n{NOT_PUBLISHED}\n\nFor research. Not a medical device.\n'

    def _input(self, modality: str) -> InputInfo:
        return {
            'name': modality,
            'label': label_of(modality),
            'kind': 'clip' if modality in self.clips else 'image',
            'required': bool(self.predictor.missing_modalities([modality])),
            'outline': modality in self.by_mask | self.by_box,
        }

    def _cropped(self, kinds: Sequence[str]) -> frozenset[str]:
        """The inputs that steps of these kinds cut to the lesion."""
        found: set[str] = set()
        for step in _all(self.steps):
            if bare(step['type']) in kinds:
                names = step.get('modalities')
                listed = self.modalities if names is None else [names] if isinstance(names, str) else as_sequence(names)
                found.update(map(str, listed))
        return frozenset(found & set(self.modalities))


def label_of(modality: str) -> str:
    """What a modality is called on a page.

    Example:
        >>> label_of('cdfi'), label_of('left_lobe')
        ('Colour Doppler', 'Left lobe')
    """
    return LABELS.get(modality.lower(), modality.replace('_', ' ').capitalize())


def variable_info(variable: Variable) -> VariableInfo:
    """What a page tells of a clinical variable."""
    values = variable.values if isinstance(variable.values, tuple) else None
    return {
        'name': variable.name,
        'label': variable.name.replace('_', ' ').capitalize(),
        'kind': 'category' if variable.is_category else 'number',
        'unit': variable.unit,
        'range': list(variable.range) if variable.range else None,
        'values': list(values) if values else None,
    }


def url_name(name: str) -> str:
    """A name of a model for an address: the zoo's, or the last two parts of a place.

    Example:
        >>> url_name('msmfn_small_breast'), url_name('work_dirs/My run/fold_0/'), url_name('a/b.onnx')
        ('msmfn_small_breast', 'my-run-fold_0', 'a-b')
    """
    parts = [part for part in Path(name).parts if part not in ('/', '.', '..')]
    last = parts[-1] if parts else ''
    if Path(last).suffix in ('.zip', '.onnx', '.pth'):
        last = Path(last).stem
    text = '-'.join([*parts[-2:-1], last]).lower()
    return re.sub(r'(-|[^a-z0-9_.])+', '-', text).strip('-.') or 'model'


def unique(names: Sequence[str]) -> list[str]:
    """Names made different by a number behind them.

    Example:
        >>> unique(['a', 'b', 'a', 'a'])
        ['a', 'b', 'a-2', 'a-3']
    """
    found: list[str] = []
    for name in names:
        number, new = 1, name
        while new in found:
            number += 1
            new = f'{name}-{number}'
        found.append(new)
    return found


def _all(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all(inner_steps(step))
