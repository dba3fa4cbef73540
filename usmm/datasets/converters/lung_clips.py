"""Lung ultrasound clips of the POCUS database (Born et al., Appl. Sci. 2021): clips and `clips.csv` -> a case table.

    usmm convert lung_clips SRC OUT [--link]

SRC holds clips.csv (file, label, patient, probe, ...) and the clips. One case a clip. The patient is

1. the patient column, where it is filled;
2. else what the file name shows to be one source: names that differ in their last number only (`..._v1`, `..._v2`:
   parts of one publication's film; `Image_181206`, `Image_181432`: clock times of one examination) and bear one label;
3. else the clip by itself.

Rule 2 joins rather too much than too little: in the published set `Vir_prospective_file1` and
`Vir_or_Pneu_prospective_file4` are two cuts of one film, which a split by file would put on both sides.
The label column has the classes of the source; the column `disease` (no, yes) is a coarser label: regular or not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, files_of, read_records, some
from usmm.readers import DataError
from usmm.utils.console import plain_errors

COLUMNS = ('file', 'label', 'patient', 'probe')
CLIPS = ('.mov', '.mp4', '.mpeg', '.mpg', '.avi', '.gif')
CLASSES = ('regular', 'COVID-19', 'Bacterial pneumonia', 'Viral pneumonia')
HEALTHY = 'regular'
# What stands before the source in a name (a label), and what may stand behind its number (editing).
LABEL = re.compile(r'^(?:(?:Cov|Reg|Pneu|Pne|Vir|or)_)+', re.IGNORECASE)
EDITED = re.compile(r'(?:[_-](?:crop|cropped|trim|trimmed|cut|part))+$', re.IGNORECASE)
NUMBER = re.compile(r'\d+$')


def convert(src: str | Path) -> Conversion:
    """Read clips.csv, find the clips, decide on patients. Raises DataError on a missing column, file or label."""
    src = source_folder(src)
    table_file = src / 'clips.csv'
    if not table_file.is_file():
        raise DataError('expected clips.csv in the folder of the clips', file=table_file)
    rows = [_row(record, src, table_file) for record in read_records(table_file, COLUMNS)]
    files = {path.name for path in src.iterdir() if path.suffix.lower() in CLIPS}
    notes = _name_patients(rows)
    extra = sorted(files - {Path(str(file)).name for row in rows for file in files_of(row['clip'])})
    if extra:
        notes.append(f'{len(extra)} clips are not in clips.csv and were left out: {some(extra)}')
    return Conversion(rows, src, _settings(rows), notes=notes)


def source_of(name: str) -> str:
    """What of a file name tells its source: without label, marks of editing, and the last number.

    Example:
        >>> source_of('Cov_convex_study_v2.mov'), source_of('Reg_Image_181602_trimmed_crop.mp4')
        ('convex_study_v', 'Image')
    """
    return NUMBER.sub('', EDITED.sub('', LABEL.sub('', Path(name).stem))).rstrip('_-') or Path(name).stem


def _row(record: dict[str, str | None], src: Path, table: Path) -> dict[str, Cell]:
    name, label = record['file'], record['label']
    if name is None:
        raise DataError('a row without a file', file=table)
    if label is None:
        raise DataError('a clip without a label', file=table, case=Path(name).stem)
    return {
        'case_id': Path(name).stem,
        'patient_id': record['patient'],
        'label': label,
        'clip': src / name,
        'disease': 'no' if label == HEALTHY else 'yes',
        'probe': record['probe'],
        'license': record.get('license'),
        'doi': record.get('doi'),
    }


def _name_patients(rows: list[dict[str, Cell]]) -> list[str]:
    """Give a patient to the rows without one; returns a note for each that several clips share."""
    groups: dict[str, list[dict[str, Cell]]] = {}
    for row in rows:
        if row['patient_id'] is None:
            groups.setdefault(f'{source_of(str(row["case_id"]))} ({row["label"]})', []).append(row)
    notes = []
    for name, members in groups.items():
        for row in members:
            row['patient_id'] = name if len(members) > 1 else row['case_id']
        if len(members) > 1:
            notes.append(f'taken as one patient by name: {some([row["case_id"] for row in members], limit=10)}')
    return notes


def _settings(rows: list[dict[str, Cell]]) -> dict[str, object]:
    probes = tuple(sorted({str(row['probe']) for row in rows if row['probe'] is not None}))
    return dict(
        classes=classes_of(rows, CLASSES),
        modalities=('clip',),
        schema=dict(clips=dict(clip='clip'), clinical=[dict(name='probe', values=probes or ('convex', 'linear'))]),
    )


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parser_of(__name__, __doc__).parse_args(argv)
    return run(args, lambda: convert(args.src))
