"""The converter of DDTI, thyroid: images with XML reports, on small trees in its layout."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from usmm.readers import DataError

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
SQUARE = HELP['SQUARE']
area = HELP['area']
convert = HELP['convert']
converter = HELP['converter']
picture = HELP['picture']
settings = HELP['settings']
write = HELP['write']


BOMB = '<!DOCTYPE case [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><case><number>&b;</number></case>'
LEAK = '<!DOCTYPE case [<!ENTITY x SYSTEM "file:///etc/passwd">]><case><number>1</number><age>&x;</age></case>'


def points(*pairs: tuple[float, float]) -> dict[str, Any]:
    return {'points': [{'x': x, 'y': y} for x, y in pairs], 'annotation': {}, 'regionType': 'freehand'}


def report(number: str = '1', tirads: str = '4a', marks: str = '', **more: str) -> str:
    fields = dict(age='50', sex='F', composition='solid', margins='ill defined') | more
    text = ''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())
    return f'<case><number>{number}</number>{text}<tirads>{tirads}</tirads>{marks}</case>'


def mark(image: str, *outlines: dict[str, Any]) -> str:
    return f'<mark><image>{image}</image><svg>{json.dumps(list(outlines)) if outlines else ""}</svg></mark>'


@pytest.fixture
def ddti(tmp_path: Path) -> Path:
    root = tmp_path / 'ddti'
    for name in ('1_1', '1_2', '2_1', '10_1'):
        picture(root / f'{name}.jpg')
    square, other = points(*SQUARE), points((20, 5), (29, 5), (29, 14), (20, 14))
    write(root / '1.xml', report(marks=mark('1', square, other) + mark('2', square)))
    write(root / '2.xml', report('2', '3', mark('1'), age='', composition='predominantly cystic', sex='M'))
    write(root / '10.xml', report('10', '', mark('1', square)))
    return root


def test_ddti(ddti: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = convert('ddti', ddti, tmp_path / 'out')
    assert [(r['case_id'], r['patient_id'], r['label'], r['tirads'], r['age']) for r in rows] == [
        ('1-1', '1', 'malignant', '4a', '50'), ('1-2', '1', 'malignant', '4a', '50'), ('2-1', '2', 'benign', '3', ''),
        ('10-1', '10', 'unknown', '', '50'),
    ]  # fmt: skip
    assert area(tmp_path / 'out', rows[0]['bus_mask']) == 200 and area(tmp_path / 'out', rows[1]['bus_mask']) == 100
    assert rows[2]['bus_mask'] == '' and rows[0]['bus'] == 'files/1_1.jpg'
    config = settings(tmp_path / 'out')
    assert tuple(config.classes) == ('benign', 'malignant')
    assert [variable.name for variable in config.schema.clinical] == ['age', 'sex']
    text = (tmp_path / 'out/schema.py').read_text()
    assert "#   dict(name='tirads', values=('3', '4a'))" in text and "'predominantly cystic'" in text
    out = capsys.readouterr().out
    assert "1 images have no TI-RADS, so their label is unknown: '10-1'" in out
    assert "1 images have no outline: '2-1'" in out


def test_ddti_keeps_the_category_and_counts_images_without_a_report(
    ddti: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(ddti / '77_1.jpg')
    rows = convert('ddti', ddti, tmp_path / 'out', '--label', 'tirads')
    assert [row['label'] for row in rows] == ['4a', '4a', '3', 'unknown']
    assert "1 images have no XML and were left out: '77_1.jpg'" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"label must be one of \['malignancy', 'tirads'\], got 'acr'"):
        converter('ddti').convert(ddti, 'acr')


@pytest.mark.parametrize(
    ('tirads', 'label'),
    [
        ('2', 'benign'),
        ('3', 'benign'),
        ('4A', 'malignant'),
        ('4b', 'malignant'),
        ('4c', 'malignant'),
        ('5', 'malignant'),
    ],
)
def test_ddti_categories(ddti: Path, tirads: str, label: str) -> None:
    write(ddti / '2.xml', report('2', tirads))
    assert converter('ddti').convert(ddti).rows[2]['label'] == label


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (BOMB, r'no XML that is safe to read .*\(file .*2.xml, case 2'),
        (LEAK, r'no XML that is safe to read .*\(file .*2.xml, case 2'),
        ('<case>', 'no XML that is safe to read'),
        (report('3'), r"the report is of patient '3' \(file .*2.xml, case 2"),
        (report('2', '6'), r"expected a TI-RADS of .*got '6' \(file .*2.xml, case 2"),
        (report('2', age='old'), "expected an age in years, got 'old'"),
        (report('2', composition='=cmd|calc'), r"would run as a formula: '=cmd\|calc' \(file .*2.xml, case 2"),
        (report('2', marks=mark('../1', points(*SQUARE))), r"expected the number of an image in a mark, got '../1'"),
        (report('2', marks=mark('9', points(*SQUARE))), r"the images \['9'\] are missing \(file .*2.xml, case 2"),
        (report('2', marks='<mark><image>1</image><svg>[{]</svg></mark>'), r'no readable JSON .*2.xml, case 2-1'),
        (report('2', marks=mark('1', points((1, 2)))), r'at least three points .*2.xml, case 2-1'),
        (report('2', marks=mark('1', points((50, 2), (60, 2), (60, 9)))), r'lies outside .*2.xml, case 2-1'),
    ],
)
def test_ddti_refuses_or_leaves_out(ddti: Path, text: str, words: str) -> None:
    write(ddti / '2.xml', text)
    with pytest.raises(DataError, match=words):
        converter('ddti').convert(ddti)
    found = converter('ddti').convert(ddti, skip_bad=True)
    assert [row['case_id'] for row in found.rows] == ['1-1', '1-2', '10-1']
    assert found.notes[-1].startswith('left out: ')


def test_ddti_needs_images_of_its_names(ddti: Path) -> None:
    (ddti / '2_1.jpg').unlink()
    with pytest.raises(DataError, match=r"the images \['1'\] are missing \(file .*2.xml, case 2"):
        converter('ddti').convert(ddti)
    write(ddti / '2.xml', report('2'))
    with pytest.raises(DataError, match=r'the images of this report are missing \(file .*2.xml, case 2'):
        converter('ddti').convert(ddti)
    picture(ddti / 'scan.jpg')
    with pytest.raises(DataError, match=r'expected a name like 1_2.jpg, patient and image \(file .*scan.jpg'):
        converter('ddti').convert(ddti)
