"""The converters of BrEaST and of the lung clips, on small trees and on the real files where they are."""

from __future__ import annotations

import csv
import runpy
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from mmengine.config import Config

from usmm.cli import main as cli
from usmm.datasets.case_table import CaseTable
from usmm.readers import DataError

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
convert = HELP['convert']
converter = HELP['converter']
problems = HELP['problems']
touch = HELP['touch']


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


def test_a_bad_source_leaves_nothing_and_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    src = breast(tmp_path / 'src', BREAST | dict(Image_filename='case009.png'))
    assert cli.main(['convert', 'breast_lesions_usg', str(src), str(tmp_path / 'made' / 'out')]) == 2
    assert capsys.readouterr().err.startswith("error: the file 'case009.png' of the spreadsheet is missing")
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
    # the columns that are no inputs by default are typed as well: every column of the table has its variable
    found = converter('breast_lesions_usg').convert(real_data / 'breast_lesions_usg')
    clinical = [*found.settings['schema']['clinical'], *[v for group in found.optional.values() for v in group]]
    schema = found.settings['schema'] | dict(clinical=clinical)
    table = CaseTable.read(tmp_path / 'out/cases.csv', schema, found.settings['classes'])
    assert table.problems == []
    files = ['case_id', 'patient_id', 'label', 'bus', 'bus_mask', 'other_mask']
    assert sorted([*files, *[v['name'] for v in clinical]]) == sorted(rows[0])


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
    assert converter('lung_clips').main([str(src), str(tmp_path / 'out')]) == 2
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
