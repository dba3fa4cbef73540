"""BrEaST-Lesions-USG (TCIA 10.7937/9WKK-Q141): 256 B-mode images, masks and a spreadsheet -> a case table.

    usmm convert breast_lesions_usg SRC OUT [--link]

SRC holds the spreadsheet (XLSX) and, at any depth, the PNG files that it names. One case a patient, as in the source.

Cells of several terms are joined by `&` in the source; `/` and ` - ` are part of a term, but for the margin, where
` - ` stands before the kinds of a margin that is not circumscribed. So that a column has one type:

- signs, symptoms and kinds of margin: a yes/no column a term (missing where the whole cell is);
- tissue: one of four compositions; `lactating`, which stands beside them, is a yes/no column;
- interpretation and diagnosis: the terms as they are, joined by `&` (never inputs); `suspicion` is a yes/no column;
- `not available` and `not applicable` (no lesion, no biopsy): missing;
- pixel size: mm (cm in the source).

The crop follows the tumour mask (`bus_mask`); masks of other lesions are in `other_mask`, which the schema leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usmm.datasets.converters.base_converter import Conversion, parser_of, run, source_folder
from usmm.datasets.converters.cells import Cell, classes_of, read_records, some, yes_no
from usmm.readers import DataError
from usmm.structures import Settings
from usmm.utils.console import plain_errors

YES_NO = ('no', 'yes')
SIGNS = {
    'palpable': 'palpable',
    'skin_retraction': 'skin retraction',
    'nipple_retraction': 'nipple retraction',
    'redness': 'redness',
    'warmth': 'warmth',
    'peau_d_orange': 'peau d`orange',
    'breast_scar': 'breast scar',
}
SYMPTOMS = {
    'family_history': 'family history of breast/ovarian cancer',
    'personal_history': 'personal history of breast cancer',
    'hormones': 'HRT/hormonal contraception',
    'nipple_discharge': 'nipple discharge',
    'breast_injury': 'breast injury',
}
MARGINS = {f'margin_{kind}': kind for kind in ('indistinct', 'angular', 'microlobulated', 'spiculated')}
TISSUES = (
    'homogeneous: fat',
    'homogeneous: fibroglandular',
    'heterogeneous: predominantly fat',
    'heterogeneous: predominantly fibroglandular',
)
# Column of the table -> column of the source and its values, where a cell holds one term.
DESCRIPTORS: dict[str, tuple[str, tuple[str, ...]]] = {
    'shape': ('Shape', ('oval', 'round', 'irregular')),
    'echogenicity': (
        'Echogenicity',
        ('anechoic', 'hypoechoic', 'isoechoic', 'hyperechoic', 'complex cystic/solid', 'heterogeneous'),
    ),
    'posterior_features': ('Posterior_features', ('no', 'enhancement', 'shadowing', 'combined')),
    'halo': ('Halo', YES_NO),
    'calcifications': ('Calcifications', ('no', 'in a mass', 'intraductal', 'indefinable')),
    'skin_thickening': ('Skin_thickening', YES_NO),
}
AFTERWARDS: dict[str, tuple[str, tuple[str, ...]]] = {
    'birads': ('BIRADS', ('1', '2', '3', '4a', '4b', '4c', '5')),
    'verification': ('Verification', ('confirmed by follow-up care', 'confirmed by biopsy')),
}
FREE = {'interpretation': 'Interpretation', 'diagnosis': 'Diagnosis'}
COLUMNS = (
    'Image_filename', 'Mask_tumor_filename', 'Mask_other_filename', 'Pixel_size', 'Age', 'Tissue_composition', 'Signs',
    'Symptoms', 'Margin', 'Classification', *[column for column, _ in (*DESCRIPTORS.values(), *AFTERWARDS.values())],
    *FREE.values(),
)  # fmt: skip


def convert(src: str | Path) -> Conversion:
    """Read the spreadsheet, find the files. Raises DataError on a missing column or file, or an unknown term."""
    src = source_folder(src)
    table_file = _spreadsheet(src)
    files = {path.name: path for path in sorted(src.rglob('*.png'))}
    rows = [_row(record, files, table_file) for record in read_records(table_file, COLUMNS)]
    named = {path.name for row in rows for cell in row.values() if isinstance(cell, tuple) for path in cell}
    notes = ['bus_mask is the tumour; other lesions of 7 cases in the published set are in other_mask']
    if set(files) - named:
        notes.append(f'{len(set(files) - named)} PNG files are in no row: {some(sorted(set(files) - named))}')
    root = next(iter(files.values())).parent if files else src
    return Conversion(rows, root, _settings(rows), _optional(), notes)


def _spreadsheet(src: Path) -> Path:
    found = sorted(path for path in src.rglob('*.xlsx') if not path.name.startswith('~$'))
    if len(found) != 1:
        raise DataError(f'expected one spreadsheet (XLSX), found {[path.name for path in found]}', file=src)
    return found[0]


def _row(record: dict[str, str | None], files: dict[str, Path], table: Path) -> dict[str, Cell]:
    name = record['Image_filename']
    if name is None:
        raise DataError('a row without Image_filename', file=table)
    case = Path(name).stem
    try:
        clinical = _clinical(record)
    except ValueError as error:
        raise DataError(str(error), file=table, case=case) from error
    cells = {
        'bus': name,
        'bus_mask': record['Mask_tumor_filename'],
        'other_mask': record['Mask_other_filename'],
    }
    paths = {column: _files(cell, files, table, case) for column, cell in cells.items()}
    return {'case_id': case, 'patient_id': case, 'label': record['Classification'], **paths, **clinical}


def _files(cell: str | None, files: dict[str, Path], table: Path, case: str) -> tuple[Path, ...]:
    names = [name.strip() for name in (cell or '').split('&') if name.strip()]
    for name in names:
        if name not in files:
            raise DataError(f'the file {name!r} of the spreadsheet is missing', file=table.parent / name, case=case)
    return tuple(files[name] for name in names)


def _clinical(record: dict[str, str | None]) -> dict[str, Cell]:
    tissue = [term for term in (record['Tissue_composition'] or '').split('&') if term]
    base = [term for term in tissue if term != 'lactating']
    if len(base) > 1:
        raise ValueError(f'expected one tissue composition, got {base}')
    circumscribed, _, kinds = (record['Margin'] or '').partition(' - ')
    interpretation = record['Interpretation']
    return {
        'age': record['Age'],
        'tissue': _known('tissue', base[0] if base else None, TISSUES),
        'lactating': None if not tissue else YES_NO['lactating' in tissue],
        **yes_no(record['Signs'], SIGNS),
        **yes_no(record['Symptoms'], SYMPTOMS),
        'pixel_size': None if record['Pixel_size'] is None else round(10 * float(record['Pixel_size']), 9),
        'margin': _known('margin', circumscribed or None, ('circumscribed', 'not circumscribed')),
        **yes_no(None if not circumscribed else kinds or 'no', MARGINS),
        **{name: _known(name, record[column], values) for name, (column, values) in DESCRIPTORS.items()},
        'suspicion': None if interpretation is None else YES_NO['Suspicion of malignancy' in interpretation.split('&')],
        **{name: _known(name, record[column], values) for name, (column, values) in AFTERWARDS.items()},
        **{name: record[column] for name, column in FREE.items()},
    }


def _known(name: str, value: str | None, values: tuple[str, ...]) -> str | None:
    if value is not None and value not in values:
        raise ValueError(f'expected {name} among {list(values)}, got {value!r}')
    return value


def _settings(rows: list[dict[str, Cell]]) -> dict[str, object]:
    facts = [
        dict(name='age', unit='year', range=(0.0, 120.0)),
        dict(name='tissue', values=TISSUES),
        *[dict(name=name, values=YES_NO) for name in ('lactating', *SIGNS, *SYMPTOMS)],
    ]
    return dict(
        classes=classes_of(rows, ('benign', 'malignant', 'normal')),
        modalities=('bus',),
        schema=dict(images=dict(bus='bus'), masks='{modality}_mask', clinical=facts),
    )


def _optional() -> dict[str, list[Settings]]:
    reading: list[Settings] = [
        dict(name='margin', values=('circumscribed', 'not circumscribed')),
        *[dict(name=name, values=YES_NO) for name in MARGINS],
        *[dict(name=name, values=values) for name, (_, values) in DESCRIPTORS.items()],
    ]
    after: list[Settings] = [
        dict(name='suspicion', values=YES_NO),
        *[dict(name=name, values=values) for name, (_, values) in AFTERWARDS.items()],
        *[dict(name=name, values='auto') for name in FREE],
    ]
    device: list[Settings] = [dict(name='pixel_size', unit='mm', range=(0.01, 1.0))]
    return {
        "A reader's description of the image; an input only if a reader describes every new image too:": reading,
        'Of the scanner, not of the patient:': device,
        'Conclusions, which give the label away; for tables, never inputs:': after,
    }


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parser_of(__name__, __doc__).parse_args(argv)
    return run(args, lambda: convert(args.src))
