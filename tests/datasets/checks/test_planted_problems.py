"""Problems planted in one data set, each of another kind, and what `usmm check_data` reports of them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, generate_uid

from usmm.datasets import CaseTable
from usmm.datasets.checks.check_data import CheckResult, check_data
from usmm.datasets.transforms import LoadImage

CLASSES = ('benign', 'malignant')
SCHEMA = dict(
    images=dict(bus='bus', ue='ue'),
    clips=dict(dceus='dceus'),
    clinical=[
        dict(name='age', unit='year', range=(0, 120)),
        dict(name='albumin', unit='g/L', range=(10, 70), other_units={'g/dL': 10}),
        dict(name='crp', log=True),
        dict(name='calc', values=('none', 'micro')),
        dict(name='grade', values=('low', 'high')),
    ],
    split='part',
)
Row = dict[str, str]


def picture(seed: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 200, (6, 8), dtype=np.uint8)).resize(size[::-1], Image.Resampling.BICUBIC)
    return (np.asarray(coarse) * (0.4 + rng.integers(0, 255, size) / 400)).clip(0, 255).astype(np.uint8)


def clip(path: Path, seed: int, frames: int = 6) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 6, (128, 96))
    for i in range(frames):
        writer.write(np.repeat(picture(10_000 + 100 * seed + i)[..., None], 3, 2))
    writer.release()


def dicom(path: Path, window: int) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.PixelRepresentation = 96, 128, 1, 0
    dataset.PhotometricInterpretation, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (
        'MONOCHROME2',
        8,
        8,
        7,
    )
    dataset.WindowCenter, dataset.WindowWidth = str(window // 2), str(window)
    dataset.PixelData = picture(window).tobytes()
    dataset['PixelData'].VR = 'OB'
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture(scope='module')
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Sixty cases without a problem."""
    folder = tmp_path_factory.mktemp('planted')
    rows, rng = [], np.random.default_rng(0)
    for i in range(60):
        mask = np.zeros((96, 128), np.uint8)
        mask[30:60, 40 : 50 + i] = 255
        Image.fromarray(picture(i)).save(folder / f'{i}.png')
        Image.fromarray(mask).save(folder / f'{i}_mask.png')
        Image.fromarray(picture(100 + i)).save(folder / f'{i}_ue.png')
        clip(folder / f'{i}.avi', i)
        rows.append(dict(
            case_id=f'c{i}', patient_id=f'P{100 + i}', label=CLASSES[i * 7 % 5 < 2],
            part='test' if i % 4 == 0 else 'train', bus=f'{i}.png', bus_mask=f'{i}_mask.png', bus_box='30,20,90,70',
            ue=f'{i}_ue.png', dceus=f'{i}.avi', age=str(rng.integers(30, 80)), albumin=str(rng.integers(35, 50)),
            crp=str(rng.integers(1, 20)), calc=('none', 'micro')[rng.integers(2)],
            grade=('low', 'high')[rng.integers(2)],
        ))  # fmt: skip
    return folder, rows


def cell(column: str, value: str) -> Callable[[Row, Path], None]:
    return lambda row, folder: row.update({column: value})


def cut(row: Row, folder: Path, column: str, share: float) -> None:
    content = (folder / row[column]).read_bytes()
    (folder / row[column]).write_bytes(content[: int(share * len(content))])


def grade_is_the_label(rows: list[Row]) -> None:
    for row in rows:
        row['grade'] = 'high' if row['label'] == 'malignant' else 'low'


# number of the case -> (kind that is reported, what is planted); the whole table below
OF_A_CASE: dict[int, tuple[str, Callable[[Row, Path], object]]] = {
    1: ('patient_id', cell('patient_id', '')),
    2: ('duplicate', cell('case_id', 'c3')),
    4: ('label', cell('label', 'malignent')),
    5: ('no_label', cell('label', '')),
    6: ('number', cell('age', 'about 50')),
    7: ('number', cell('age', 'inf')),
    8: ('number', cell('crp', '1e39')),
    9: ('number', cell('crp', '-3')),
    10: ('range', cell('age', '430')),
    11: ('range', cell('albumin', '4.1')),
    12: ('category', cell('calc', 'macro')),
    13: ('no_file', cell('bus', 'gone.png')),
    14: ('suffix', cell('bus', '14.txt')),
    15: ('unreadable', lambda row, folder: cut(row, folder, 'bus', 0.4)),
    16: ('empty', lambda row, folder: (folder / row['bus']).write_bytes(b'')),
    17: ('unreadable', lambda row, folder: (folder / row['bus']).write_text('no picture')),
    18: ('unreadable', lambda row, folder: cut(row, folder, 'dceus', 0.5)),
    19: ('one_frame', lambda row, folder: clip(folder / row['dceus'], 19, frames=1)),
    20: ('mask_empty', lambda row, folder: Image.new('L', (128, 96)).save(folder / row['bus_mask'])),
    21: ('mask_size', lambda row, folder: Image.new('L', (64, 48), 255).save(folder / row['bus_mask'])),
    22: ('no_mask', cell('bus_mask', '')),
    23: ('box_outside', cell('bus_box', '30,20,190,70')),
    24: ('box', cell('bus_box', '30,20')),
    25: ('no_box', cell('bus_box', '')),
    26: ('same_file_two_patients', lambda row, folder: shutil.copy(folder / '27.png', folder / row['bus'])),
    28: ('same_pixels', lambda row, folder: Image.open(folder / '29.png').convert('RGB').save(folder / row['bus'])),
    30: ('near_duplicate', lambda row, folder: dimmer(folder / row['bus'], 31)),
    32: ('two_parts', lambda row, folder: row.update(patient_id='P100', part='train')),
    33: ('two_labels', lambda row, folder: row.update(patient_id='P139', label='malignant')),
    34: ('no_modality', cell('ue', '')),
    35: ('split', cell('part', 'training')),
    36: ('same_file', cell('ue', '36.png')),
    37: ('same_pixels', lambda row, folder: clip_of(folder / row['dceus'], 38)),
    45: ('near_duplicate', lambda row, folder: Image.fromarray(picture(46)[:, ::-1]).save(folder / row['bus'])),
    47: ('mask_full', lambda row, folder: Image.new('L', (128, 96), 1).save(folder / row['bus_mask'])),
    48: ('mask_full', cell('bus_mask', '48.png')),
    49: ('small', lambda row, folder: Image.fromarray(picture(49, (31, 128))).save(folder / row['ue'])),
    44: ('blank', lambda row, folder: Image.new('L', (128, 96), 7).save(folder / row['bus'])),
}  # fmt: skip


def dimmer(path: Path, seed: int) -> None:
    """Another case's picture, 10 % darker."""
    Image.fromarray((picture(seed) * 0.9).astype(np.uint8)).save(path)


def clip_of(path: Path, seed: int) -> None:
    """Another case's clip without its first two frames."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 6, (128, 96))
    for i in range(2, 6):
        writer.write(np.repeat(picture(10_000 + 100 * seed + i)[..., None], 3, 2))
    writer.release()


# kind -> what is planted in several rows
OF_THE_TABLE: dict[str, Callable[[list[Row], Path], object]] = {
    'patient_id': lambda rows, folder: rows[40].update(patient_id='p141'),
    'id_zeros': lambda rows, folder: (rows[42].update(patient_id='P-7'), rows[43].update(patient_id='P007')),
    'unit': lambda rows, folder: [row.update(albumin=str(float(row['albumin']) / 10)) for row in rows],
    'label_leak': lambda rows, folder: grade_is_the_label(rows),
    'not_read': lambda rows, folder: rows[44].update(bus='44.png;45_ue.png'),
    'depths': lambda rows, folder: Image.fromarray(picture(46).astype(np.uint16) * 257).save(folder / '46.png'),
    'same_mask': lambda rows, folder: rows[50].update(bus_mask='51_mask.png'),
    'scales': lambda rows, folder: [
        (dicom(folder / f'{i}.dcm', 200 + i), rows[i].update(ue=f'{i}.dcm')) for i in (47, 48)
    ],
}


def checked(clean: tuple[Path, list[Row]], folder: Path, plant: Callable[[list[Row], Path], object]) -> CheckResult:
    shutil.copytree(clean[0], folder)
    rows = [dict(row) for row in clean[1]]
    plant(rows, folder)
    with (folder / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return check_data(folder / 'cases.csv', SCHEMA, CLASSES, loaders=[LoadImage()])


@pytest.fixture(scope='module')
def found(clean: tuple[Path, list[Row]], tmp_path_factory: pytest.TempPathFactory) -> CheckResult:
    """All problems of single cases in one table."""

    def plant(rows: list[Row], folder: Path) -> None:
        for i, (_, change) in OF_A_CASE.items():
            change(rows[i], folder)

    return checked(clean, tmp_path_factory.mktemp('all') / 'data', plant)


def test_a_clean_table_has_no_problem(clean: tuple[Path, list[Row]], tmp_path: Path) -> None:
    result = checked(clean, tmp_path / 'data', lambda rows, folder: None)
    assert [str(problem) for problem in result.problems] == []


@pytest.mark.parametrize('i', OF_A_CASE)
def test_each_planted_problem_of_a_case_is_reported(found: CheckResult, i: int) -> None:
    kind = OF_A_CASE[i][0]
    case = {2: 'c3', 30: 'c31', 26: 'c27', 28: 'c29', 37: 'c38', 33: 'c39', 45: 'c46'}.get(i, f'c{i}')
    assert kind in [problem.kind for problem in found.problems if problem.case_id == case]


def test_each_planted_problem_of_the_table_is_reported(clean: tuple[Path, list[Row]], tmp_path: Path) -> None:
    def plant(rows: list[Row], folder: Path) -> None:
        for change in OF_THE_TABLE.values():
            change(rows, folder)

    kinds = {problem.kind for problem in checked(clean, tmp_path / 'data', plant).problems}
    assert OF_THE_TABLE.keys() <= kinds


def test_a_column_that_is_not_there_is_reported(clean: tuple[Path, list[Row]], tmp_path: Path) -> None:
    shutil.copytree(clean[0], tmp_path / 'data')
    (tmp_path / 'data' / 'cases.csv').write_text('case_id,label,part,bus,ue,age\nc0,benign,train,0.png,0_ue.png,4\n')
    columns = [p.message for p in CaseTable.read(tmp_path / 'data' / 'cases.csv', SCHEMA, CLASSES).problems]
    assert [message.split(';')[0] for message in columns] == [
        f'the table has no column {name!r}' for name in ('dceus', 'albumin', 'crp', 'calc', 'grade')
    ]


def test_nothing_else_is_reported(found: CheckResult) -> None:
    planted = {f'c{i}' for i in OF_A_CASE} | {'c3', 'c31', 'c27', 'c29', 'c38', 'c39', 'c46'}
    others = [str(p) for p in found.problems if p.case_id is not None and p.case_id not in planted]
    assert others == []
