"""The converter of AULI, liver: class folders with outlines as JSON, on small trees in its layout."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from usmm.readers import DataError, read_mask

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
SQUARE = HELP['SQUARE']
area = HELP['area']
convert = HELP['convert']
converter = HELP['converter']
picture = HELP['picture']
settings = HELP['settings']
write = HELP['write']


@pytest.fixture
def auli(tmp_path: Path) -> Path:
    root = tmp_path / 'auli'
    for folder in ('Benign/Benign', 'Malignant', 'Normal'):  # an archive unpacked into a folder of its own name
        picture(root / folder / 'image/1.jpg')
        write(root / folder / 'segmentation/outline/1.json', [[0, 0], [39, 0], [39, 29], [0, 29]])
        if folder != 'Normal':
            write(root / folder / 'segmentation/mass/1.json', SQUARE)
    picture(root / 'Malignant/image/2.jpg')
    write(root / 'Malignant/segmentation/mass/2.json', [SQUARE, [[10, 10], [19, 10], [19, 19], [10, 19]]])
    write(root / 'Normal/segmentation/liver/1.json', [[0.4, 0.2], [19.6, 0.2], [19.6, 9.7], [0.4, 9.7]])
    write(root / '__MACOSX/Normal/image/._1.jpg', 'x')
    return root


def test_auli(auli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = convert('auli', auli, tmp_path / 'out')
    assert [(r['case_id'], r['label']) for r in rows] == [
        ('benign-1', 'benign'), ('malignant-1', 'malignant'), ('malignant-2', 'malignant'), ('normal-1', 'normal'),
    ]  # fmt: skip
    assert len({row['patient_id'] for row in rows}) == 4
    assert rows[0]['bus'] == 'files/Benign/Benign/image/1.jpg'
    assert rows[0]['bus_mask'] == 'made/bus_mask/benign-1.png' and rows[3]['bus_mask'] == ''
    assert area(tmp_path / 'out', rows[0]['bus_mask']) == 100
    assert area(tmp_path / 'out', rows[2]['bus_mask']) == 100 + 100 - 25  # two masses that share 5 x 5
    assert area(tmp_path / 'out', rows[3]['liver_mask']) == 21 * 11  # rounded to whole pixels
    assert read_mask(tmp_path / 'out' / rows[0]['bus_mask']).shape == (30, 40)
    assert tuple(settings(tmp_path / 'out').classes) == ('benign', 'malignant', 'normal')
    out = capsys.readouterr().out
    assert "3 images have no outline of the liver: 'benign-1', 'malignant-1', 'malignant-2'" in out
    assert 'outline of the mass' not in out


def test_auli_names_contradictions(auli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(auli / 'Normal/segmentation/mass/1.json', SQUARE)
    (auli / 'Malignant/segmentation/mass/1.json').unlink()
    convert('auli', auli, tmp_path / 'out', '--link')
    out = capsys.readouterr().out
    assert "1 normal images have a mass: 'normal-1'" in out
    assert "1 images have no outline of the mass: 'malignant-1'" in out
    assert (tmp_path / 'out/files/Normal/image/1.jpg').is_symlink()


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{', r'no readable JSON .*\(file .*mass/1.json, case malignant-1'),
        ('[' * 100_000, 'no readable JSON'),
        ('"mass"', 'expected an outline of at least three points'),
        ('[]', 'expected an outline of at least three points'),
        ('[[1, 2], [3, 4]]', 'expected an outline of at least three points'),
        ('[[1, 2], [3, 4], [5, "6"]]', 'expected an outline of at least three points'),
        ('[[1, 2], [3, 4], [5, NaN]]', r'no readable JSON \(it has NaN, which is no number\)'),
        ('[[1, 2], [3, 4], [5, true]]', 'expected an outline of at least three points'),
        ('[[1, 2], [3, 4], [5, 1e999]]', r'no readable JSON \(it has the number 1e999, which is not finite\)'),
        ('[{"x": 1}, {"x": 2}]', 'expected an outline of at least three points'),
        ('[[1, 2], [3, 4], [5, 99999]]', r'an outline from \[1, 2, 5, 99999\] lies outside of the image of \(40, 30\)'),
        ('[[50, 2], [60, 2], [60, 9]]', r'an outline from \[50, 2, 60, 9\] lies outside of the image'),
    ],
)
def test_auli_refuses_or_leaves_out(auli: Path, text: str, words: str) -> None:
    write(auli / 'Malignant/segmentation/mass/1.json', text)
    with pytest.raises(DataError, match=words):
        converter('auli').convert(auli)
    found = converter('auli').convert(auli, skip_bad=True)
    assert [row['case_id'] for row in found.rows] == ['benign-1', 'malignant-2', 'normal-1']
    assert found.notes[-1].startswith('left out: ') and 'case malignant-1' in found.notes[-1]


def test_auli_needs_its_folders_and_text(auli: Path) -> None:
    (auli / 'Malignant/segmentation/mass/1.json').write_bytes(b'\xff\xfe[')
    with pytest.raises(DataError, match=r'is no UTF-8 text .*case malignant-1'):
        converter('auli').convert(auli)
    (auli / 'Malignant/segmentation/mass/1.json').write_bytes(b' ' * (4 * 2**20 + 1))
    with pytest.raises(DataError, match=r'more than 4194304 bytes of outlines .*case malignant-1'):
        converter('auli').convert(auli)
    (auli / 'Malignant/segmentation/mass/1.json').unlink()
    (auli / 'Normal').rename(auli / 'Healthy')
    with pytest.raises(DataError, match='expected one folder Normal/image, found 0'):
        converter('auli').convert(auli)
