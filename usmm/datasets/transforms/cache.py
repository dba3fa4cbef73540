"""Run the deterministic beginning of a pipeline once per case, and keep the result."""

from __future__ import annotations

import inspect
import sys
import sysconfig
from collections.abc import Collection, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

import usmm.readers
from usmm.datasets.transforms.base_transform import Step, Transform, build_steps, draws
from usmm.datasets.transforms.store import ArrayStore, digests, made_by
from usmm.readers import DataError
from usmm.registry import TRANSFORMS
from usmm.structures import Case, ModalityInfo, Settings
from usmm.structures.case_info import TABLE
from usmm.utils.digests import file_digest, value_digest
from usmm.utils.json_types import JsonValue

INSTALLED = tuple({sysconfig.get_path(name) for name in ('stdlib', 'platstdlib', 'purelib', 'platlib')})
RECORDS: dict[str, type] = {
    name: kind for name, kind in vars(usmm.readers).items() if isinstance(kind, type) and is_dataclass(kind)
}
"""What readers return, such as `Region`: the dataclasses that an entry may hold."""


class EntryFacts(TypedDict):
    """What an entry holds beside arrays.

    Args:
        info: `Case.info`, as `_plain` makes it JSON.
        order: The modalities of `Case.data` and of `Case.masks`, in their order.
    """

    info: JsonValue
    order: list[list[str]]


Entry = tuple[dict[str, np.ndarray], EntryFacts]


@TRANSFORMS.register_module()
class Cached(Transform):
    """Run transforms once per case; later epochs, runs and folds read the result.

    An entry is keyed by the content of the case's files, its boxes, the repr of the transforms and a digest of their
    code, so it is made anew when any of these changes. It holds pixels, masks and `info`; what was there before stays.

    Args:
        transforms: Transforms or their configs, none of them random.
        cache_dir: Folder of the entries, shared by all workers, processes and runs; None: not on disk.
        memory: Also keep them in the memory of the process (each worker has its own).
        each: Run on each modality by itself, and keep an entry a file: where cases are pairs of images, each image is
            kept once. Not for transforms that look from one modality to another.

    Raises:
        ValueError: A random transform among them, or one whose repr does not name its options.
        TypeError: A transform that draws through `case.rng` without saying that it is random, or leaves something in
            `info` that cannot be kept.
    """

    def __init__(
        self,
        transforms: Sequence[Step | Settings],
        cache_dir: str | Path | None = None,
        memory: bool = False,
        each: bool = False,
    ) -> None:
        self.transforms = build_steps(transforms)
        for transform in self.transforms:
            if draws(transform):
                raise ValueError(f'{transform!r} draws random numbers: put it after Cached, not inside')
            if ' at 0x' in repr(transform):
                raise ValueError(f'{type(transform).__name__} needs a __repr__ of its options to be cached')
        self.cache_dir, self.memory = None if cache_dir is None else str(cache_dir), memory
        self.each = each
        self._store = None if cache_dir is None else ArrayStore(cache_dir)
        self._held: dict[str, Entry] = {}
        self._made_by = [repr(self.transforms), made_by(), *sorted({_source(t) for t in self.transforms})]

    def __call__(self, case: Case) -> Case:
        """The case with what the transforms make of it."""
        if self._store is None and not self.memory:
            return self._run(case)
        if self.each and len(case.files) > 1:
            return self._one_by_one(case)
        key = self.key(case)
        entry = self._held.get(key) or (self._store.get(key) if self._store else None)
        if entry is None:
            entry = dump_case(self._run(case), known=set(case.info) - set(case.files))
            if self._store is not None:
                self._store.put(key, *entry)
        if self.memory:
            self._held[key] = entry
        return load_case(case, *entry)

    def key(self, case: Case) -> str:
        """The key of a case's entry."""
        clips = case.info.get(TABLE, {}).get('clips', ())
        files = {
            f'{"clip" if m in clips else "image"} {kind}/{m}': digests(self._store, paths, case.case_id)
            for kind, group in (('file', case.files), ('mask', case.mask_files))
            for m, paths in group.items()
        }
        frames = {m: list(i['frame']) for m, i in case.info.items() if 'frame' in i}
        boxes = {'boxes': case.boxes} if case.boxes else {}
        owners = {m: [len(view.masks) for view in views] for m, views in case.views.items() if m in case.mask_files}
        return value_digest([files, self._made_by, *(part for part in (frames, boxes, owners) if part)])

    def _one_by_one(self, case: Case) -> Case:
        """The case put together from what the transforms make of each of its modalities."""
        shared = {name: facts for name, facts in case.info.items() if name not in case.files}
        for m, files in case.files.items():
            info = {name: facts.copy() for name, facts in {**shared, m: case.info.get(m, ModalityInfo())}.items()}
            masks = {m: case.mask_files[m]} if m in case.mask_files else {}
            boxes = {m: case.boxes[m]} if m in case.boxes else {}
            views = {m: case.views[m]} if m in case.views else {}
            alone = replace(
                case, files={m: files}, mask_files=masks, views=views, boxes=boxes, data={}, masks={}, info=info
            )
            part = self(alone)
            case.data |= part.data
            case.masks |= part.masks
            case.info[m] = part.info[m]
        return case

    def _run(self, case: Case) -> Case:
        values = {f.name: getattr(case, f.name) for f in fields(Case)}
        values['info'] = {name: facts.copy() for name, facts in case.info.items()}
        quiet: Case = _WithoutDraws(**values)
        for transform in self.transforms:
            quiet = transform(quiet)
        return Case(**{f.name: getattr(quiet, f.name) for f in fields(Case)})


class _WithoutDraws(Case):
    """A case that refuses to draw."""

    def rng(self, *names: str) -> np.random.Generator:
        raise TypeError(f'a transform inside Cached drew random numbers ({names}): put it after Cached')


def dump_case(case: Case, known: Collection[str] = ()) -> Entry:
    """Pixels, masks and info of a case as arrays and JSON facts; info that was `known` before is left out."""
    arrays = {f'data/{m}': a for m, a in case.data.items()} | {f'mask/{m}': a for m, a in case.masks.items()}
    facts = _plain({name: i for name, i in case.info.items() if name not in known}, arrays, 'info')
    return arrays, EntryFacts(info=facts, order=[list(case.data), list(case.masks)])


def load_case(case: Case, arrays: dict[str, np.ndarray], facts: EntryFacts) -> Case:
    """Put an entry into a case; arrays are copied, so that later transforms may write into them."""
    data, masks = facts['order']
    case.data = {**case.data, **{m: arrays[f'data/{m}'].copy() for m in data}}
    case.masks = {**case.masks, **{m: arrays[f'mask/{m}'].copy() for m in masks}}
    for name, info in _rich(facts['info'], arrays).items():
        if 'file' in info and name in case.files:  # the content is the same, the place may be another
            info['file'] = str(case.files[name][info.get('file_index', 0)])
        case.info.setdefault(name, {}).update(info)
    return case


def _plain(value: object, arrays: dict[str, np.ndarray], where: str) -> JsonValue:
    """JSON for a value; what JSON lacks is tagged, arrays are moved to `arrays`."""
    if isinstance(value, (np.ndarray, np.generic)):  # before float: np.float64 is one
        arrays[where] = np.asarray(value)
        return {'array': where, 'scalar': isinstance(value, np.generic)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {'dict': {k: _plain(v, arrays, f'{where}/{k}') for k, v in value.items()}}
    if isinstance(value, (list, tuple)):
        items = [_plain(v, arrays, f'{where}/{i}') for i, v in enumerate(value)]
        return {type(value).__name__ if type(value) in (list, tuple) else 'tuple': items}
    if is_dataclass(value) and type(value).__name__ in RECORDS:
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
        return {'reader': type(value).__name__, 'fields': _plain(parts, arrays, where)}
    raise TypeError(f'{where} holds a {type(value).__name__}, which Cached cannot keep on disk')


def _rich(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value that `_plain` took apart."""
    if not isinstance(value, dict):
        return value
    if 'dict' in value:
        return {k: _rich(v, arrays) for k, v in value['dict'].items()}
    if 'array' in value:
        array = arrays[value['array']]
        return array[()] if value['scalar'] else array.copy()
    if 'reader' in value:
        return RECORDS[value['reader']](**_rich(value['fields'], arrays))
    items = [_rich(v, arrays) for kind in ('tuple', 'list') for v in value.get(kind, ())]
    return tuple(items) if 'tuple' in value else items


def _source(transform: Step) -> str:
    """A digest of the file that defines a transform, and of a person's own modules that this file imports."""
    kind = type(transform)
    try:
        own = inspect.getfile(kind)
        return value_digest([file_digest(path) for path in [own, *_imported(kind.__module__, {own})]])
    except (TypeError, OSError) as error:
        raise DataError(f'the code of {transform!r} cannot be read, so its results cannot be cached') from error


def _imported(name: str, known: set[str]) -> list[str]:
    """The files of a person's own modules that a module uses, and those that they use; installed packages are left out.

    Args:
        name: The module.
        known: Files that are not returned; those that are found are added.
    """
    module = sys.modules.get(name)
    if module is None or name.partition('.')[0] == 'usmm':
        return []
    files: list[str] = []
    for value in list(vars(module).values()):
        other = value if inspect.ismodule(value) else sys.modules.get(getattr(value, '__module__', None) or '')
        path = getattr(other, '__file__', None)
        if other is None or path is None or path in known or path.startswith(INSTALLED):
            continue
        if other.__name__.partition('.')[0] == 'usmm':  # its version is in the key
            continue
        known.add(path)
        files += [path, *_imported(other.__name__, known)]
    return sorted(files)
