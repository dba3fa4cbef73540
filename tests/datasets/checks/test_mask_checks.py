"""Masks that cannot be those of a lesion, or are those of another patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets.checks.file_facts import FileFacts, Look, examine
from usmm.datasets.checks.mask_checks import mask_problems, same_masks
from usmm.structures import Case

SIZE = (40, 50)


def mask(path: Path, rows: int) -> Path:
    """A mask whose first rows are set."""
    pixels = np.zeros(SIZE, np.uint8)
    pixels[:rows] = 255
    Image.fromarray(pixels).save(path)
    return path


def picture(path: Path) -> Path:
    """A picture of which a quarter is black, as beside the sector of a curved probe."""
    pixels = np.random.default_rng(0).integers(1, 255, SIZE, dtype=np.uint8)
    pixels[:10] = 0
    Image.fromarray(pixels).save(path)
    return path


def examined(*cases: Case) -> dict[tuple[Path, str], FileFacts]:
    files = [(f, 'image') for case in cases for of in case.files.values() for f in of]
    files += [(f, 'mask') for case in cases for of in case.mask_files.values() for f in of]
    return {(path, role): examine(path, role, Look(digests=True)) for path, role in files}


def case_of(folder: Path, name: str, patient: str, masks: tuple[Path, ...]) -> Case:
    return Case(name, patient, files={'bus': (picture(folder / f'{name}.png'),)}, mask_files={'bus': masks})


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [(0, ['the mask marks no lesion']), (38, []), (39, ['the mask marks 97.5 % of its pixels']), (20, [])],
)
def test_a_mask_of_everything_or_nothing(tmp_path: Path, rows: int, expected: list[str]) -> None:
    case = case_of(tmp_path, 'a', 'p', (mask(tmp_path / 'm.png', rows),))
    problems = list(mask_problems(case, examined(case), {'bus'}))
    assert [problem.message for problem in problems] == expected


@pytest.mark.parametrize('how', ['the file', 'a copy of it', 'its pixels'])
def test_a_mask_that_is_the_picture_itself(tmp_path: Path, how: str) -> None:
    path = picture(tmp_path / 'a.png')
    if how == 'a copy of it':
        path = tmp_path / 'copy.png'
        path.write_bytes((tmp_path / 'a.png').read_bytes())
    elif how == 'its pixels':
        path = tmp_path / 'again.bmp'
        Image.open(tmp_path / 'a.png').convert('RGB').save(path)
    case = case_of(tmp_path, 'a', 'p', (path,))
    (problem,) = mask_problems(case, examined(case), {'bus'})
    assert (problem.kind, problem.message) == ('mask_full', 'the mask is the picture a.png itself')


def test_a_mask_that_pictures_need_a_window_for_is_read_all_the_same(tmp_path: Path) -> None:
    Image.fromarray(np.ones(SIZE, np.float32)).save(tmp_path / 'm.tif')
    fact = examine(tmp_path / 'm.tif', 'mask')
    assert fact.error is None and fact.lesion == 40 * 50 and fact.content == ''


def test_equal_masks_of_several_patients_are_one_problem_of_a_modality(tmp_path: Path) -> None:
    shared = mask(tmp_path / 'shared.png', 5)
    mask(tmp_path / 'copy.png', 5).rename(tmp_path / 'copy.bmp')
    cases = [
        case_of(tmp_path, 'a', 'p0', (shared,)),
        case_of(tmp_path, 'b', 'p0', (shared,)),
        case_of(tmp_path, 'c', 'p1', (tmp_path / 'copy.bmp', mask(tmp_path / 'mc.png', 7))),
        case_of(tmp_path, 'd', 'p2', (mask(tmp_path / 'md.png', 9),)),
        case_of(tmp_path, 'e', 'p3', (mask(tmp_path / 'me.png', 0),)),
        case_of(tmp_path, 'f', 'p4', (mask(tmp_path / 'mf.png', 0),)),
    ]
    (problem,) = same_masks(cases, examined(*cases))
    assert (problem.kind, problem.case_id, problem.modality) == ('same_mask', None, 'bus')
    assert problem.message == (
        '3 masks of 2 patients are equal to a mask of another patient, such as shared.png of case a and copy.bmp of '
        'case c'
    )
    assert list(same_masks(cases[:2], examined(*cases))) == [], 'one patient may have one mask for two cases'
