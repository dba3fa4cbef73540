"""The converters of the data sets that are known by their documented layout, each on a small tree of it."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from usmm.readers import DataError

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
convert = HELP['convert']
converter = HELP['converter']
problems = HELP['problems']
touch = HELP['touch']


# --- US3M ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def us3m(tmp_path: Path) -> Path:
    for name in (
        '001/BUS_1',
        '001/DUS_1',
        '001/EUS_1',
        '001/BUS_2',
        '001/EUS_2',
        '002/BUS_1',
        '002/DUS_1',
        '002/EUS_1',
    ):
        touch(tmp_path / 'us3m' / f'{name}.jpg')
    return tmp_path / 'us3m'


def test_us3m_views(us3m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'labels.csv').write_text('patient,label\n1,benign\n2,malignant\n')
    rows = convert('us3m', us3m, tmp_path / 'out', '--labels', str(tmp_path / 'labels.csv'))
    assert [row['case_id'] for row in rows] == ['001-1', '001-2', '002-1']
    assert [row['label'] for row in rows] == ['benign', 'benign', 'malignant']
    assert rows[1] == dict(
        case_id='001-2', patient_id='001', label='benign', bus='files/001/BUS_2.jpg', cdfi='', ue='files/001/EUS_2.jpg'
    )
    assert rows[0]['cdfi'] == 'files/001/DUS_1.jpg'
    assert problems(tmp_path / 'out') == []
    assert 'cdfi: 2 files in 2 cases' in capsys.readouterr().out


def test_us3m_patients_and_missing_labels(us3m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = convert('us3m', us3m, tmp_path / 'out', '--cases', 'patient')
    assert [row['bus'] for row in rows] == ['files/001/BUS_1.jpg;files/001/BUS_2.jpg', 'files/002/BUS_1.jpg']
    assert [row['label'] for row in rows] == ['', '']
    assert "2 cases have no label: '001', '002'; give them with --labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('CT_1.jpg', r'expected a name like BUS_1.jpg.*CT_1.jpg'),
        ('bus_01.png', 'the same view as (BUS_1.jpg|bus_01.png)'),
    ],
)
def test_us3m_refuses(us3m: Path, name: str, words: str) -> None:
    touch(us3m / '001' / name)
    with pytest.raises(DataError, match=words):
        converter('us3m').convert(us3m)


# --- CV4LymphNode ----------------------------------------------------------------------------------------------------


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    for name in ('2d/0/12-1', 'cdfi/0/12-1', 'elastic/0/12-1', '2d/0/12-2', '2d/1/7-1', 'elastic/1/7-1', 'cdfi/2/30-4'):
        touch(tmp_path / 'nodes/dataset' / f'{name}.jpg')
    return tmp_path / 'nodes'


@pytest.mark.parametrize('inner', ['', 'dataset'])
def test_cv4lymphnode_joins_modalities(nodes: Path, tmp_path: Path, inner: str) -> None:
    rows = convert('cv4lymphnode', nodes / inner, tmp_path / 'out')
    assert [(r['case_id'], r['patient_id'], r['label']) for r in rows] == [
        ('12-1', '12', 'benign'), ('12-2', '12', 'benign'), ('7-1', '7', 'lymphoma'), ('30-4', '30', 'metastatic'),
    ]  # fmt: skip
    assert [rows[0][m] for m in ('bus', 'cdfi', 'ue')] == [f'files/{m}/0/12-1.jpg' for m in ('2d', 'cdfi', 'elastic')]
    assert [rows[2][m] for m in ('bus', 'cdfi', 'ue')] == ['files/2d/1/7-1.jpg', '', 'files/elastic/1/7-1.jpg']
    assert problems(tmp_path / 'out') == []


def test_cv4lymphnode_reports_a_patient_of_two_classes(
    nodes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    touch(nodes / 'dataset/cdfi/1/12-1.jpg')
    rows = convert('cv4lymphnode', nodes, tmp_path / 'out')
    own = [(r['case_id'], r['label']) for r in rows if r['patient_id'] == '12']
    assert own == [('0-12-1', 'benign'), ('0-12-2', 'benign'), ('1-12-1', 'lymphoma')]
    out = capsys.readouterr().out
    assert "note: patient '12' has images in the folders of benign and lymphoma: '2d/0/12-1.jpg'" in out
    assert "'cdfi/1/12-1.jpg'" in out


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('2d/3/1-1.jpg', "expected class folders 0, 1 and 2, found '3'"),
        ('2d/0/seven.jpg', 'expected a name like <patient>-<number>.jpg'),
        ('2d/0/12-01.png', 'the same view as 12-'),
    ],
)
def test_cv4lymphnode_refuses(nodes: Path, name: str, words: str) -> None:
    touch(nodes / 'dataset' / name)
    with pytest.raises(DataError, match=words):
        converter('cv4lymphnode').convert(nodes)
    with pytest.raises(DataError, match=r"expected folders \['2d', 'cdfi', 'elastic'\]"):
        converter('cv4lymphnode').convert(nodes / 'dataset/2d')


# --- TCIA B-mode-and-CEUS-Liver --------------------------------------------------------------------------------------


def dicom(
    path: Path, patient: str, study: str, number: int, frames: int | None = None, pixels: bool = True, **tags: str
) -> None:
    """A small ultrasound file, as the standard has it, with pydicom's own writer."""
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.3.1'
    file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file.SOPClassUID, file.SOPInstanceUID = (
        file.file_meta.MediaStorageSOPClassUID,
        file.file_meta.MediaStorageSOPInstanceUID,
    )
    file.PatientID, file.StudyInstanceUID, file.InstanceNumber, file.SeriesNumber = patient, f'1.2.{study}', number, 1
    for name, value in tags.items():
        setattr(file, name, value)
    if pixels:
        file.Rows, file.Columns, file.SamplesPerPixel, file.PhotometricInterpretation = 4, 6, 1, 'MONOCHROME2'
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 8, 8, 7, 0
        file.PixelData = np.zeros((frames or 1, 4, 6), np.uint8).tobytes()
        if frames is not None:
            file.NumberOfFrames = frames
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)


@pytest.fixture
def liver(tmp_path: Path) -> Path:
    src = tmp_path / 'B-mode-and-CEUS-Liver'
    one = dict(PatientSex='F', PatientAge='057Y', StudyDate='20100102')
    dicom(src / 'LiverUS-01/study/series/1-10.dcm', 'LiverUS-01', '1', 10, **one)
    dicom(src / 'LiverUS-01/study/series/1-2.dcm', 'LiverUS-01', '1', 2, frames=1, **one)
    dicom(src / 'LiverUS-01/study/series/1-3.dcm', 'LiverUS-01', '1', 3, frames=5, **one)
    dicom(src / 'LiverUS-01/study/series/1-4.dcm', 'LiverUS-01', '1', 4, pixels=False, **one)
    dicom(src / 'LiverUS-02/later/series/1-1.dcm', 'LiverUS-02', '3', 1, frames=2, StudyDate='20110101')
    dicom(src / 'LiverUS-02/first/series/1-1.dcm', 'LiverUS-02', '2', 1, StudyDate='20090101', PatientAge='018M')
    return src


def test_tcia_ceus_liver_by_study(liver: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'labels.csv').write_text('Patient ID;Diagnosis\nLiverUS-01;HCC\nLiverUS-02;hemangioma\n')
    rows = convert('tcia_ceus_liver', liver, tmp_path / 'out', '--labels', str(tmp_path / 'labels.csv'))
    series = 'files/LiverUS-01/study/series'
    assert rows[0] == dict(
        case_id='LiverUS-01', patient_id='LiverUS-01', label='HCC', bus=f'{series}/1-2.dcm;{series}/1-10.dcm',
        dceus=f'{series}/1-3.dcm', age='57', sex='F',
    )  # fmt: skip
    assert [(r['case_id'], r['patient_id'], r['label'], r['bus'] != '', r['age']) for r in rows[1:]] == [
        ('LiverUS-02-1', 'LiverUS-02', 'hemangioma', True, '1'),
        ('LiverUS-02-2', 'LiverUS-02', 'hemangioma', False, ''),
    ]
    out = capsys.readouterr().out
    for note in ('1 DICOM files without pixels were left out', '1 cases have no bus', '1 cases have no dceus'):
        assert f'note: {note}' in out
    assert problems(tmp_path / 'out') == []


def test_tcia_ceus_liver_without_labels(liver: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = convert('tcia_ceus_liver', liver, tmp_path / 'out', '--link')
    assert {row['label'] for row in rows} == {''}
    assert (tmp_path / 'out/files/LiverUS-01/study/series/1-3.dcm').is_symlink()
    assert '3 cases have no label' in capsys.readouterr().out


def test_tcia_ceus_liver_names_a_bad_file(liver: Path) -> None:
    bad = liver / 'LiverUS-03/study/series/1-1.dcm'
    dicom(bad, '', '9', 1)
    with pytest.raises(DataError, match=r'a DICOM file without a patient id \(file .*LiverUS-03.*1-1.dcm'):
        converter('tcia_ceus_liver').convert(liver)
    bad.write_bytes(b'<html>not found</html>')
    with pytest.raises(DataError, match=r'no readable DICOM file .*LiverUS-03.*1-1.dcm'):
        converter('tcia_ceus_liver').convert(liver)
