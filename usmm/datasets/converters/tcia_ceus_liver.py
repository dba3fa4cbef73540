"""TCIA B-mode-and-CEUS-Liver (10.7937/TCIA.2021.v4z7-tc39, 120 patients): DICOM stills and cines -> a case table.

    usmm convert tcia_ceus_liver SRC OUT [--labels TABLE] [--link]

SRC is the folder of a TCIA download, `<collection>/<patient>/<study>/<series>/*.dcm`, or any folder above the files:
patient and study come from the DICOM headers, since the names of the folders differ between downloaders. One case a
study, with the id of the patient (`-1`, `-2`, ... by date where a patient has several). Files of more than one frame
are contrast cines (`dceus`), the others B-mode stills (`bus`), joined by `;` in the order of their numbers; objects
without pixels (reports) are left out and counted. Many files of the collection show two panels: see check_data.
Age and sex come from the headers, where they have been left in. Labels are not in the images: give them in a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from usmm.datasets.converters.base_converter import Conversion, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, give_labels, read_labels
from usmm.readers import DataError
from usmm.utils.console import plain_errors

TAGS = [
    'PatientID', 'PatientSex', 'PatientAge', 'StudyDate', 'StudyInstanceUID', 'SeriesNumber', 'InstanceNumber',
    'NumberOfFrames', 'Rows', 'Columns',
]  # fmt: skip
SEXES = ('F', 'M')


def convert(src: str | Path, labels: str | Path | None = None) -> Conversion:
    """Read all headers, join the files of a study. Raises DataError on a damaged file, or one without a patient."""
    src = source_folder(src)
    studies: dict[tuple[str, str, str], list[tuple[Path, Dataset]]] = {}
    bare = 0
    for path in sorted(src.rglob('*.dcm')):
        header = _header(path)
        if 'Rows' not in header or 'Columns' not in header:
            bare += 1
            continue
        key = (str(header.PatientID), str(header.get('StudyDate', '')), str(header.get('StudyInstanceUID', '')))
        studies.setdefault(key, []).append((path, header))
    rows = _rows(studies)
    notes = [f'{bare} DICOM files without pixels were left out'] if bare else []
    notes += give_labels(rows, None if labels is None else read_labels(labels))
    for modality in ('bus', 'dceus'):
        without = sum(not row[modality] for row in rows)
        if without:
            notes.append(f'{without} cases have no {modality}')
    settings = dict(
        classes=classes_of(rows),
        modalities=('bus', 'dceus'),
        schema=dict(
            images=dict(bus='bus'),
            clips=dict(dceus='dceus'),
            clinical=[dict(name='age', unit='year', range=(0.0, 120.0)), dict(name='sex', values=SEXES)],
        ),
    )
    return Conversion(rows, src, settings, notes=notes)


def _header(path: Path) -> Dataset:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, KeyError, EOFError, AttributeError) as error:
        raise DataError(f'no readable DICOM file ({error})', file=path) from error
    if not header.get('PatientID'):
        raise DataError('a DICOM file without a patient id', file=path)
    return header


def _rows(studies: dict[tuple[str, str, str], list[tuple[Path, Dataset]]]) -> list[dict[str, Cell]]:
    patients: dict[str, list[list[tuple[Path, Dataset]]]] = {}
    for patient, *_ in sorted(studies):
        patients.setdefault(patient, [])
    for key in sorted(studies):
        patients[key[0]].append(studies[key])
    return [
        _row(patient, f'{patient}-{number}' if len(own) > 1 else patient, files)
        for patient, own in patients.items()
        for number, files in enumerate(own, 1)
    ]


def _row(patient: str, case: str, files: list[tuple[Path, Dataset]]) -> dict[str, Cell]:
    ordered = sorted(files, key=lambda f: (_number(f[1], 'SeriesNumber'), _number(f[1], 'InstanceNumber'), str(f[0])))
    sex = str(files[0][1].get('PatientSex') or '')
    return {
        'case_id': case,
        'patient_id': patient,
        'label': None,
        'bus': tuple(path for path, header in ordered if _number(header, 'NumberOfFrames') <= 1),
        'dceus': tuple(path for path, header in ordered if _number(header, 'NumberOfFrames') > 1),
        'age': _age(files[0][1]),
        'sex': sex if sex in SEXES else None,
    }


def _number(header: Dataset, tag: str) -> int:
    return int(header.get(tag) or 0)


def _age(header: Dataset) -> int | None:
    """DICOM writes an age as `057Y`; younger than two years in months, weeks or days."""
    text = str(header.get('PatientAge') or '')
    if not text[:-1].isdigit():
        return None
    return int(text[:-1]) if text[-1] == 'Y' else int(int(text[:-1]) / dict(M=12, W=52.18, D=365.25).get(text[-1], 1))


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parser_of(__name__, __doc__, labels=True).parse_args(argv)
    return run(args, lambda: convert(args.src, args.labels))
