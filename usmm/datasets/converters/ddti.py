"""DDTI (Pedraza et al., SIPAIM 2014; thyroid nodules): images with XML reports and outlines -> a case table.

    usmm convert ddti SRC OUT [--label malignancy|tirads] [--link] [--skip-bad]

SRC holds, in one folder, `1.xml` of each patient and the images `1_1.jpg`, `1_2.jpg`, ... One case an image, with the
id `1-2`; the images of a patient share the patient id. The XML names the TI-RADS category of the patient, age, sex,
what a reader saw, and the outlines of the nodules in each image, which become one mask.

`--label malignancy` (default) calls TI-RADS 2 and 3 benign, and 4a, 4b, 4c and 5 malignant: a category of suspicion,
not a histology. `tirads` keeps the category. Patients without a category are labelled unknown, which `ignore_labels` of
schema.py leaves out, and are named at the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from usmm.datasets.converters.base_converter import Conversion, Faults, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, no_formula, some
from usmm.datasets.converters.outlines import (
    Outline,
    image_size,
    mask_file,
    outline_mask,
    outlines_of,
    parse_json,
    read_xml,
)  # fmt: skip
from usmm.readers import DataError
from usmm.structures import Settings
from usmm.utils.console import plain_errors
from usmm.utils.json_types import JsonValue

TIRADS = {
    **dict.fromkeys(('2', '3'), 'benign'),
    **dict.fromkeys(('4a', '4b', '4c', '5'), 'malignant'),
}
LABELS = ('malignancy', 'tirads')
UNKNOWN = 'unknown'
SEEN = ('composition', 'echogenicity', 'margins', 'calcifications')
IMAGE = re.compile(r'(\d+)_(\d+)')
Seen = dict[str, str | None]


def convert(src: str | Path, label: str = 'malignancy', skip_bad: bool = False) -> Conversion:
    """Read all reports, draw the outlines. Raises DataError on a report, category, outline or image that is bad."""
    if label not in LABELS:
        raise ValueError(f'label must be one of {list(LABELS)}, got {label!r}')
    src, faults = source_folder(src), Faults(skip_bad)
    images: dict[str, dict[str, Path]] = {}
    for path in sorted(src.glob('*.jpg')):
        with faults.of_one_case():
            patient, number = _numbers(path)
            images.setdefault(patient, {})[number] = path
    rows: list[dict[str, Cell]] = []
    for path in sorted(src.glob('*.xml'), key=lambda p: (len(p.stem), p.stem)):
        with faults.of_one_case():
            rows += _rows(path, images.pop(path.stem, {}), label)
    notes = []
    for column, thing in (('tirads', 'TI-RADS, so their label is unknown'), ('bus_mask', 'outline')):
        bare = [row['case_id'] for row in rows if row[column] is None]
        if bare:
            notes.append(f'{len(bare)} images have no {thing}: {some(bare)}')
    left = [path.name for own in images.values() for path in own.values()]
    if left:
        notes.append(f'{len(left)} images have no XML and were left out: {some(left)}')
    return Conversion(rows, src, _settings(rows), _optional(rows), [*notes, *faults.notes])


def _numbers(path: Path) -> tuple[str, str]:
    """Patient and number of an image, from its name."""
    name = IMAGE.fullmatch(path.stem)
    if name is None:
        raise DataError('expected a name like 1_2.jpg, patient and image', file=path)
    return name[1], name[2]


def _rows(path: Path, images: dict[str, Path], label: str) -> list[dict[str, Cell]]:
    """The rows of a patient, one an image."""
    patient = path.stem
    report = read_xml(path, patient)
    if _text(report, 'number') not in (None, patient):
        raise DataError(f'the report is of patient {_text(report, "number")!r}', file=path, case=patient)
    outlines = _outlines(report, path, patient)
    absent = sorted(set(outlines) - set(images))
    if absent or not images:
        raise DataError(f'the images {absent or "of this report"} are missing', file=path, case=patient)
    shared = _facts(report, path, patient)
    tirads = shared['tirads']
    named = TIRADS[tirads] if tirads and label == 'malignancy' else tirads or UNKNOWN
    shared = {'label': named, **shared}
    rows: list[dict[str, Cell]] = []
    for number in sorted(images, key=int):
        case, found, mask = f'{patient}-{number}', outlines.get(number), None
        if found:
            mask = mask_file(outline_mask(found, image_size(images[number], case), path, case), f'bus_mask/{case}')
        rows.append({'case_id': case, 'patient_id': patient, 'bus': images[number], 'bus_mask': mask, **shared})
    return rows


def _outlines(report: Element, path: Path, patient: str) -> dict[str, list[Outline]]:
    """Number of an image -> its outlines; an image may have several marks, and a mark may be empty."""
    found: dict[str, list[Outline]] = {}
    for mark in report.findall('mark'):
        number, svg = _text(mark, 'image'), _text(mark, 'svg')
        if number is None or not number.isdecimal():
            raise DataError(f'expected the number of an image in a mark, got {number!r}', file=path, case=patient)
        parsed: JsonValue = [] if svg is None else parse_json(svg, path, f'{patient}-{number}')
        found.setdefault(number, []).extend(outlines_of(parsed, path, f'{patient}-{number}') if parsed else [])
    return found


def _facts(report: Element, path: Path, patient: str) -> Seen:
    """What the report says of the patient, as text."""
    facts = {name: _text(report, name) for name in ('tirads', 'age', 'sex', *SEEN)}
    try:
        facts = {name: None if text is None else no_formula(text, patient) for name, text in facts.items()}
    except DataError as error:
        raise error.at(file=path) from error
    facts['tirads'] = (facts['tirads'] or '').lower() or None
    if facts['tirads'] not in (None, *TIRADS):
        raise DataError(f'expected a TI-RADS of {list(TIRADS)}, got {facts["tirads"]!r}', file=path, case=patient)
    if facts['age'] is not None and not facts['age'].isdecimal():
        raise DataError(f'expected an age in years, got {facts["age"]!r}', file=path, case=patient)
    return facts


def _text(element: Element, name: str) -> str | None:
    return (element.findtext(name) or '').strip() or None


def _values(rows: list[dict[str, Cell]], name: str) -> tuple[str, ...]:
    return tuple(sorted({str(row[name]) for row in rows if row[name] is not None}))


def _settings(rows: list[dict[str, Cell]]) -> dict[str, object]:
    clinical: list[Settings] = [dict(name='age', unit='year', range=(0.0, 120.0))]
    if len(_values(rows, 'sex')) > 1:
        clinical.append(dict(name='sex', values=_values(rows, 'sex')))
    classes = tuple(name for name in classes_of(rows, ('benign', 'malignant')) if name != UNKNOWN)
    ignored = dict(ignore_labels=(UNKNOWN,)) if any(row['label'] == UNKNOWN for row in rows) else {}
    return dict(
        classes=classes,
        **ignored,
        modalities=('bus',),
        schema=dict(images=dict(bus='bus'), masks='{modality}_mask', clinical=clinical),
    )


def _optional(rows: list[dict[str, Cell]]) -> dict[str, list[Settings]]:
    def known(*names: str) -> list[Settings]:
        return [dict(name=name, values=_values(rows, name)) for name in names if len(_values(rows, name)) > 1]

    groups = {
        "A reader's description of the image; an input only if a reader describes every new image too:": known(*SEEN),
        'The category that the label is made of; for tables, never an input:': known('tirads'),
    }
    return {heading: variables for heading, variables in groups.items() if variables}


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = parser_of(__name__, __doc__, skip_bad=True)
    parser.add_argument('--label', choices=LABELS, default=LABELS[0], help='what the label is (default %(default)s)')
    args = parser.parse_args(argv)
    return run(args, lambda: convert(args.src, args.label, args.skip_bad))
