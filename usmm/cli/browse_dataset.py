#!/usr/bin/env python
"""Draw samples as the network sees them, all modalities of a case in a row, as PNG sheets.

The cases go through the training pipeline of the config, augmentation included (--pipeline test: without); a clip is
shown as the strip of its chosen frames, with their times. --original shows the files as they are, masks or boxes
outlined.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image
from rich.progress import track

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.datasets import CaseDataset
from usmm.registry import DATASETS
from usmm.structures import Case, Settings
from usmm.utils.console import plain_errors
from usmm.visualization.figures.sheets import SheetRow, draw_sheet

FRAMES = 10  # of a whole clip, with --original


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('browse_dataset', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--part', default='train', choices=('train', 'val', 'test', 'all'))
    parser.add_argument('--num', type=int, default=8, help='how many cases are drawn (default 8)')
    parser.add_argument('--cases', nargs='+', metavar='ID', help='these cases, instead of drawn ones')
    parser.add_argument('--epochs', type=int, default=1, help='show each case in that many epochs (default 1)')
    parser.add_argument('--original', action='store_true', help='the files as they are, masks outlined')
    parser.add_argument('--pipeline', default='train', choices=('train', 'test'), help='which pipeline (default train)')
    parser.add_argument('--out', default='browse', help='folder of the sheets (default browse)')
    parser.add_argument('--rows', type=int, default=8, help='rows of a sheet (default 8)')
    parser.add_argument('--height', type=int, default=144, help='pixels of a picture (default 144)')
    parser.add_argument('--seed', type=int, default=0, help='which cases are drawn')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    args = parser.parse_args(argv)
    for name in ('num', 'epochs', 'rows'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} must be 1 or more, got {getattr(args, name)}')
    return args


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


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    config = load_config(args.config, parse_options(args.cfg_options))
    dataset = build(config, args)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for number, sheet in enumerate(sheets(dataset, config, args), 1):
        path = out / f'{args.part}_{number:02d}.png'
        Image.fromarray(sheet).save(path)
        print(path)
    return 0
