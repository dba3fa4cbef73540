"""EchoNet-Dynamic (Ouyang et al., Nature 2020; 10,030 clips, heart): AVI clips and FileList.csv -> a case table.

    usmm convert echonet_dynamic SRC OUT [--thresholds 50] [--link] [--skip-bad]

SRC holds FileList.csv (FileName, EF, ESV, EDV, FrameHeight, FrameWidth, FPS, NumberOfFrames, Split), Videos/*.avi and
VolumeTracings.csv. One case a clip, and each clip is a patient of its own, as in the source. The set is made to predict
the ejection fraction (EF, %), so classes must be cut from it: `--thresholds 50` (default) calls an EF below 50 %
reduced and others normal; `--thresholds 40 50` has reduced, borderline (40 to below 50) and normal. The thresholds are
our choice.

The parts of the source are in the column split. EF and the volumes stay in the table, but they give the label away, so
they are comments of schema.py and no inputs. The tracings are outlines of single frames and are not converted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, Faults, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, read_records, some
from usmm.readers import DataError
from usmm.structures import Settings
from usmm.utils.console import plain_errors

NUMBERS = {
    'ef': ('EF', '%', (0.0, 100.0)),
    'esv': ('ESV', 'mL', (0.0, 1000.0)),
    'edv': ('EDV', 'mL', (0.0, 1000.0)),
    'frame_height': ('FrameHeight', 'pixel', (1.0, 10000.0)),
    'frame_width': ('FrameWidth', 'pixel', (1.0, 10000.0)),
    'fps': ('FPS', '1/s', (0.1, 1000.0)),
    'frames': ('NumberOfFrames', '', (1.0, 100000.0)),
}
SPLITS = {'TRAIN': 'train', 'VAL': 'val', 'TEST': 'test'}
CLASSES = ('normal', 'borderline', 'reduced')
NAME = re.compile(r'[A-Za-z0-9][\w-]*')  # what a file name may hold: no folders, no formula


def convert(src: str | Path, thresholds: Sequence[float] = (50.0,), skip_bad: bool = False) -> Conversion:
    """Read FileList.csv, find the clips. Raises DataError on a missing column or clip, or a number out of range.

    Raises:
        ValueError: Not one or two rising thresholds between 0 and 100.
    """
    rising = list(thresholds) == sorted(set(thresholds)) and all(0 < value < 100 for value in thresholds)
    if not rising or not 1 <= len(thresholds) <= 2:
        raise ValueError(f'expected one or two rising thresholds of EF between 0 and 100, got {list(thresholds)}')
    src, faults = source_folder(src), Faults(skip_bad)
    table = src / 'FileList.csv'
    if not table.is_file():
        raise DataError('expected FileList.csv in the folder of the data set', file=table)
    rows: list[dict[str, Cell]] = []
    for record in read_records(table, ('FileName', 'Split', *[column for column, _, _ in NUMBERS.values()])):
        with faults.of_one_case():
            rows.append(_row(record, src, table, thresholds))
    files = {path.stem for path in (src / 'Videos').glob('*.avi')}
    extra = sorted(files - {str(row['case_id']) for row in rows})
    notes = [f'{len(extra)} clips are not in FileList.csv and were left out: {some(extra)}'] if extra else []
    return Conversion(rows, src, _settings(rows), _optional(), [*notes, *faults.notes])


def label_of(ef: float, thresholds: Sequence[float]) -> str:
    """The class of an ejection fraction in %.

    Example:
        >>> [label_of(ef, (40, 50)) for ef in (39.9, 40, 50)]
        ['reduced', 'borderline', 'normal']
    """
    if ef >= thresholds[-1]:
        return 'normal'
    return 'reduced' if ef < thresholds[0] else 'borderline'


def _row(record: dict[str, str | None], src: Path, table: Path, thresholds: Sequence[float]) -> dict[str, Cell]:
    name = (record['FileName'] or '').removesuffix('.avi')
    if not NAME.fullmatch(name):
        raise DataError(f'expected the name of a clip, got {record["FileName"]!r}', file=table)
    split = SPLITS.get((record['Split'] or '').upper())
    if split is None:
        raise DataError(f'expected a split of {list(SPLITS)}, got {record["Split"]!r}', file=table, case=name)
    clip = src / 'Videos' / f'{name}.avi'
    if not clip.is_file():
        raise DataError('the clip is missing', file=clip, case=name)
    numbers = {column: _number(record, column, table, name) for column in NUMBERS}
    if numbers['ef'] is None:
        raise DataError('a clip without an EF', file=table, case=name)
    label = label_of(numbers['ef'], thresholds)
    return {'case_id': name, 'patient_id': name, 'label': label, 'clip': clip, 'split': split, **numbers}


def _number(record: dict[str, str | None], column: str, table: Path, case: str) -> float | None:
    source, _, (low, high) = NUMBERS[column]
    text = record[source]
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float('nan')
    if not low <= value <= high:
        raise DataError(f'expected {source} from {low:g} to {high:g}, got {text!r}', file=table, case=case)
    return value


def _settings(rows: list[dict[str, Cell]]) -> dict[str, object]:
    classes = classes_of(rows, CLASSES)
    settings: dict[str, object] = dict(classes=classes, modalities=('clip',))
    if len(classes) == 2:
        settings['positive'] = classes[-1]
    return settings | dict(schema=dict(clips=dict(clip='clip'), split='split'))


def _optional() -> dict[str, list[Settings]]:
    facts: dict[str, Settings] = {
        name: dict(name=name, unit=unit, range=limits) for name, (_, unit, limits) in NUMBERS.items()
    }
    heart, film = list(NUMBERS)[:3], list(NUMBERS)[3:]
    return {
        'What the label is made of; for tables, never inputs:': [facts[name] for name in heart],
        'Of the film, not of the patient:': [facts[name] for name in film],
    }


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = parser_of(__name__, __doc__, skip_bad=True)
    parser.add_argument('--thresholds', type=float, nargs='+', default=[50.0], help='EF in %%, one or two (default 50)')
    args = parser.parse_args(argv)
    return run(args, lambda: convert(args.src, args.thresholds, args.skip_bad))
