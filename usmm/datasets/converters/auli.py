"""AULI (Annotated Ultrasound Liver images, Zenodo 7272660; 735 images): class folders with outlines -> a case table.

    usmm convert auli SRC OUT [--link] [--skip-bad]

SRC holds Benign, Malignant and Normal (the three archives, unpacked), each with `image/1.jpg` and
`segmentation/{liver,mass,outline}/1.json`: a list of points [x, y] in pixels. The mass becomes `bus_mask`, the liver
`liver_mask`, both drawn as PNG; the outline of the scanned sector is not used. In the published set normal images have
no mass, and the outline of one liver is missing.

One case an image, and each image counts as a patient of its own: the source names no patients. Byte-identical files are
joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, Faults, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, join_same_files, some
from usmm.datasets.converters.outlines import Made, image_size, mask_file, outline_mask, outlines_of, read_json
from usmm.readers import DataError
from usmm.utils.console import plain_errors

CLASSES = ('benign', 'malignant', 'normal')
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp')
MASKS = {'bus_mask': 'mass', 'liver_mask': 'liver'}
COPIES = '__MACOSX'


def convert(src: str | Path, skip_bad: bool = False) -> Conversion:
    """Find the images, draw the outlines. Raises DataError where a class folder or an outline cannot be read."""
    src, faults = source_folder(src), Faults(skip_bad)
    rows: list[dict[str, Cell]] = []
    for label in CLASSES:
        for path in sorted(p for p in (_class_folder(src, label) / 'image').iterdir() if _is_image(p)):
            with faults.of_one_case():
                rows.append(_row(path, label))
    without = {
        'mass': [row['case_id'] for row in rows if row['bus_mask'] is None and row['label'] != 'normal'],
        'liver': [row['case_id'] for row in rows if row['liver_mask'] is None],
    }
    notes = ['no patients are named: each image counts as a patient of its own', *join_same_files(rows, 'bus')]
    notes += [f'{len(ids)} images have no outline of the {name}: {some(ids)}' for name, ids in without.items() if ids]
    odd = [row['case_id'] for row in rows if row['label'] == 'normal' and row['bus_mask'] is not None]
    if odd:
        notes.append(f'{len(odd)} normal images have a mass: {some(odd)}')
    settings = dict(
        classes=classes_of(rows, CLASSES),
        modalities=('bus',),
        schema=dict(images=dict(bus='bus'), masks='{modality}_mask'),
    )
    return Conversion(rows, src, settings, notes=[*notes, *faults.notes])


def _class_folder(src: Path, label: str) -> Path:
    """The folder of a class; an archive may have been unpacked into a folder of its own name."""
    found = [p.parent for p in sorted(src.rglob('image')) if p.parent.name.lower() == label and COPIES not in p.parts]
    if len(found) != 1:
        raise DataError(f'expected one folder {label.capitalize()}/image, found {len(found)}', file=src)
    return found[0]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGES and not path.name.startswith('._')


def _row(path: Path, label: str) -> dict[str, Cell]:
    case = f'{label}-{path.stem}'
    size, folder = image_size(path, case), path.parent.parent / 'segmentation'
    masks = {column: _mask(folder / name / f'{path.stem}.json', size, column, case) for column, name in MASKS.items()}
    return {'case_id': case, 'patient_id': case, 'label': label, 'bus': path, **masks}


def _mask(path: Path, size: tuple[int, int], column: str, case: str) -> Made | None:
    if not path.is_file():
        return None
    outlines = outlines_of(read_json(path, case), path, case)
    return mask_file(outline_mask(outlines, size, path, case), f'{column}/{case}')


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parser_of(__name__, __doc__, skip_bad=True).parse_args(argv)
    return run(args, lambda: convert(args.src, args.skip_bad))
