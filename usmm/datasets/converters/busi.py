"""BUSI (Al-Dhabyani et al., Data in Brief 2020; 780 images, breast): class folders with masks -> a case table.

    usmm convert busi SRC OUT [--link] [--skip-bad]

SRC is (or holds) `Dataset_BUSI_with_GT` with the folders benign, malignant and normal: `benign (1).png` and its mask
`benign (1)_mask.png`; further lesions of the image are in `benign (1)_mask_1.png` and so on. Several masks of an image
become one, drawn anew. The masks of normal images are empty and are left out.

One case an image. The images come from 600 women, but no name or table says which belong together: each image counts as
a patient of its own, and only byte-identical files are joined. A split by patient is a split by image here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, Faults, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, join_same_files, some
from usmm.datasets.converters.outlines import image_size, mask_file, united_masks
from usmm.readers import DataError
from usmm.utils.console import plain_errors

CLASSES = ('benign', 'malignant', 'normal')
NAME = re.compile(r'(benign|malignant|normal) \((\d+)\)(?:_mask(?:_(\d+))?)?', re.IGNORECASE)
MASK = '_mask'


def convert(src: str | Path, skip_bad: bool = False) -> Conversion:
    """Find images and masks. Raises DataError on a name that fits no class, or a mask that does not fit its image."""
    src = source_folder(src)
    root = src / 'Dataset_BUSI_with_GT' if (src / 'Dataset_BUSI_with_GT').is_dir() else src
    images: dict[tuple[str, int], Path] = {}
    masks: dict[tuple[str, int], list[Path]] = {}
    faults = Faults(skip_bad)
    for label in CLASSES:
        for path in sorted((root / label).glob('*.png')):
            with faults.of_one_case():
                key = _key(path, label)
                if MASK in path.stem.lower():
                    masks.setdefault(key, []).append(path)
                else:
                    images[key] = path
    rows: list[dict[str, Cell]] = []
    for key in sorted(images):
        with faults.of_one_case():
            rows.append(_row(key, images[key], masks.get(key, [])))
    notes = _notes(images, masks) + join_same_files(rows, 'bus')
    settings = dict(
        classes=classes_of(rows, CLASSES),
        modalities=('bus',),
        schema=dict(images=dict(bus='bus'), masks='{modality}_mask'),
    )
    return Conversion(rows, root, settings, notes=[*notes, *faults.notes])


def _key(path: Path, label: str) -> tuple[str, int]:
    name = NAME.fullmatch(path.stem)
    if name is None or name[1].lower() != label:
        raise DataError(f"expected a name like '{label} (1).png' or '{label} (1)_mask.png'", file=path)
    return label, int(name[2])


def _row(key: tuple[str, int], image: Path, masks: list[Path]) -> dict[str, Cell]:
    label, case = key[0], f'{key[0]}-{key[1]}'
    size, mask = image_size(image, case), None
    united = united_masks(masks, size, case)
    if label == 'normal' and united.any():
        raise DataError('the mask of a normal image is not empty', file=masks[0], case=case)
    if label != 'normal' and united.any():
        mask = masks[0] if len(masks) == 1 else mask_file(united, f'bus_mask/{case}')
    return {'case_id': case, 'patient_id': case, 'label': label, 'bus': image, 'bus_mask': mask}


def _notes(images: dict[tuple[str, int], Path], masks: dict[tuple[str, int], list[Path]]) -> list[str]:
    notes = ['no patients are named: each image counts as a patient of its own']
    several = [images[key].name for key in sorted(images) if len(masks.get(key, [])) > 1]
    if several:
        notes.append(f'{len(several)} images have several masks, which were united: {some(several)}')
    bare = [images[key].name for key in sorted(images) if key not in masks and key[0] != 'normal']
    if bare:
        notes.append(f'{len(bare)} images have no mask: {some(bare)}')
    alone = [path.name for key in sorted(masks) if key not in images for path in masks[key]]
    if alone:
        notes.append(f'{len(alone)} masks belong to no image: {some(alone)}')
    return notes


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parser_of(__name__, __doc__, skip_bad=True).parse_args(argv)
    return run(args, lambda: convert(args.src, args.skip_bad))
