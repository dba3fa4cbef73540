"""Every kind of problem, planted once; and none in a sound data set."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.case_checks import WARNINGS, is_blocking, read_parts
from usmm.datasets.checks.check_data import CheckResult, check_data, relative
from usmm.datasets.table_problem import Problem
from usmm.readers import DataError

SCHEMA = dict(
    images=dict(bus='bus', ue='ue'),
    clinical=[dict(name='age', unit='year', range=(0, 120)), dict(name='side', values=('left', 'right'))],
    split='part',
)
Rows = list[dict[str, object]]


def picture(path: Path, seed: int, size: tuple[int, int] = (40, 60)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(30, 255, (*size, 3), dtype=np.uint8))


def mask(path: Path, size: tuple[int, int] = (40, 60), lesion: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(size, np.uint8)
    pixels[5 : 15 + int(path.stem), 5:25] = 255 * lesion
    cv2.imwrite(str(path), pixels)


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Rows]:
    """Six sound cases of six patients."""
    rows: Rows = []
    for n in range(6):
        picture(tmp_path / f'bus/{n}.png', n)
        picture(tmp_path / f'ue/{n}.png', 100 + n, (34, 50))
        mask(tmp_path / f'mask/{n}.png')
        rows.append(
            dict(case_id=f'c{n}', patient_id=f'p{n}', label='AB'[n % 2], part=('train', 'train', 'test')[n % 3],
                 age=50 + n, side='left', bus=f'bus/{n}.png', ue=f'ue/{n}.png', bus_mask=f'mask/{n}.png')
        )  # fmt: skip
    return tmp_path, rows


def check(data: tuple[Path, Rows], **options: object) -> CheckResult:
    root, rows = data
    pd.DataFrame(rows).to_csv(root / 'cases.csv', index=False)
    return check_data(root / 'cases.csv', SCHEMA, ('A', 'B'), workers=2, **options)  # type: ignore[arg-type]


def found(result: CheckResult) -> list[tuple[str, str | None]]:
    return [(problem.kind, problem.case_id) for problem in result.problems]


def test_a_sound_data_set_has_no_problems(data: tuple[Path, Rows]) -> None:
    result = check(data)
    assert result.problems == []
    assert result.counts == dict(
        cases=6, ignored=0, patients=6, classes=dict(A=dict(cases=3, patients=3), B=dict(cases=3, patients=3)),
        modalities=dict(
            bus=dict(cases=6, files=6, masked=6, sizes={'60x40': 6}, panels=0),
            ue=dict(cases=6, files=6, masked=0, sizes={'50x34': 6}, panels=0),
        ),
        missing=dict(age=dict(A=0, B=0, cases=0), side=dict(A=0, B=0, cases=0)),
    )  # fmt: skip
    assert len(result.facts) == 18


def test_missing_values_are_counted_by_class(data: tuple[Path, Rows]) -> None:
    for n in (0, 2, 3):
        data[1][n]['age'] = 'not available'
    data[1][2]['label'] = ''
    assert check(data).counts['missing']['age'] == dict(A=1, B=1, cases=3)


def cut(root: Path, rows: Rows) -> None:
    path = root / 'bus/1.png'
    path.write_bytes(path.read_bytes()[:200])


def same_file(root: Path, rows: Rows) -> None:
    (root / 'bus/1.png').write_bytes((root / 'bus/0.png').read_bytes())


PLANTS: dict[str, tuple[Callable[[Path, Rows], object], str, str]] = {
    'unreadable': (cut, 'c1', ''),
    'empty': (lambda root, rows: (root / 'bus/1.png').write_bytes(b''), 'c1', 'the file is empty'),
    'no_file': (lambda root, rows: (root / 'bus/1.png').unlink(), 'c1', 'no such file'),
    'mask_empty': (lambda root, rows: mask(root / 'mask/1.png', lesion=False), 'c1', 'the mask marks no lesion'),
    'mask_size': (lambda root, rows: mask(root / 'mask/1.png', (40, 61)), 'c1', 'the mask is 61x40, its picture 60x40'),
    'no_mask': (lambda root, rows: rows[1].update(bus_mask=''), 'c1', 'no mask; other cases have one'),
    'no_modality': (lambda root, rows: rows[1].update(ue='n/a'), 'c1', 'the case has no ue'),
    'number': (lambda root, rows: rows[1].update(age='fifty'), 'c1', "age 'fifty' is not a number"),
    'range': (lambda root, rows: rows[1].update(age=510), 'c1', 'outside the plausible range 0 to 120 year'),
    'category': (lambda root, rows: rows[1].update(side='lft'), 'c1', "did you mean 'left'"),
    'no_label': (lambda root, rows: rows[1].update(label=''), 'c1', 'the label is missing'),
    'label': (lambda root, rows: rows[1].update(label='C'), 'c1', 'none of the classes'),
    'duplicate': (lambda root, rows: rows[1].update(case_id='c0'), 'c0', 'line 2 and again in line 3'),
    'two_parts': (lambda root, rows: rows[2].update(patient_id='p0'), 'c2', 'patient p0 is in test and, with case'),
    'two_labels': (lambda root, rows: rows[1].update(patient_id='p0'), 'c1', r'labels A \(case c0\), B \(case c1\)'),
    'same_file_two_patients': (same_file, 'c1', r'the same content as .*0\.png of case c0 of patient p0'),
}  # fmt: skip


@pytest.mark.parametrize('kind', PLANTS)
def test_a_planted_problem_is_found_alone(data: tuple[Path, Rows], kind: str) -> None:
    plant, case_id, words = PLANTS[kind]
    plant(*data)
    result = check(data)
    own = [problem for problem in result.problems if problem.kind == kind]
    assert [problem.case_id for problem in own] == [case_id]
    assert re.search(words, own[0].message)
    assert {k for k, _ in found(result)} - {kind} <= ({'two_labels', 'two_parts'} if kind == 'duplicate' else set())
    assert bool(result.blocking) == (kind not in WARNINGS)


def test_all_problems_in_one_run(data: tuple[Path, Rows]) -> None:
    root, rows = data
    cut(root, rows)
    mask(root / 'mask/4.png', lesion=False)
    rows[3].update(age='?', ue='')
    rows[5].update(side='up', patient_id='p0')
    assert found(check(data)) == [
        ('unreadable', 'c1'), ('no_modality', 'c3'), ('mask_empty', 'c4'), ('category', 'c5'), ('two_labels', 'c5'),
        ('two_parts', 'c5'),
    ]  # fmt: skip


def test_one_file_in_two_cases_of_a_patient_is_a_warning(data: tuple[Path, Rows]) -> None:
    data[1][3].update(patient_id='p0', bus='bus/0.png', label='A', bus_mask='mask/0.png')
    result = check(data)
    assert found(result) == [('same_file', 'c3')]
    assert not result.blocking


def test_a_copy_across_parts_names_the_parts(data: tuple[Path, Rows]) -> None:
    (data[0] / 'bus/2.png').write_bytes((data[0] / 'bus/0.png').read_bytes())
    assert check(data).problems[0].message.endswith('of case c0 of patient p0 (parts train and test)')


@pytest.mark.parametrize(('missing', 'blocking'), [('error', True), ('drop', False), ('keep', False)])
def test_a_lacking_modality_blocks_where_the_config_says_so(
    data: tuple[Path, Rows], missing: str, blocking: bool
) -> None:
    data[1][1].update(ue='')
    assert bool(check(data, missing=missing).blocking) is blocking
    assert check(data, missing=missing, modalities=('bus',)).problems == []


def test_range_is_no_blocking_problem() -> None:
    assert not is_blocking(Problem('range', 'c', None, None, ''))
    assert is_blocking(Problem('number', 'c', None, None, ''))


def test_folds_file(data: tuple[Path, Rows]) -> None:
    root, rows = data
    for row in rows:
        row['part'] = 'train'
    rows[1].update(patient_id='p0', label='A')
    folds = [(f'c{n}', n % 2) for n in range(5)] + [('c9', 0), ('c0', 1)]
    pd.DataFrame(folds, columns=['case_id', 'fold']).to_csv(root / 'folds.csv', index=False)
    pd.DataFrame(rows).to_csv(root / 'cases.csv', index=False)
    schema = SCHEMA | dict(split=None)
    result = check_data(root / 'cases.csv', schema, ('A', 'B'), folds=root / 'folds.csv')
    assert sorted(found(result)) == [('folds', 'c5'), ('folds', 'c9'), ('two_parts', 'c0'), ('two_parts', 'c1')]
    messages = {p.case_id: p.message for p in result.problems if p.kind == 'two_parts'}
    assert messages == dict(
        c0='the case is in fold 0 and in fold 1', c1='patient p0 is in fold 1 and, with case c0, in fold 0'
    )
    assert check_data(root / 'cases.csv', schema, ('A', 'B'), folds=root / 'none.csv').problems == []


def test_folds_file_of_other_columns(data: tuple[Path, Rows]) -> None:
    root, rows = data
    pd.DataFrame(rows).to_csv(root / 'cases.csv', index=False)
    with pytest.raises(DataError, match=r"expected the columns \['case_id', 'fold'\], without \['fold'\]"):
        read_parts(root / 'cases.csv', CaseTable.read(root / 'cases.csv', SCHEMA, ('A', 'B')))


def test_manifest_is_written_then_compared_then_accepted(data: tuple[Path, Rows]) -> None:
    manifest = data[0] / 'manifest.json'
    first = check(data, manifest=manifest)
    assert first.notes == [] and first.manifest is not None and not manifest.exists()
    assert first.manifest.write() == f'manifest of 19 files written to {manifest}'
    assert check(data, manifest=manifest).notes == [f'compared with the manifest {manifest}: no difference in 19 files']
    picture(data[0] / 'bus/0.png', 77)
    for _ in range(2):  # until it is accepted
        result = check(data, manifest=manifest)
        assert [(p.kind, p.file and p.file.name) for p in result.problems] == [('changed', '0.png')]
        assert result.blocking and result.manifest is None
    accepted = check(data, manifest=manifest, update_manifest=True)
    assert accepted.problems == [] and accepted.manifest is not None
    accepted.manifest.write()
    assert check(data, manifest=manifest).problems == []
    for name in ('bus', 'ue', 'bus_mask'):
        (data[0] / str(data[1][-1][name])).unlink()
    data[1].pop()
    kinds = [p.kind for p in check(data, manifest=manifest).problems]
    assert kinds == ['changed', 'removed', 'removed', 'removed']  # the table itself, and the files of the case


def test_result_is_written(data: tuple[Path, Rows], tmp_path: Path) -> None:
    PLANTS['range'][0](*data)
    PLANTS['mask_size'][0](*data)
    check(data).write(tmp_path / 'out')
    problems = pd.read_csv(tmp_path / 'out/problems.csv', keep_default_na=False)
    assert problems[['blocking', 'kind', 'case_id', 'modality', 'file']].values.tolist() == [
        ['yes', 'mask_size', 'c1', 'bus', 'mask/1.png'],
        ['no', 'range', 'c1', 'clinical', 'cases.csv'],
    ]
    assert len(pd.read_csv(tmp_path / 'out/files.csv')) == 18
    summary = pd.read_json(tmp_path / 'out/summary.json', typ='series')
    assert summary['problems'] == dict(mask_size=1, range=1)


def test_relative() -> None:
    assert relative(Path('/a/b/c.png'), Path('/a')) == 'b/c.png'
    assert relative(Path('/a/c.png'), Path('/a/b')) == '../c.png'
    assert relative(Path('/x/c.png'), Path('/a/b')) == '/x/c.png'
