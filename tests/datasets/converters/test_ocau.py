"""The converter of OCAU, abdominal organs: three layouts, on small trees in its layout."""

from __future__ import annotations

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from usmm.readers import DataError

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
area = HELP['area']
convert = HELP['convert']
converter = HELP['converter']
picture = HELP['picture']
settings = HELP['settings']


def test_ocau_named_by_organ(tmp_path: Path) -> None:
    for name in ('train/liver-0000', 'train/liver-0001', 'train/spleen-0000', 'test/liver-0050', 'test/bowel-0051'):
        picture(tmp_path / f'src/USAnotAI-master/{name}.png')
    rows = convert('ocau', tmp_path / 'src', tmp_path / 'out')
    assert [(r['case_id'], r['label'], r['split']) for r in rows] == [
        ('train-liver-0000', 'liver', 'train'), ('train-liver-0001', 'liver', 'train'),
        ('train-spleen-0000', 'spleen', 'train'), ('test-bowel-0051', 'bowel', 'test'),
        ('test-liver-0050', 'liver', 'test'),
    ]  # fmt: skip
    assert len({row['patient_id'] for row in rows}) == 5
    config = settings(tmp_path / 'out')
    assert tuple(config.classes) == ('bowel', 'liver', 'spleen') and config.schema.split == 'split'


@pytest.mark.parametrize('part', ['', 'train/'])
def test_ocau_folder_per_organ(tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ('Kidney/1.png', 'Kidney/2.jpg', 'Aorta/1.png'):
        picture(tmp_path / f'src/{part}{name}')
    (tmp_path / f'src/{part}Aorta/9.png').write_bytes((tmp_path / f'src/{part}Aorta/1.png').read_bytes())
    rows = convert('ocau', tmp_path / 'src', tmp_path / 'out')
    assert [row['label'] for row in rows] == ['aorta', 'aorta', 'kidney', 'kidney']
    assert rows[0]['patient_id'] == rows[1]['patient_id'] != rows[2]['patient_id']
    assert ('split' in settings(tmp_path / 'out').schema) == bool(part)
    assert 'the same file, taken as one patient' in capsys.readouterr().out


def paint(path: Path, *parts: tuple[tuple[int, int, int], int], size: tuple[int, int] = (40, 30)) -> None:
    """An annotation: (RGB, rows) from the top."""
    pixels, row = np.zeros((size[1], size[0], 3), np.uint8), 0
    for colour, rows in parts:
        pixels[row : row + rows] = colour
        row += rows
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])


@pytest.fixture
def simulated(tmp_path: Path) -> Path:
    root = tmp_path / 'src/abdominal_US/abdominal_US'
    for name in ('AUS/images/train/ct1-1', 'AUS/images/train/ct1-2', 'AUS/images/test/ct2-1', 'RUS/images/test/s-1',
                 'RUS/images/train/s-7'):  # fmt: skip
        picture(root / f'{name}.jpg')
    paint(root / 'AUS/annotations/train/ct1-1.png', ((100, 0, 100), 12), ((255, 255, 0), 3), ((255, 0, 0), 15))
    paint(root / 'AUS/annotations/train/ct1-2.png', ((255, 0, 255), 4))
    paint(root / 'AUS/annotations/test/ct2-1.png', ((255, 0, 0), 4), ((255, 255, 255), 4))
    paint(root / 'RUS/annotations/test/s-1.png', ((0, 255, 0), 5))
    return tmp_path / 'src'


def test_ocau_with_coloured_annotations(simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = convert('ocau', simulated, tmp_path / 'out')
    assert [(r['case_id'], r['patient_id'], r['label'], r['split']) for r in rows] == [
        ('AUS-train-ct1-1', 'AUS-train-ct1', 'liver', 'train'), ('AUS-train-ct1-2', 'AUS-train-ct1', 'spleen', 'train'),
        ('RUS-test-s-1', 'RUS-test-s', 'gallbladder', 'test'),
    ]  # fmt: skip
    assert [area(tmp_path / 'out', row['bus_mask']) for row in rows] == [12 * 40, 4 * 40, 5 * 40]
    settings(tmp_path / 'out')
    out = capsys.readouterr().out
    # one has vessels and bones only, one has no annotation
    assert "2 images have no annotation of an organ and were left out: 'AUS-test-ct2-1', 'RUS-train-s-7'" in out


def test_ocau_refuses_or_leaves_out(simulated: Path, tmp_path: Path) -> None:
    marked = simulated / 'abdominal_US/abdominal_US/AUS/annotations/train/ct1-2.png'
    paint(marked, ((255, 0, 255), 4), size=(20, 20))
    words = r'an annotation of \(20, 20\) pixels for an image of \(40, 30\) \(file .*ct1-2.png, case AUS-train-ct1-2'
    with pytest.raises(DataError, match=words):
        converter('ocau').convert(simulated)
    assert len(converter('ocau').convert(simulated, skip_bad=True).rows) == 2
    marked.write_bytes(b'no picture')
    with pytest.raises(DataError, match=r'\(file .*annotations/train/ct1-2.png, case AUS-train-ct1-2'):
        converter('ocau').convert(simulated)
    for name in ('train/heart-0001', 'train/a/b/1'):
        picture(tmp_path / 'other' / f'{name}.png')
        with pytest.raises(DataError, match=r'expected liver-0000.png, of .*, or a folder an organ \(file .*'):
            converter('ocau').convert(tmp_path / 'other')
