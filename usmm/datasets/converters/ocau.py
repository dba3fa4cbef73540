"""OCAU (organ classification on abdominal ultrasound): images named or sorted by organ -> a case table.

    usmm convert ocau SRC OUT [--link] [--skip-bad]

What SRC may hold, told by its folders:

1. USAnotAI (github.com/ftsvd/USAnotAI, which bears this title): train/ and test/ with `liver-0000.png`, of six organs:
   bladder, bowel, gallbladder, kidney, liver, spleen.
2. A folder an organ, `liver/*.png`, in train/, val/ and test/ or by itself: the names of the folders are the classes.
3. US simulation & segmentation (kaggle.com/datasets/ignaciorlando/ussimandsegm): `abdominal_US/{AUS,RUS}/images/{train,
   test}` with coloured annotations of the same names in `annotations/{train,test}`. The label is the organ that fills
   most of the annotation, and this organ is the mask; images without an annotation of an organ are left out.

Which of them the published system means by OCAU is not certain; the first has these letters. No layout names patients.
In the first two each image counts as a patient of its own, in the third those whose names differ in their last number
count as one. train and test of the source become the column split; byte-identical files are joined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from usmm.datasets.converters.base_converter import Conversion, Faults, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, join_same_files, some
from usmm.datasets.converters.outlines import mask_file
from usmm.readers import DataError, read_image
from usmm.utils.console import plain_errors

ORGANS = ('bladder', 'bowel', 'gallbladder', 'kidney', 'liver', 'spleen')
COLOURS = {
    'liver': (100, 0, 100),
    'kidney': (255, 255, 0),
    'pancreas': (0, 0, 255),
    'adrenals': (0, 255, 255),
    'gallbladder': (0, 255, 0),
    'spleen': (255, 0, 255),
}  # RGB; vessels (red) and bones (white) are annotated too, and are no organs
PARTS = ('train', 'val', 'test')
KINDS = ('AUS', 'RUS')
INNER = ('USAnotAI-master', 'USAnotAI', 'abdominal_US')
IMAGES = ('.png', '.jpg', '.jpeg', '.bmp')
NAME = re.compile(rf'({"|".join(ORGANS)})-\d+', re.IGNORECASE)
NUMBER = re.compile(r'[_\- ]?\d+$')


def convert(src: str | Path, skip_bad: bool = False) -> Conversion:
    """Find the images and their organs. Raises DataError on a name without an organ, or an unreadable annotation."""
    root, faults = _root(source_folder(src)), Faults(skip_bad)
    kinds = [kind for kind in KINDS if (root / kind / 'images').is_dir()]
    rows: list[dict[str, Cell]] = []
    notes: list[str] = []
    for folder, split in [pair for kind in kinds for pair in _parts(root / kind / 'images')] or _parts(root):
        for path in _images(folder):
            with faults.of_one_case():
                row = _annotated(path, folder, root) if kinds else _named(path, folder, root)
                if row['label'] is not None:
                    rows.append({**row, 'split': split} if split else row)
                else:
                    notes.append(str(row['case_id']))
    notes = [f'{len(notes)} images have no annotation of an organ and were left out: {some(notes)}'] if notes else []
    shared = 'names that differ in their last number are one patient' if kinds else 'each image is a patient of its own'
    notes += [f'no patients are named: {shared}', *join_same_files(rows, 'bus'), *faults.notes]
    schema: dict[str, Any] = dict(images=dict(bus='bus'))
    schema |= dict(masks='{modality}_mask') if kinds else {}
    schema |= dict(split='split') if rows and 'split' in rows[0] else {}
    settings = dict(classes=classes_of(rows), modalities=('bus',), schema=schema)
    return Conversion(rows, root, settings, notes=notes)


def _root(src: Path) -> Path:
    """The folder of the layout; archives are often unpacked into one or two folders of their own name."""
    for _ in range(2):
        src = next((src / name for name in INNER if (src / name).is_dir()), src)
    return src


def _parts(folder: Path) -> list[tuple[Path, str | None]]:
    return [(folder / part, part) for part in PARTS if (folder / part).is_dir()] or [(folder, None)]


def _images(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob('*')) if p.suffix.lower() in IMAGES and not p.name.startswith('._')]


def _named(path: Path, folder: Path, root: Path) -> dict[str, Cell]:
    """A row whose organ is the folder of the image, or stands in its name."""
    inside, name = path.relative_to(folder).parts, NAME.fullmatch(path.stem)
    if len(inside) > 2 or (len(inside) == 1 and name is None):
        raise DataError(f'expected liver-0000.png, of {list(ORGANS)}, or a folder an organ', file=path)
    label = inside[0] if len(inside) == 2 else path.stem.partition('-')[0]
    case = _case(path, root)
    return {'case_id': case, 'patient_id': case, 'label': label.lower(), 'bus': path}


def _annotated(path: Path, folder: Path, root: Path) -> dict[str, Cell]:
    """A row whose organ is the largest of the annotation; label None where there is none."""
    case = _case(path, root).replace('-images', '', 1)
    row: dict[str, Cell] = {'case_id': case, 'patient_id': NUMBER.sub('', case), 'label': None, 'bus': path}
    marked = folder.parent.parent / 'annotations' / folder.name
    found = [file for file in (marked / f'{path.stem}{suffix}' for suffix in IMAGES) if file.is_file()]
    if not found:
        return row
    try:
        colours, shape = read_image(found[0]), read_image(path).shape
    except DataError as error:
        raise error.at(case=case) from error
    if colours.shape != shape:
        sizes = f'{colours.shape[1::-1]} pixels for an image of {shape[1::-1]}'
        raise DataError(f'an annotation of {sizes}', file=found[0], case=case)
    organs = {organ: (colours == np.array(colour)).all(-1) for organ, colour in COLOURS.items()}
    largest = max(organs, key=lambda organ: int(organs[organ].sum()))
    if organs[largest].any():
        row |= {'label': largest, 'bus_mask': mask_file(organs[largest], f'bus_mask/{case}')}
    return row


def _case(path: Path, root: Path) -> str:
    return '-'.join(path.relative_to(root).with_suffix('').parts)


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parser_of(__name__, __doc__, skip_bad=True).parse_args(argv)
    return run(args, lambda: convert(args.src, args.skip_bad))
