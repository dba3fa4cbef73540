"""CV4LymphNode (Zenodo 12702916; B-mode, Doppler and elastography of lymph nodes): class folders -> a case table.

    usmm convert cv4lymphnode SRC OUT [--cases view|patient] [--link]

SRC holds (or is) `dataset/{2d,cdfi,elastic}/{0,1,2}/<patient>-<n>.jpg`; the classes are benign, lymphoma and
metastatic. The folders become the modalities bus, cdfi and ue, joined by patient and number: by default (`view`) a case
is one number of a patient; with `patient` it is a patient, with the files of a modality joined by `;`.

A patient who stands in two class folders is reported. The cases keep the class of their folder (their ids then start
with it) and the patient id stays one, so that no split can separate them, whether the number or the class is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, by_case, some
from usmm.readers import DataError
from usmm.utils.console import plain_errors

MODALITIES = {'2d': 'bus', 'cdfi': 'cdfi', 'elastic': 'ue'}
CLASSES = ('benign', 'lymphoma', 'metastatic')
NAME = re.compile(r'(.+)-(\d+)')
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp')
Views = dict[tuple[str, int], dict[str, Path]]


def convert(src: str | Path, cases: str = 'view') -> Conversion:
    """Find the images of all classes and modalities. Raises DataError on a folder or a name that fits no class."""
    src = source_folder(src)
    src = src / 'dataset' if (src / 'dataset').is_dir() else src
    if not any((src / folder).is_dir() for folder in MODALITIES):
        raise DataError(f'expected folders {list(MODALITIES)}', file=src)
    found: dict[str, Views] = {name: {} for name in CLASSES}
    for folder, modality in MODALITIES.items():
        for path in sorted(p for p in (src / folder).glob('*/*') if p.suffix.lower() in IMAGES):
            _add(found, modality, path)
    twice = _patients_of_two(found)
    rows = [row for label, views in found.items() for row in _rows(views, label, cases, twice)]
    notes = [
        f'patient {patient!r} has images in the folders of {" and ".join(labels)}: {some(files)}'
        for patient, (labels, files) in twice.items()
    ]
    settings = dict(
        classes=CLASSES,
        modalities=tuple(MODALITIES.values()),
        schema=dict(images={name: name for name in MODALITIES.values()}),
    )
    return Conversion(rows, src, settings, notes=notes)


def _add(found: dict[str, Views], modality: str, path: Path) -> None:
    name, folder = NAME.fullmatch(path.stem), path.parent.name
    if not folder.isdigit() or int(folder) >= len(CLASSES):
        raise DataError(f'expected class folders 0, 1 and 2, found {folder!r}', file=path)
    if name is None:
        raise DataError('expected a name like <patient>-<number>.jpg', file=path)
    views = found[CLASSES[int(folder)]].setdefault((name[1], int(name[2])), {})
    if modality in views:
        raise DataError(f'the same view as {views[modality].name}', file=path, modality=modality)
    views[modality] = path


def _patients_of_two(found: dict[str, Views]) -> dict[str, tuple[list[str], list[str]]]:
    """Patient -> classes and files, of the patients who stand under several classes."""
    classes: dict[str, list[str]] = {}
    for label, views in found.items():
        for patient in dict.fromkeys(patient for patient, _ in views):
            classes.setdefault(patient, []).append(label)
    return {
        patient: (labels, [f'{p.parent.parent.name}/{p.parent.name}/{p.name}' for p in _paths(found, patient)])
        for patient, labels in classes.items()
        if len(labels) > 1
    }


def _paths(found: dict[str, Views], patient: str) -> list[Path]:
    return [
        p for views in found.values() for (name, _), files in views.items() if name == patient for p in files.values()
    ]


def _rows(views: Views, label: str, cases: str, twice: dict[str, tuple[list[str], list[str]]]) -> list[dict[str, Cell]]:
    rows = by_case(views, tuple(MODALITIES.values()), cases)
    for row in rows:
        row['label'] = label
        if row['patient_id'] in twice:
            row['case_id'] = f'{CLASSES.index(label)}-{row["case_id"]}'
    return rows


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = parser_of(__name__, __doc__)
    parser.add_argument('--cases', choices=('view', 'patient'), default='view', help='what a case is (default view)')
    args = parser.parse_args(argv)
    return run(args, lambda: convert(args.src, args.cases))
