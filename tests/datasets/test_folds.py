"""Folds and cuts: properties that must hold for any cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets.folds import check_disjoint, inner_split, make_folds, read_folds, write_folds
from usmm.readers import DataError
from usmm.structures import Case


def cohort(seed: int) -> tuple[list[str], list[str], list[int]]:
    """Random patients with 1 to 5 cases; a patient's cases mostly share a label."""
    rng = np.random.default_rng(seed)
    ids, patients, labels = [], [], []
    classes = int(rng.integers(2, 5))
    for p in range(int(rng.integers(12, 150))):
        label = int(rng.integers(classes))
        for _ in range(int(rng.integers(1, 6)) if seed % 2 else 1):
            ids.append(f'c{len(ids)}')
            patients.append(f'p{p}')
            labels.append(label if rng.random() < 0.9 else int(rng.integers(classes)))
    return ids, patients, labels


def singles(*counts: int) -> tuple[list[str], list[str], list[int]]:
    labels = [k for k, n in enumerate(counts) for _ in range(n)]
    ids = [f'c{i}' for i in range(len(labels))]
    return ids, [f'p{i}' for i in range(len(labels))], labels


def test_the_papers_cohort_makes_the_papers_folds() -> None:
    ids, patients, labels = singles(180, 121)
    folds = make_folds(ids, patients, labels, folds=3, seed=0)
    sizes = [int((folds == k).sum()) for k in range(3)]
    positives = [int(np.array(labels)[folds == k].sum()) for k in range(3)]
    assert sorted(sizes) == [100, 100, 101]
    assert sorted(positives) == [40, 40, 41]


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('folds', [2, 3, 5])
def test_folds_of_any_cohort(seed: int, folds: int) -> None:
    ids, patients, labels = cohort(seed)
    result = make_folds(ids, patients, labels, folds, seed)
    assert set(result) == set(range(folds))
    of_patient: dict[str, set[int]] = {}
    for p, f in zip(patients, result):
        of_patient.setdefault(p, set()).add(int(f))
    assert all(len(f) == 1 for f in of_patient.values())
    largest = max(np.unique(patients, return_counts=True)[1])
    for label in set(labels):
        counts = [int(((np.array(labels) == label) & (result == k)).sum()) for k in range(folds)]
        assert max(counts) - min(counts) <= largest
    if largest == 1:
        sizes = np.bincount(result, minlength=folds)
        assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize('seed', range(6))
def test_folds_and_cut_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    ids, patients, labels = cohort(seed)
    order = np.random.default_rng(99).permutation(len(ids))
    shuffled = [[values[i] for i in order] for values in (ids, patients, labels)]
    assert (make_folds(ids, patients, labels, 3, seed)[order] == make_folds(*shuffled, 3, seed)).all()
    assert (inner_split(ids, patients, labels, 0.2, seed)[order] == inner_split(*shuffled, 0.2, seed)).all()


def test_seed_matters_and_repeats() -> None:
    data = singles(40, 40)
    first, again, other = (make_folds(*data, folds=4, seed=s) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert (inner_split(*data, seed=1) == inner_split(*data, seed=1)).all()
    assert (inner_split(*data, seed=1) != inner_split(*data, seed=2)).any()


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('ratio', [0.1, 0.2, 0.5])
def test_inner_cut_of_any_cohort(seed: int, ratio: float) -> None:
    ids, patients, labels = cohort(seed)
    val = inner_split(ids, patients, labels, ratio, seed)
    names = np.array(patients)
    assert not set(names[val]) & set(names[~val])
    assert val.any()
    assert not val.all()
    largest = max(np.unique(patients, return_counts=True)[1])
    for label in set(labels):
        of_label = np.array(labels) == label
        assert abs(int((val & of_label).sum()) - ratio * of_label.sum()) <= largest
    assert abs(val.sum() - ratio * len(ids)) <= largest


def test_inner_cut_of_few_patients_leaves_one_on_each_side() -> None:
    for n in (2, 3):
        val = inner_split(*singles(n), val_ratio=0.05)
        assert 1 <= val.sum() < n
        assert inner_split(*singles(n), val_ratio=0.99).sum() < n


def test_unknown_labels_are_a_stratum() -> None:
    ids, patients, _ = singles(30)
    labels = [None] * 12 + [0] * 18
    folds = make_folds(ids, patients, labels, 3)
    assert [int((folds[:12] == k).sum()) for k in range(3)] == [4, 4, 4]


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: make_folds(['a'], ['p'], [0], 2), '2 folds need .* got 1 patients'),
        (lambda: make_folds(['a', 'b'], ['p', 'q'], [0, 1], 1), '1 folds need 2 or more'),
        (lambda: make_folds(['a', 'b'], ['p'], [0, 1], 2), '2 case ids, 1 patient ids and 2 labels'),
        (lambda: make_folds(['a', 'a'], ['p', 'q'], [0, 1], 2), 'a case id is given twice'),
        (lambda: inner_split(['a', 'b'], ['p', 'p'], [0, 1]), 'needs 2 or more patients, got 1'),
        (lambda: inner_split(['a', 'b'], ['p', 'q'], [0, 1], 1.0), 'between 0 and 1, got 1'),
    ],
)
def test_impossible_requests(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_file_gives_back_the_folds_and_holds_names(tmp_path: Path) -> None:
    ids, patients, labels = singles(5, 4)
    folds = make_folds(ids, patients, labels, 3)
    path = tmp_path / 'new' / 'folds.csv'
    write_folds(path, ids, patients, [('ADC', 'SCC')[k] for k in labels], folds)
    lines = path.read_text().splitlines()
    assert lines[0] == 'case_id,patient_id,label,fold'
    assert lines[-1] == f'c8,p8,SCC,{folds[-1]}'
    assert (read_folds(path, ids[::-1], patients[::-1], 3) == folds[::-1]).all()
    assert [p.name for p in path.parent.iterdir()] == ['folds.csv']


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / 'folds.csv'
    path.write_text('old')
    with pytest.raises(ValueError, match='zip'):
        write_folds(path, ['a', 'b'], ['p'], ['x'], [0])
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['folds.csv']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (
            'case_id,patient_id,label,fold\na,p,x,0\nz,q,x,1\n',
            r'1 are only in this file \(z\), 1 only in the case table \(b\)',
        ),
        ('case_id,patient_id,label,fold\na,p,x,0\nb,q,x,1\nb,q,x,0\n', '1 lines are double'),
        ('case,fold\na,0\nb,1\n', r"expected the columns \['case_id'.* got \['case', 'fold'\]"),
        ('case_id,fold\na,0\nb,2\n', r"expected folds 0 to 1, got \['0', '2'\]"),
        ('case_id,fold\na,0\nb,0\n', r"expected folds 0 to 1, got \['0'\]"),
        ('', '2 only in the case table'),
    ],
)
def test_a_file_of_other_folds_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'folds.csv'
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_folds(path, ['a', 'b'], ['p', 'q'], 2)


def test_a_file_that_divides_a_patient_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'folds.csv'
    path.write_text('case_id,fold\na,0\nb,1\n')
    with pytest.raises(DataError, match='1 patients are in two folds: p'):
        read_folds(path, ['a', 'b'], ['p', 'p'], 2)


def test_shared_patients_and_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / 'a.png'
    file.write_bytes(b'x')
    link = tmp_path / 'b.png'
    link.symlink_to(file)
    one, two = Case('a', 'p', files={'bus': (file,)}), Case('b', 'q', files={'bus': (link,)})
    check_disjoint({'train': [one], 'test': []})
    with pytest.raises(DataError, match=r'1 files are both in train and in test: .*a\.png'):
        check_disjoint({'train': [one], 'val': [], 'test': [two]})
    with pytest.raises(DataError, match='1 patients are both in val and in test: p'):
        check_disjoint({'train': [], 'val': [one], 'test': [Case('c', 'p')]})


def test_copies_of_a_file_in_two_parts_are_found_by_content(tmp_path):
    for name, content in (('a.png', b'same picture'), ('b.png', b'same picture'), ('c.png', b'same length!')):
        (tmp_path / name).write_bytes(content)
    cases = {n: Case(n, f'p{n}', files={'bus': (tmp_path / f'{n}.png',)}) for n in 'abc'}
    check_disjoint({'train': [cases['a']], 'test': [cases['c']]})
    check_disjoint({'train': [cases['a'], cases['b']], 'test': [cases['c']]})
    with pytest.raises(DataError, match=r'the same picture is in test .*b.png. and in train .file .*a.png'):
        check_disjoint({'train': [cases['a']], 'val': [], 'test': [cases['b']]})


@pytest.mark.parametrize('level', [0, 255])
def test_blank_pictures_of_two_parts_are_no_copies(tmp_path, level):
    for name in ('a', 'b'):
        Image.new('L', (40, 40), level).save(tmp_path / f'{name}.png')
    cases = {name: [Case(name, name, files={'bus': (tmp_path / f'{name}.png',)})] for name in ('a', 'b')}
    check_disjoint({'train': cases['a'], 'val': [], 'test': cases['b']})
    for name in ('a', 'b'):
        (tmp_path / f'{name}.png').write_bytes(b'no picture')
    with pytest.raises(DataError, match=r'the same picture is in test \(.*b.png\) and in train'):
        check_disjoint({'train': cases['a'], 'val': [], 'test': cases['b']})
