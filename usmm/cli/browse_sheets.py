"""The sheets that usmm browse_dataset draws."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from rich.progress import track

from usmm.datasets import CaseDataset
from usmm.registry import DATASETS
from usmm.structures import Case, Settings
from usmm.visualization.figures.sheets import SheetRow, draw_sheet

FRAMES = 10  # of a whole clip, with --original


def build(config: Config, args: argparse.Namespace) -> CaseDataset:
    """The data set, without the packing into tensors: what is drawn are its last arrays."""
    if args.original:
        pipeline = original(config)
    else:
        steps = config.get(f'{args.pipeline}_pipeline') or ()
        pipeline = [step for step in steps if step['type'].split('.')[-1] != 'PackCase']
    split = dict(config.get('split') or {})
    if split.get('file') and not Path(split['file']).is_file():
        split['file'] = None  # to look is not to write folds
    given = dict(part=None if args.part == 'all' else args.part, pipeline=pipeline, split=split or None)
    given |= dict(missing='keep', require_labels=False)
    base = config.get('dataset') or dict(
        type='CaseDataset',
        table=str(Path(config.data_root, config.get('table') or 'cases.csv')),
        schema=config.schema,
        classes=config.classes,
    )
    return DATASETS.build({**base, **given})


def original(config: Config) -> list[Settings]:
    """A pipeline that loads and does nothing else."""
    schema = config.schema
    used = list(config.get('modalities') or (*schema.get('images', ()), *schema.get('clips', ())))
    images = [name for name in used if name in schema.get('images', {})]
    clips = [name for name in used if name in schema.get('clips', {})]
    steps: list[Settings] = [dict(type='LoadImage', modalities=images)] if images else []
    steps += [dict(type='LoadClip', modalities=clips, num_frames=FRAMES)] if clips else []
    return [*steps, dict(type='LoadMask')]


def choose(dataset: CaseDataset, args: argparse.Namespace) -> list[int]:
    """Indices of the cases to draw. Raises ValueError for a case id that the part does not have."""
    ids = [case.case_id for case in dataset.cases]
    if args.cases:
        absent = [name for name in args.cases if name not in ids]
        if absent:
            raise ValueError(f'part {args.part} has no cases {absent}; it has {len(ids)}, such as {ids[:3]}')
        return [dataset.index_of(name) for name in args.cases]
    drawn = sorted(np.random.default_rng(args.seed).permutation(len(ids))[: args.num].tolist())
    return [dataset.index_of(ids[i]) for i in drawn]


def to_row(
    case: Case, modalities: Sequence[str], classes: Sequence[str], epoch: int | None, outlined: bool
) -> SheetRow:
    """A sample as a row of the sheet."""
    label = 'no label' if case.label is None else classes[case.label]
    patient = '' if case.patient_id == case.case_id else f'   patient {case.patient_id}'
    facts = [f'{name} {"-" if value is None else f"{value:g}" if isinstance(value, float) else value}'
             for name, value in case.clinical.items()]  # fmt: skip
    times = {name: case.info.get(name, {}).get('times') for name in modalities}
    return SheetRow(
        title=f'{case.case_id}   {label}{patient}' + ('' if epoch is None else f'   epoch {epoch}'),
        text=', '.join(facts),
        pictures={name: case.data.get(name) for name in modalities},
        captions={name: [f'{time:.1f} s' for time in value] for name, value in times.items() if value is not None},
        outlines={**box_masks(case), **case.masks} if outlined else {},
    )


def box_masks(case: Case) -> dict[str, np.ndarray]:
    """The boxes of a case as masks of its pictures."""
    found = {}
    for modality, (x0, y0, x1, y1) in case.boxes.items():
        if modality in case.data:
            found[modality] = np.zeros(np.shape(case.data[modality])[-3:-1], bool)
            found[modality][y0:y1, x0:x1] = True
    return found


def sheets(dataset: CaseDataset, config: Config, args: argparse.Namespace) -> Iterator[np.ndarray]:
    """One sheet after the other, so that only one is held."""
    names = list(dataset.modalities)
    draws = [(epoch, index) for index in choose(dataset, args) for epoch in range(args.epochs)]
    rows: list[SheetRow] = []
    for epoch, index in track(draws, 'drawing', disable=not sys.stdout.isatty()):
        rows.append(
            to_row(dataset[epoch, index], names, config.classes, epoch if args.epochs > 1 else None, args.original)
        )
        if len(rows) == args.rows or (epoch, index) == draws[-1]:
            yield draw_sheet(rows, args.height)
            rows = []
