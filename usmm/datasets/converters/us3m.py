"""US3M (248 patients, breast; B-mode, Doppler and elastography): numbered patient folders -> a case table.

    usmm convert us3m SRC OUT [--labels TABLE] [--cases view|patient] [--link]

SRC holds one folder a patient with BUS_1.jpg, DUS_1.jpg, EUS_1.jpg, BUS_2.jpg, ... They become the modalities bus, cdfi
and ue. Equal numbers show the same position, so that by default (`view`) a case is one number of a patient, with the
id `001-1`, and its modalities are aligned; with `patient` a case is a patient and its files are joined by `;`.
Labels are no part of the folders: `--labels` takes a table of patients (or cases) and labels; without it the column
is empty, and the report says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, parser_of, run, source_folder
from usmm.datasets.converters.cells import by_case, classes_of, give_labels, read_labels
from usmm.readers import DataError
from usmm.utils.console import plain_errors

MODALITIES = {'BUS': 'bus', 'DUS': 'cdfi', 'EUS': 'ue'}
NAME = re.compile(r'(BUS|DUS|EUS)_(\d+)', re.IGNORECASE)
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp')


def convert(src: str | Path, labels: str | Path | None = None, cases: str = 'view') -> Conversion:
    """Find the numbered images of all patients. Raises DataError on an image whose name says no modality."""
    src = source_folder(src)
    found: dict[tuple[str, int], dict[str, Path]] = {}
    for path in sorted(p for p in src.glob('*/*') if p.suffix.lower() in IMAGES):
        name = NAME.fullmatch(path.stem)
        if name is None:
            raise DataError('expected a name like BUS_1.jpg, DUS_1.jpg or EUS_1.jpg', file=path)
        views = found.setdefault((path.parent.name, int(name[2])), {})
        modality = MODALITIES[name[1].upper()]
        if modality in views:
            raise DataError(f'the same view as {views[modality].name}', file=path, modality=modality)
        views[modality] = path
    rows = by_case(found, tuple(MODALITIES.values()), cases)
    notes = give_labels(rows, None if labels is None else read_labels(labels))
    settings = dict(
        classes=classes_of(rows, ('benign', 'malignant')),
        modalities=tuple(MODALITIES.values()),
        schema=dict(images={name: name for name in MODALITIES.values()}),
    )
    return Conversion(rows, src, settings, notes=notes)


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = parser_of(__name__, __doc__, labels=True)
    parser.add_argument('--cases', choices=('view', 'patient'), default='view', help='what a case is (default view)')
    args = parser.parse_args(argv)
    return run(args, lambda: convert(args.src, args.labels, args.cases))
