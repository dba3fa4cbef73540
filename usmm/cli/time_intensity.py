"""Measure the time-intensity curve of every contrast clip inside its lesion, as new columns of the case table.

The table is written anew with columns <clip>_<parameter> at its end; paths in it are those of the old table, as seen
from the new one. A case without clip or mask, and one that cannot be measured, has empty cells.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import add_config, add_config_file, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_file
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    import pandas as pd

    from usmm.readers import Window
    from usmm.structures import Case, Schema


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    parser.add_argument('--out', type=out_file, required=True, help='the new table, a CSV file')
    parser.add_argument('--clip', help='which clip (default: the only one of the schema)')
    parser.add_argument('--step', type=float, help='seconds of the file between samples (default: every frame)')
    parser.add_argument('--time-factor', type=float, default=1.0, help='seconds of examination a second of the clip')
    parser.add_argument('--fps', type=float, help='frame rate of DICOM clips that do not state their times')
    parser.add_argument('--smoothing', type=float, default=1.0, help='width of the Gaussian, in s (default 1)')
    parser.add_argument('--baseline-until', type=float, help='s up to which no agent can have come (default: found)')
    add_config(parser)


def measure(case: Case, clip: str, args: argparse.Namespace, window: Window | None = None) -> dict[str, float]:
    """The parameters of one case; empty where it has no clip or no mask."""
    from usmm.datasets.transforms import lesion_curve
    from usmm.evaluation.stats.time_intensity import time_intensity
    from usmm.readers import DataError

    if clip not in case.files or not case.masks_of(clip):
        return {}
    try:
        file, masks = case.files[clip][0], case.masks_of(clip)
        times, grey = lesion_curve(file, masks, args.step, args.time_factor, args.fps, window)
    except DataError as error:
        raise error.at(case=case.case_id, modality=clip) from error
    return time_intensity(times, grey, args.smoothing, args.baseline_until).as_dict()


def moved(table: pd.DataFrame, schema: Schema, old: Path, new: Path) -> pd.DataFrame:
    """The table with its file columns as seen from another folder."""
    columns = [name for m in schema.modalities for name in (schema.column(m), schema.mask_column(m))]
    form = schema.file_table
    if form is not None:
        columns = [form.file, form.mask] if form.path is None else []
    for column in dict.fromkeys(name for name in columns if name in table):
        table[column] = [_moved(cell, old, new) for cell in table[column]]
    return table


def _moved(cell: str | float | None, old: Path, new: Path) -> str | float | None:
    if not isinstance(cell, str):
        return cell
    return ';'.join(Path(os.path.relpath(old / name.strip(), new)).as_posix() for name in cell.split(';'))


def run(args: argparse.Namespace) -> int:
    from rich.progress import track

    from usmm.config import load_config
    from usmm.datasets import CaseTable
    from usmm.datasets.transforms.depth_options import pipeline_depths
    from usmm.evaluation.stats.time_intensity import TimeIntensity
    from usmm.readers import read_table
    from usmm.structures import Schema

    config = load_config(args.config, options_of(args))
    schema = Schema.of(config.schema.to_dict())
    clips = list(schema.clips)
    clip = args.clip or (clips[0] if len(clips) == 1 else None)
    if clip not in clips:
        raise ValueError(f'--clip must be one of the clips of the schema, {clips}, got {args.clip!r}')
    source, out = Path(config.data_root, config.get('table') or 'cases.csv').absolute(), Path(args.out).absolute()
    if out == source:
        raise ValueError(f'--out is the case table itself: {source}')
    read = CaseTable.read(source, schema, config.classes)
    window, _ = pipeline_depths(config.get('test_pipeline') or (), clips, tuple(schema.images)).at(clip)
    found = {
        case.case_id: measure(case, clip, args, window)
        for case in track(read.cases, 'measuring', disable=not sys.stdout.isatty())
    }
    table = moved(read_table(source), schema, source.parent, out.parent)
    for name in TimeIntensity.names():
        values = [found.get(case_id, {}).get(name, math.nan) for case_id in table[schema.case_id]]
        table[f'{clip}_{name}'] = ['' if math.isnan(v) else f'{v:.4f}' for v in values]
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False)
    whole = sum(bool(f) and not any(map(math.isnan, f.values())) for f in found.values())
    print(f'{out}: {len(read.cases)} cases, {whole} with every parameter')
    several = sum(len(case.files.get(clip, ())) > 1 for case in read.cases)
    if several:
        print(f'{several} cases have several clips of {clip!r}, of which the first was measured')
    if schema.file_table is not None and schema.file_table.path is not None and out.parent != source.parent:
        files = Path(os.path.relpath(source.parent / schema.file_table.path, out.parent)).as_posix()
        print(f'with this table, schema.file_table.path must be {files!r}')
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm time_intensity my_config.py --out data/with_curves.csv',
        'usmm time_intensity msmfn_small_phantom --out curves.csv --time-factor 15',
    ),
)
