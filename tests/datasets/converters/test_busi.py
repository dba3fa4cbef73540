"""The converter of BUSI, breast: class folders with masks, on small trees in its layout."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from usmm.readers import DataError

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
area = HELP['area']
convert = HELP['convert']
converter = HELP['converter']
mask = HELP['mask']
picture = HELP['picture']
settings = HELP['settings']


@pytest.fixture
def busi(tmp_path: Path) -> Path:
    root = tmp_path / 'busi/Dataset_BUSI_with_GT'
    for name in ('benign/benign (1)', 'benign/benign (10)', 'malignant/malignant (2)', 'normal/normal (1)'):
        picture(root / f'{name}.png')
    mask(root / 'benign/benign (1)_mask.png', (0, 0, 4, 5))
    mask(root / 'benign/benign (10)_mask.png', (0, 0, 4, 5))
    mask(root / 'benign/benign (10)_mask_1.png', (2, 0, 8, 5))
    mask(root / 'malignant/malignant (2)_mask.png', (1, 1, 3, 3))
    mask(root / 'normal/normal (1)_mask.png')
    return tmp_path / 'busi'


@pytest.mark.parametrize('inner', ['', 'Dataset_BUSI_with_GT'])
def test_busi(busi: Path, tmp_path: Path, inner: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = convert('busi', busi / inner, tmp_path / 'out')
    assert [(r['case_id'], r['patient_id'], r['label']) for r in rows] == [
        ('benign-1', 'benign-1', 'benign'), ('benign-10', 'benign-10', 'benign'),
        ('malignant-2', 'malignant-2', 'malignant'), ('normal-1', 'normal-1', 'normal'),
    ]  # fmt: skip
    assert rows[0]['bus'] == 'files/benign/benign (1).png'
    assert rows[0]['bus_mask'] == 'files/benign/benign (1)_mask.png'
    assert rows[1]['bus_mask'] == 'made/bus_mask/benign-10.png' and rows[3]['bus_mask'] == ''
    assert area(tmp_path / 'out', rows[1]['bus_mask']) == 8 * 5  # 4 x 5 and 6 x 5, which share 2 x 5
    assert tuple(settings(tmp_path / 'out').classes) == ('benign', 'malignant', 'normal')
    assert "1 images have several masks, which were united: 'benign (10).png'" in capsys.readouterr().out


def test_busi_names_what_is_left_over_and_joins_equal_files(
    busi: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = busi / 'Dataset_BUSI_with_GT'
    (root / 'malignant/malignant (3).png').write_bytes((root / 'benign/benign (1).png').read_bytes())
    mask(root / 'benign/benign (99)_mask.png', (0, 0, 2, 2))
    rows = {row['case_id']: row for row in convert('busi', busi, tmp_path / 'out')}
    assert rows['malignant-3']['patient_id'] == rows['benign-1']['patient_id'] == 'benign-1'
    out = capsys.readouterr().out
    assert "the same file, taken as one patient: 'benign-1', 'malignant-3'; labelled benign and malignant" in out
    assert "1 masks belong to no image: 'benign (99)_mask.png'" in out
    assert "1 images have no mask: 'malignant (3).png'" in out


def busi_name(root: Path) -> None:
    picture(root / 'benign/scan.png')


def busi_class(root: Path) -> None:
    picture(root / 'benign/malignant (4).png')


def busi_size(root: Path) -> None:
    mask(root / 'benign/benign (1)_mask_1.png', (0, 0, 2, 2), size=(20, 20))


def busi_normal(root: Path) -> None:
    mask(root / 'normal/normal (1)_mask.png', (0, 0, 2, 2))


def busi_image(root: Path) -> None:
    (root / 'benign/benign (1).png').write_bytes(b'<html>not found</html>')


def busi_mask(root: Path) -> None:
    (root / 'benign/benign (1)_mask.png').write_bytes(b'')


@pytest.mark.parametrize(
    ('spoil', 'words', 'left'),
    [
        (busi_name, r"expected a name like 'benign \(1\).png' .*\(file .*scan.png", 4),
        (busi_class, r"expected a name like 'benign \(1\).png' .*\(file .*malignant \(4\).png", 4),
        (busi_size, r'a mask of \(20, 20\) pixels for an image of \(40, 30\) \(file .*mask_1.png, case benign-1', 3),
        (busi_normal, r'the mask of a normal image is not empty \(file .*, case normal-1', 3),
        (busi_image, r'\(file .*benign \(1\).png, case benign-1', 3),
        (busi_mask, r'\(file .*benign \(1\)_mask.png, case benign-1', 3),
    ],
)
def test_busi_refuses_or_leaves_out(busi: Path, spoil: Callable[[Path], None], words: str, left: int) -> None:
    spoil(busi / 'Dataset_BUSI_with_GT')
    with pytest.raises(DataError, match=words):
        converter('busi').convert(busi)
    found = converter('busi').convert(busi, skip_bad=True)
    assert len(found.rows) == left
    assert 'left out: ' in found.notes[-1]


def test_skipped_cases_are_named_at_the_end(busi: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    busi_image(busi / 'Dataset_BUSI_with_GT')
    assert converter('busi').main([str(busi), str(tmp_path / 'out')]) == 2
    assert 'case benign-1' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    assert len(convert('busi', busi, tmp_path / 'out', '--skip-bad')) == 3
    assert 'note: left out: ' in capsys.readouterr().out
