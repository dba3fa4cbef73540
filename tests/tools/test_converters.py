"""Every converter on a small tree of its layout, and on the real files where they are."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pydicom
import pytest
from mmengine.config import Config
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from usmm.case import Schema
from usmm.datasets.case_table import CaseTable
from usmm.readers import DataError

FOLDER = Path(__file__).resolve().parents[2] / 'tools' / 'dataset_converters'


def converter(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f'{name}.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def convert(name: str, src: Path, out: Path, *options: str) -> list[dict[str, str]]:
    assert converter(name).main([str(src), str(out), *options]) == 0
    with (out / 'cases.csv').open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def problems(out: Path) -> list[str]:
    """What the case table's own reader finds wrong, with the settings that the converter wrote."""
    config = Config.fromfile(out / 'schema.py')
    classes = tuple(config.classes) if len(config.classes) > 1 else ('a', 'b')
    table = CaseTable.read(out / 'cases.csv', Schema.of(config.schema.to_dict()), classes)
    return [str(problem) for problem in table.problems]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(path).encode())
    return path


# --- BrEaST ----------------------------------------------------------------------------------------------------------

BREAST = dict(
    CaseID=1, Image_filename='case001.png', Mask_tumor_filename='case001_tumor.png',
    Mask_other_filename='case001_other1.png&case001_other2.png', Pixel_size=0.0078125, Age=57,
    Tissue_composition='lactating&homogeneous: fat', Signs='redness&warmth', Symptoms='HRT/hormonal contraception',
    Shape='oval', Margin='not circumscribed - angular&indistinct', Echogenicity='complex cystic/solid',
    Posterior_features='no', Halo='no', Calcifications='in a mass', Skin_thickening='yes',
    Interpretation='Suspicion of malignancy&Fibroadenoma', BIRADS=2, Verification='confirmed by biopsy',
    Diagnosis='not applicable', Classification='benign',
)  # fmt: skip
NORMAL = BREAST | dict(
    CaseID=2, Image_filename='case002.png', Mask_tumor_filename=None, Mask_other_filename=None, Age='not available',
    Tissue_composition='lactating', Signs='not available', Symptoms='no', Shape='not applicable',
    Margin='not applicable', Echogenicity='not applicable', Posterior_features='not applicable', Halo='not applicable',
    BIRADS='4a', Calcifications='not applicable', Interpretation='not applicable', Classification='normal',
)  # fmt: skip


def breast(folder: Path, *rows: dict[str, object]) -> Path:
    for name in ('case001', 'case001_tumor', 'case001_other1', 'case001_other2', 'case002'):
        touch(folder / 'images' / f'{name}.png')
    pd.DataFrame(rows).to_excel(folder / 'clinical.xlsx', index=False)
    return folder


def test_breast_types_every_column(tmp_path: Path) -> None:
    one, two = convert('breast_lesions_usg', breast(tmp_path / 'src', BREAST, NORMAL), tmp_path / 'out')
    assert one == dict(
        case_id='case001', patient_id='case001', label='benign', bus='files/case001.png',
        bus_mask='files/case001_tumor.png', other_mask='files/case001_other1.png;files/case001_other2.png', age='57',
        tissue='homogeneous: fat', lactating='yes', palpable='no', skin_retraction='no', nipple_retraction='no',
        redness='yes', warmth='yes', peau_d_orange='no', breast_scar='no', family_history='no', personal_history='no',
        hormones='yes', nipple_discharge='no', breast_injury='no', pixel_size='0.078125', margin='not circumscribed',
        margin_indistinct='yes', margin_angular='yes', margin_microlobulated='no', margin_spiculated='no', shape='oval',
        echogenicity='complex cystic/solid', posterior_features='no', halo='no', calcifications='in a mass',
        skin_thickening='yes', suspicion='yes', birads='2', verification='confirmed by biopsy',
        interpretation='Suspicion of malignancy&Fibroadenoma', diagnosis='',
    )  # fmt: skip
    empty = [
        'bus_mask',
        'other_mask',
        'age',
        'tissue',
        'palpable',
        'breast_scar',
        'margin',
        'margin_angular',
        'shape',
        'halo',
    ]
    assert [two[name] for name in empty] == [''] * len(empty)
    assert (two['lactating'], two['family_history'], two['birads'], two['label']) == ('yes', 'no', '4a', 'normal')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (
            dict(Image_filename='case009.png'),
            r"'case009.png' of the spreadsheet is missing \(file .*case009.png, case case009",
        ),
        (dict(Signs='wings'), r"expected terms among .*got \['wings'\] \(file .*clinical.xlsx, case case001"),
        (dict(Shape='square'), r"expected shape among .*'irregular'\], got 'square' \(file .*, case case001"),
        (dict(Tissue_composition='homogeneous: fat&homogeneous: fibroglandular'), 'expected one tissue composition'),
        (dict(Image_filename=None), r'a row without Image_filename \(file .*clinical.xlsx'),
    ],
)
def test_breast_refuses(tmp_path: Path, change: dict[str, object], words: str) -> None:
    src = breast(tmp_path / 'src', BREAST | change)
    with pytest.raises(DataError, match=words):
        converter('breast_lesions_usg').convert(src)


def test_breast_needs_its_spreadsheet_and_columns(tmp_path: Path) -> None:
    tool = converter('breast_lesions_usg')
    with pytest.raises(DataError, match=r'expected the folder of the data set, found none \(file .*nowhere'):
        tool.convert(tmp_path / 'nowhere')
    with pytest.raises(DataError, match=r'expected one spreadsheet \(XLSX\), found \[\]'):
        tool.convert(tmp_path)
    src = breast(tmp_path / 'src', {k: v for k, v in BREAST.items() if k != 'Age'})
    with pytest.raises(DataError, match=r"without \['Age'\] \(file .*clinical.xlsx"):
        tool.convert(src)


def test_a_bad_source_leaves_nothing_and_is_one_line(tmp_path: Path) -> None:
    src = breast(tmp_path / 'src', BREAST | dict(Image_filename='case009.png'))
    command = [sys.executable, str(FOLDER / 'breast_lesions_usg.py'), str(src), str(tmp_path / 'made' / 'out')]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: the file 'case009.png' of the spreadsheet is missing")
    assert not (tmp_path / 'made').exists()


@pytest.mark.real
def test_breast_real(real_data: Path, tmp_path: Path) -> None:
    """Counts of the publication: 154 benign, 98 malignant, 4 normal without a mask; further masks for 7 cases."""
    rows = convert('breast_lesions_usg', real_data / 'breast_lesions_usg', tmp_path / 'out', '--link')
    assert Counter(row['label'] for row in rows) == dict(benign=154, malignant=98, normal=4)
    assert {row['label'] for row in rows if not row['bus_mask']} == {'normal'}
    assert sum(bool(row['bus_mask']) for row in rows) == 252
    assert sum(bool(row['other_mask']) for row in rows) == 7
    assert sum(len(row['other_mask'].split(';')) for row in rows if row['other_mask']) == 14
    assert sum(not row['age'] for row in rows) == 42
    assert Counter(row['palpable'] for row in rows) == {'yes': 47 + 3 + 2 + 2 + 2 + 1 + 1, '': 46, 'no': 256 - 46 - 58}
    assert Counter(row['birads'] for row in rows)['4a'] == 44
    assert len({row['patient_id'] for row in rows}) == 256
    assert problems(tmp_path / 'out') == []


# --- lung clips ------------------------------------------------------------------------------------------------------


def lung(folder: Path, text: str) -> Path:
    for line in text.splitlines():
        touch(folder / line.split(',')[0])
    (folder / 'clips.csv').write_text('file,label,patient,probe,license\n' + text)
    return folder


def test_lung_joins_clips_of_one_source(tmp_path: Path) -> None:
    text = (
        'Cov_study_v1.mov,COVID-19,,convex,CC\nCov_study_v2.mov,COVID-19,,convex,CC\nReg_study_v3.mov,regular,,convex,CC\n'
        'Reg_pat1Image_1.mpeg,regular,pat1,linear,CC\nReg_pat1Image_2.mpeg,regular,pat1,,CC\n'
        'Reg_Image_181602_trimmed_crop.mp4,regular,,convex,CC\nReg_Image_1817_crop.mp4,regular,,convex,CC\n'
        'Vir_or_Pneu_film_file4.mp4,Viral pneumonia,,linear,CC\nVir_film_file1.mp4,Viral pneumonia,,linear,CC\n'
    )
    rows = convert('lung_clips', lung(tmp_path / 'src', text), tmp_path / 'out')
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(row['patient_id'], []).append(index)
    assert sorted(groups.values()) == [[0, 1], [2], [3, 4], [5, 6], [7, 8]]
    assert rows[2]['patient_id'] == 'Reg_study_v3'
    assert [row['disease'] for row in rows] == ['yes', 'yes', 'no', 'no', 'no', 'no', 'no', 'yes', 'yes']
    assert tuple(Config.fromfile(tmp_path / 'out/schema.py').classes) == ('regular', 'COVID-19', 'Viral pneumonia')
    assert problems(tmp_path / 'out') == []


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (',regular,,convex,CC\n', r'a row without a file \(file .*clips.csv'),
        ('a.mov,,,convex,CC\n', r'a clip without a label \(file .*clips.csv, case a'),
    ],
)
def test_lung_refuses(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / 'clips.csv').write_text('file,label,patient,probe,license\n' + text)
    with pytest.raises(DataError, match=words):
        converter('lung_clips').convert(tmp_path)


def test_lung_needs_its_table_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r'expected clips\.csv in the folder of the clips'):
        converter('lung_clips').convert(tmp_path)
    src = lung(tmp_path / 'src', 'a.mov,regular,,convex,CC\nb.mov,regular,,convex,CC\n')
    (src / 'b.mov').rename(src / 'c.mov')
    assert converter('lung_clips').main([str(src), str(tmp_path / 'out')]) == 1
    assert 'the file is missing' in capsys.readouterr().err
    (src / 'b.mov').write_bytes(b'b')
    assert converter('lung_clips').main([str(src), str(tmp_path / 'out')]) == 0
    assert "1 clips are not in clips.csv and were left out: 'c.mov'" in capsys.readouterr().out


@pytest.mark.real
def test_lung_real(real_data: Path, tmp_path: Path) -> None:
    rows = convert('lung_clips', real_data / 'lung_clips', tmp_path / 'out', '--link')
    assert len(rows) == 44
    with (real_data / 'lung_clips/clips.csv').open() as stream:
        source = list(csv.DictReader(stream))
    for row, given in zip(rows, source, strict=True):
        assert row['label'] == given['label']
        assert not given['patient'] or row['patient_id'] == given['patient']
    patient = {row['case_id']: row['patient_id'] for row in rows}
    # seen by eye: two cuts of one film
    assert patient['Vir_prospective_file1'] == patient['Vir_or_Pneu_prospective_file4']
    assert patient['Vir_prospective_file1'] != patient['Pneu_prospective_file3']
    for name in set(patient.values()):
        assert len({row['label'] for row in rows if row['patient_id'] == name}) == 1
    assert problems(tmp_path / 'out') == []


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
