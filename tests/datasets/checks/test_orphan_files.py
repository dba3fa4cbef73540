"""Images and clips that no row of a table names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets import CaseTable
from usmm.datasets.checks.check_data import check_data
from usmm.datasets.checks.orphan_files import orphan_note

SCHEMA = dict(images=dict(bus='bus'))
CLASSES = ('A', 'B')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three cases, of which one is left out; with a column that the schema does not read."""
    for name in ('bus/1.png', 'bus/2.png', 'bus/3.png', 'bus/1_mask.png', 'ue/1.png', 'ue/2.png', 'other/9.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(len(name) + int(name[-5]) if name[-5].isdigit() else 0).integers(
            0, 255, (40, 40)
        )
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name)
    (tmp_path / 'cases.csv').write_text(
        'case_id,patient_id,label,bus,bus_mask,elasto\n'
        'c1,p1,A,bus/1.png,bus/1_mask.png,ue\\1.png;ue/2.png\n'
        'c2,p2,B,bus/2.png,,\nc3,p3,other,bus/../bus/3.png,,\n'
    )
    return tmp_path / 'cases.csv'


def note(path: Path, **options: int) -> str | None:
    return orphan_note(CaseTable.read(path, SCHEMA, CLASSES, ['other']), **options)


def test_files_of_other_columns_and_rows_and_folders_are_no_orphans(path: Path) -> None:
    assert note(path) is None


def test_orphans_are_counted_with_their_folders_and_an_example(path: Path) -> None:
    for name in ('4.png', '5.dcm', '6.MP4', 'notes.txt', 'near_duplicates.png'):
        (path.parent / 'bus' / name).touch()
    (path.parent / 'bus' / '7.png').mkdir()
    expected = "no row of the table names 3 images or clips (3 in 'bus'), such as 4.png"
    assert note(path) == expected
    assert expected in check_data(path, SCHEMA, CLASSES, ignore_labels=['other']).notes
    assert note(path, most=5) == (
        "no row of the table names 1 images or clips (1 in 'bus'), such as 4.png; only 5 files were looked at"
    )


def test_a_table_of_files_names_files_too(path: Path) -> None:
    path.write_text('case_id,patient_id,label\nc1,p1,A\nc2,p2,B\n')
    (path.parent / 'files.csv').write_text(
        'case_id,modality,file\nc1,bus,bus/1.png\nc2,bus,bus/2.png\nc2,ue,ue/1.png\nc2,ue,bus/1_mask.png\n'
    )
    table = CaseTable.read(path, {**SCHEMA, 'file_table': 'files.csv'}, CLASSES)
    assert orphan_note(table) == "no row of the table names 1 images or clips (1 in 'bus'), such as 3.png"


def test_many_folders_are_not_all_named(tmp_path: Path) -> None:
    rows = ['case_id,patient_id,label,bus']
    for i in range(7):
        (tmp_path / f'{i}').mkdir()
        for name in 'ab':
            (tmp_path / f'{i}' / f'{name}.png').touch()
        rows.append(f'c{i},p{i},{"AB"[i % 2]},{i}/a.png')
    (tmp_path / 'cases.csv').write_text('\n'.join(rows))
    assert orphan_note(CaseTable.read(tmp_path / 'cases.csv', SCHEMA, CLASSES)) == (
        "no row of the table names 7 images or clips (1 in '0', 1 in '1', 1 in '2', 1 in '3', 1 in '4' and 2 more "
        'folders), such as b.png'
    )
