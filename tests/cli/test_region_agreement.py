"""The command: folders of masks, tables of masks and boxes, observers and sessions."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from usmm.evaluation.stats.icc import icc
from usmm.readers import read_mask

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.region_agreement')


def disc(radius: float, shift: int = 0, size: tuple[int, int] = (80, 90)) -> np.ndarray:
    y, x = np.ogrid[: size[0], : size[1]]
    return (y - 40) ** 2 + (x - 40 - shift) ** 2 <= radius**2


def write_masks(folder: Path, masks: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in masks.items():
        cv2.imwrite(str(folder / name), mask.astype(np.uint8) * 255)
    return folder


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def content(out: Path) -> dict[str, Any]:
    return json.loads((out / 'agreement.json').read_text())


def cases(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / 'agreement.csv').open()))


FIRST = {f'c{r}.png': disc(r) for r in (8, 12, 16, 21)}
SECOND = {f'c{r}.png': disc(r + 2, 1) for r in (8, 12, 16, 21)}


def test_two_folders(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write_masks(tmp_path / 'x' / 'm', FIRST), write_masks(tmp_path / 'y' / 'm', SECOND)
    out = tmp_path / 'out'
    assert tool.main([str(a), str(b), '--out', str(out), '--spacing', '0.5', '0.2']) == 0
    rows = cases(out)
    assert [row['case_id'] for row in rows] == ['c12', 'c16', 'c21', 'c8']
    for row in rows:
        one, two = FIRST[f'{row["case_id"]}.png'], SECOND[f'{row["case_id"]}.png']
        assert (int(row['first_pixels']), int(row['second_pixels'])) == (one.sum(), two.sum())
        assert float(row['dice']) == pytest.approx(2 * (one & two).sum() / (one.sum() + two.sum()))
        assert float(row['first_mm2']) == pytest.approx(one.sum() * 0.1)
        assert float(row['distance_pixels']) == pytest.approx(1) and float(row['distance_mm']) == pytest.approx(0.2)
    table = [[FIRST[name].sum(), SECOND[name].sum()] for name in FIRST]
    found = content(out)['icc'][0]
    assert found['form'] == 'ICC(2,1) = ICC(A,1)' and found['estimate'] == pytest.approx(icc(table).estimate)
    assert found['drawings'] == [str(a), str(b)]  # of one name, so by their paths
    printed = capsys.readouterr().out
    assert 'ICC(2,1) = ICC(A,1)' in printed and 'report.html' in printed


@pytest.mark.parametrize('form', ['ICC(3,k)', 'ICC(C,k)'])
def test_a_table_of_masks_against_one_of_masks(tool: ModuleType, tmp_path: Path, form: str) -> None:
    write_masks(tmp_path / 'a', FIRST)
    write_masks(tmp_path / 'b', SECOND)
    tables = [write_table(tmp_path / f'{f}.csv', [dict(case_id=n, mask=f'{f}/{n}') for n in FIRST]) for f in 'ab']
    assert tool.main([*map(str, tables), '--out', str(tmp_path / 'out'), '--icc', form, '--limits', 'approximate']) == 0
    found = content(tmp_path / 'out')
    table = [[FIRST[name].sum(), SECOND[name].sum()] for name in FIRST]
    assert found['icc'][0]['estimate'] == pytest.approx(icc(table, form).estimate)
    assert found['comparisons'][0]['difference']['method'] == 'approximate, of Bland and Altman 1999'


def drawn_boxes() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(8):
        for who in ('Li', 'Meyer', 'Okafor'):
            for when in (1, 2):
                e = rng.integers(0, 4, 4)
                box = f'{10 + e[0]},{10 + e[1]},{40 + 9 * i + e[2]},{30 + 9 * i + e[3]}'
                rows.append(dict(case_id=f'n{i}', observer=who, session=when, box=box, spacing='0.1'))
    return rows


def test_observers_and_sessions_in_one_table(tool: ModuleType, tmp_path: Path) -> None:
    rows = drawn_boxes()
    assert tool.main([str(write_table(tmp_path / 'boxes.csv', rows)), '--out', str(tmp_path / 'out')]) == 0
    found = content(tmp_path / 'out')
    kinds = [(c['kind'], c['first'], c['second']) for c in found['comparisons']]
    people = ('Li', 'Meyer', 'Okafor')
    assert kinds[:3] == [('intra', f'{who} (session 1)', f'{who} (session 2)') for who in people]
    assert len(kinds) == 3 + 2 * 3 and kinds[3] == ('inter', 'Li (session 1)', 'Meyer (session 1)')
    # of three observers in one session, one coefficient
    assert [(r['kind'], len(r['drawings'])) for r in found['icc']] == [('intra', 2)] * 3 + [('inter', 3)] * 2
    area = {}
    for row in rows:
        x0, y0, x1, y1 = map(int, row['box'].split(','))
        area[row['case_id'], row['observer'], row['session']] = (x1 - x0) * (y1 - y0)
    expected = icc([[area[f'n{i}', who, 1] for who in people] for i in range(8)])
    assert found['icc'][3]['estimate'] == pytest.approx(expected.estimate)
    assert found['icc'][3]['ci95'] == pytest.approx(list(expected.ci))
    assert {c['cases'] for c in found['comparisons']} == {8}


def test_corners_in_columns_and_observers_alone(tool: ModuleType, tmp_path: Path) -> None:
    rows = [dict(case_id=f'c{i}', observer=who, x0=0, y0=0, x1=10 + i, y1=9 + shift)
            for i in range(4) for shift, who in enumerate('AB')]  # fmt: skip
    assert tool.main([str(write_table(tmp_path / 't.csv', rows)), '--out', str(tmp_path / 'out')]) == 0
    found = content(tmp_path / 'out')['comparisons']
    assert [(c['kind'], c['first'], c['second']) for c in found] == [('inter', 'A', 'B')]
    assert cases(tmp_path / 'out')[0]['first_pixels'] == '90.0'


def test_common_cases_alone_if_asked_for(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write_masks(tmp_path / 'a', FIRST), write_masks(tmp_path / 'b', {**SECOND, 'extra.png': disc(5)})
    assert tool.main([str(a), str(b)]) == 2
    assert '1 cases of b are not in a; --common leaves them out' in (error := capsys.readouterr().err)
    assert 'case extra' in error and str(a) in error
    assert tool.main([str(a), str(b), '--common', '--out', str(tmp_path / 'out')]) == 0
    assert len(cases(tmp_path / 'out')) == 4


def test_several_masks_of_a_case_are_one_region(tool: ModuleType, tmp_path: Path) -> None:
    write_masks(tmp_path, {'one.png': disc(6), 'two.png': disc(6, 20), 'big.png': disc(14)})
    for name, cell in (('a', 'one.png;two.png'), ('b', 'big.png')):
        write_table(tmp_path / f'{name}.csv', [dict(case_id=c, drawn=cell) for c in ('p', 'q')])
    files = [str(tmp_path / f'{n}.csv') for n in 'ab']
    assert tool.main([*files, '--column', 'drawn', '--out', str(tmp_path / 'out')]) == 0
    assert int(cases(tmp_path / 'out')[0]['first_pixels']) == (disc(6) | disc(6, 20)).sum()


def bad(tmp_path: Path, **cell: Any) -> str:
    """A table with two good boxes, the last changed."""
    rows = [dict(case_id='c1', box='0,0,5,5', spacing=''), dict(case_id='c2', box='1,1,9,9', spacing='')]
    rows[1].update(cell)
    return str(write_table(tmp_path / 'bad.csv', rows))


@pytest.mark.parametrize(
    ('cell', 'message'),
    [
        (dict(box='5,5,5,9'), r"a box is x0,y0,x1,y1 with x0 < x1 and y0 < y1, got '5,5,5,9' .*bad.csv, case c2"),
        (dict(box='1,2,3'), "a box is x0,y0,x1,y1"),
        (dict(box=''), 'has a row without a case id or a region .*case c2'),
        (dict(case_id='c1'), 'has two rows of bad.csv; several drawings of a case need .*case c1'),
        (dict(spacing='-1'), "spacing is one or two positive lengths in mm, got '-1' .*case c2"),
        (dict(box='absent.png'), 'absent.png'),
        (dict(box='empty.png'), r'the mask is empty: it has no pixel of a lesion .*empty.png, case c2'),
        (dict(box='small.png;wide.png'), r'masks of one case must be of one size, got \(80, 90\) and \(80, 99\)'),
        (dict(box='small.png'), 'a mask and a box cannot be compared: .*good.csv.* and .*case c2|small.png.*case c2'),
        (dict(spacing='0.2'), r'pixels must have one spacing, got None and \(0.2, 0.2\) \(case c2\)'),
    ],
)  # fmt: skip
def test_errors_name_file_and_case(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], cell: dict, message: str
) -> None:
    write_masks(tmp_path, {'small.png': disc(5), 'wide.png': disc(5, 0, (80, 99)), 'empty.png': disc(5) & False})
    good = write_table(tmp_path / 'good.csv', [dict(case_id=c, box='0,0,6,6') for c in ('c1', 'c2')])
    assert tool.main([str(good), bad(tmp_path, **cell)]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error


def test_masks_of_unequal_size(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write_masks(tmp_path / 'a', {'p.png': disc(5), 'q.png': disc(6)})
    b = write_masks(tmp_path / 'b', {'p.png': disc(5), 'q.png': disc(6, 0, (80, 99))})
    assert tool.main([str(a), str(b)]) == 2
    error = capsys.readouterr().err
    assert f'masks must be of one size, got (80, 90) in {a / "q.png"} and (80, 99) in {b / "q.png"} (case q)' in error


def test_sets_that_cannot_be_read(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = write_table(tmp_path / 'boxes.csv', drawn_boxes())
    plain = write_table(tmp_path / 'plain.csv', [dict(case_id=c, box='0,0,6,6') for c in ('c1', 'c2')])
    other = write_table(tmp_path / 'other.csv', [dict(case=1, box='0,0,6,6')])
    masks = write_masks(tmp_path / 'a', {'p.png': disc(5), 'p.bmp': disc(5)})
    for arguments, message in (
        ([plain], 'one table by itself needs two observers, or two sessions of one'),
        ([plain, boxes], f'holds several observers or sessions: give it as the only table (file {boxes})'),
        ([plain, plain], f'the two sets are the same: {plain}'),
        ([plain, other], "needs the columns case_id and 'mask', 'box' or x0, y0, x1, y1; it has ['case', 'box']"),
        ([plain, masks / 'p.png'], 'expected a folder of masks or a table'),
        ([plain, masks], 'has a second mask in'),
        ([masks, plain, '--pattern', '*_tumor.png'], "holds no image named '*_tumor.png'"),
        ([plain, other, '--spacing', '1', '2', '3'], '--spacing is one or two positive lengths in mm, got [1.0, 2.0'),
    ):  # fmt: skip
        assert tool.main([*map(str, arguments)]) == 2
        assert message in capsys.readouterr().err


def test_real_masks_dilated_by_a_known_step(tool: ModuleType, real_data: Path, tmp_path: Path) -> None:
    """BrEaST: the second set holds the first wholly, so Dice is 2 n / (n + N), IoU n / N, and the ratio is above 1."""
    source = next(real_data.glob('breast_lesions_usg/*/case001_tumor.png'), None)
    if source is None:
        pytest.skip('no BrEaST masks')
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    grown = {}
    for file in sorted(source.parent.glob('case0[0-2]*_tumor.png')):
        grown[file.name] = cv2.dilate(read_mask(file).astype(np.uint8), kernel) > 0
    first = tmp_path / 'first'
    first.mkdir()
    for name in grown:
        (first / name).symlink_to(source.parent / name)
    out = tmp_path / 'out'
    assert tool.main([str(first), str(write_masks(tmp_path / 'b', grown)), '--out', str(out)]) == 0
    rows = cases(out)
    assert len(rows) == len(grown) >= 25
    for row in rows:
        n, bigger = int(row['first_pixels']), int(row['second_pixels'])
        assert bigger == grown[f'{row["case_id"]}.png'].sum() > n
        assert float(row['iou']) == pytest.approx(n / bigger)
        assert float(row['dice']) == pytest.approx(2 * n / (n + bigger))
    found = content(out)['comparisons'][0]['ratio']
    assert found['bias_ci95'][0] > 1
