"""The data set: parts, refusals, missing modalities, and the same draws for any number of workers."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from usmm.datasets import CaseDataset, CaseSampler, CaseTable, Split, read_folds, split_cases
from usmm.datasets.transforms import collate_cases
from usmm.readers import DataError
from usmm.registry import DATASETS
from usmm.structures import Case

SCHEMA = dict(
    images=dict(bus='bus', ue='ue'), clinical=[dict(name='age', range=(0, 120)), dict(name='sex', values=('F', 'M'))]
)
OPTIONS = dict(schema=SCHEMA, classes=('ADC', 'SCC'))
HEADER = 'case_id,patient_id,label,bus,ue,age,sex'


class Draw:
    """Stands for a random transform: keeps what it drew."""

    random = True

    def __call__(self, case: Case) -> Case:
        case.data['bus'] = torch.from_numpy(case.rng('draw').integers(0, 256, (3, 2, 2), dtype=np.uint8))
        return case


def write(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    path = folder / 'cases.csv'
    path.write_text('\n'.join([header, *rows]) + '\n', encoding='utf-8')
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """30 patients, the first ten with two cases."""
    rows = []
    for i in range(40):
        for m in ('b', 'u'):
            (tmp_path / f'{m}{i}.png').write_text(f'{m}{i}')
        rows.append(f'c{i},p{i % 30},{("ADC", "SCC")[i % 30 % 2]},b{i}.png,u{i}.png,{30 + i},F')
    return write(tmp_path, rows)


def part(table: Path, name: str | None, **split: object) -> CaseDataset:
    return CaseDataset(table, part=name, split=dict(split), **OPTIONS)


def patients(dataset: CaseDataset) -> set[str]:
    return {c.patient_id for c in dataset.cases}


@pytest.mark.parametrize('fold', [0, 1, 2])
def test_parts_divide_the_table_by_patient(table: Path, fold: int) -> None:
    parts = {n: part(table, n, folds=3, fold=fold) for n in ('train', 'val', 'test')}
    assert sum(map(len, parts.values())) == len(part(table, None)) == 40
    assert len(set().union(*map(patients, parts.values()))) == sum(len(patients(p)) for p in parts.values()) == 30
    assert 12 <= len(parts['test']) <= 15
    assert 4 <= len(parts['val']) <= 7


def test_the_folds_test_every_case_once(table: Path) -> None:
    tested = [c.case_id for k in range(4) for c in part(table, 'test', folds=4, fold=k).cases]
    assert sorted(tested) == sorted(f'c{i}' for i in range(40))


def test_selection_last_and_test(table: Path) -> None:
    test = part(table, 'test', folds=3)
    for selection, val in (('last', []), ('test', test.cases)):
        assert len(part(table, 'train', folds=3, selection=selection)) == 40 - len(test)
        assert part(table, 'val', folds=3, selection=selection).cases == val
    assert [c.case_id for c in test.cases] == [c.case_id for c in part(table, 'test', folds=3, selection='last').cases]


@pytest.mark.parametrize('folds', [None, 1])
def test_without_folds_there_is_no_test_part(table: Path, folds: int | None) -> None:
    assert len(part(table, 'train', folds=folds)) + len(part(table, 'val', folds=folds)) == 40
    assert len(part(table, 'train', folds=folds, selection='last')) == 40
    with pytest.raises(DataError, match="part 'test' has no cases"):
        part(table, 'test', folds=folds)
    with pytest.raises(ValueError, match="selection='test' needs a test part"):
        part(table, 'train', folds=folds, selection='test')


def test_the_seed_deals_the_folds(table: Path) -> None:
    assert patients(part(table, 'test', seed=0)) != patients(part(table, 'test', seed=1))


def test_folds_file_is_written_then_read(table: Path, tmp_path: Path) -> None:
    file = tmp_path / 'out' / 'folds.csv'
    first = part(table, 'test', folds=3, fold=1, file=str(file))
    text = file.read_text()
    assert (
        read_folds(file, ['c0', *[f'c{i}' for i in range(1, 40)]], [f'p{i % 30}' for i in range(40)], 3) == 1
    ).sum() == len(first)
    other_seed = part(table, 'test', folds=3, fold=1, seed=9, file=str(file))
    assert patients(first) == patients(other_seed)  # the file decides, not the seed
    assert file.read_text() == text


def test_folds_file_of_other_cases_names_them(table: Path, tmp_path: Path) -> None:
    file = tmp_path / 'folds.csv'
    part(table, 'test', folds=3, file=file)
    lines = table.read_text().splitlines()
    write(tmp_path, [*lines[1:-1], lines[-1].replace('c39', 'new')])
    with pytest.raises(DataError, match=r'only in this file \(c39\), 1 only in the case table \(new\)'):
        part(table, 'test', folds=3, file=file)


def split_table(folder: Path, parts: list[str]) -> CaseTable:
    rows = []
    for i, name in enumerate(parts):
        (folder / f'b{i}.png').write_text(f'b{i}')
        rows.append(f'c{i},{("ADC", "SCC")[i % 2]},b{i}.png,{name}')
    path = write(folder, rows, 'case_id,label,bus,part')
    return CaseTable.read(path, dict(images=dict(bus='bus'), split='part'), ('ADC', 'SCC'))


@pytest.mark.parametrize(
    ('parts', 'selection', 'sizes'),
    [
        (['train'] * 10 + ['val'] * 4 + ['test'] * 6, 'inner', (10, 4, 6)),
        (['train'] * 10 + ['val'] * 4 + ['test'] * 6, 'last', (14, 0, 6)),
        (['train'] * 10 + ['val'] * 4 + ['test'] * 6, 'test', (14, 6, 6)),
        (['train'] * 10 + ['test'] * 6, 'inner', (8, 2, 6)),
    ],
)
def test_a_split_column_keeps_its_parts(
    tmp_path: Path, parts: list[str], selection: str, sizes: tuple[int, int, int]
) -> None:
    found = split_cases(split_table(tmp_path, parts), Split(selection=selection))
    assert tuple(len(found[n]) for n in ('train', 'val', 'test')) == sizes


def test_a_patient_or_a_file_in_two_parts_is_refused(tmp_path: Path) -> None:
    schema = dict(images=dict(bus='bus'), split='part')
    (tmp_path / 'a.png').write_text('a')
    (tmp_path / 'b.png').write_text('b')
    same_patient = ['1,p,ADC,a.png,train', '2,p,SCC,b.png,test', '3,q,SCC,,train', '4,r,SCC,,train']
    same_file = ['1,p,ADC,a.png,train', '2,q,SCC,a.png,test', '3,r,SCC,,train', '4,s,SCC,,train']
    for rows, message in ((same_patient, 'patients are both in'), (same_file, 'files are both in')):
        path = write(tmp_path, rows, 'case_id,patient_id,label,bus,part')
        with pytest.raises(DataError, match=message):
            CaseDataset(path, schema, ('ADC', 'SCC'), part='train', missing='keep')


def test_all_problems_are_named_up_to_ten(tmp_path: Path) -> None:
    path = write(tmp_path, [f'{i},,ADC,no{i}.png,,,' for i in range(13)])
    with pytest.raises(DataError, match='13 problems in the case table') as caught:
        CaseDataset(path, **OPTIONS)
    text = str(caught.value)
    assert text.count('no such file') == 10
    assert 'and 3 more' in text
    assert 'usmm check_data' in text


@pytest.mark.parametrize(
    ('row', 'options', 'message'),
    [
        ('c40,c40,,b0.png,u0.png,50,F', {}, 'the label is missing'),
        ('c40,c40,ADC,b0.png,u0.png,old,F', {}, "age 'old' is not a number"),
        ('c40,c40,ADC,b0.png,u0.png,50,X', {}, "sex 'X' is none of"),
        ('c40,c40,ADC,b0.png,none.png,50,F', {}, 'no such file'),
        ('c40,c40,ADC,b0.png,u0.png,old,F', dict(modalities=('bus', 'clinical')), "age 'old'"),
        ('c40,c40,ADC,b0.png,u0.png,old,F', dict(modalities=('bus',), clinical=('age',)), "age 'old'"),
    ],
)
def test_blocking_problems(table: Path, row: str, options: dict, message: str) -> None:
    table.write_text(table.read_text() + row + '\n')
    with pytest.raises(DataError, match=message):
        CaseDataset(table, **OPTIONS, **options)


@pytest.mark.parametrize(
    ('row', 'options'),
    [
        ('c40,c40,ADC,b0.png,u0.png,200,F', {}),  # out of range: a warning
        ('c40,c40,ADC,b0.png,none.png,50,F', dict(modalities=('bus',))),  # a file of a modality that is not used
        ('c40,c40,ADC,b0.png,u0.png,old,X', dict(modalities=('bus',))),  # a table that is not used
        ('c40,c40,,b0.png,u0.png,50,F', dict(require_labels=False)),
    ],
)
def test_what_does_not_concern_the_run_is_no_error(table: Path, row: str, options: dict) -> None:
    table.write_text(table.read_text() + row + '\n')
    dataset = CaseDataset(table, **OPTIONS, **options)
    assert len(dataset) == 41
    assert dataset.labels[-1] == (-1 if 'require_labels' in options else 0)


def test_a_table_without_labels_can_be_read(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_text('a')
    path = write(tmp_path, ['1,a.png'], 'case_id,bus')
    options = dict(schema=dict(images=dict(bus='bus')), classes=('A', 'B'))
    assert len(CaseDataset(path, require_labels=False, **options)) == 1
    with pytest.raises(DataError, match="no column 'label'"):
        CaseDataset(path, **options)


def test_an_unknown_category_blocks_the_part_that_learns_only(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    test = part(table, 'test', folds=3)
    victim = test.cases[0].case_id
    lines = [line[:-1] + 'X' if line.startswith(f'{victim},') else line for line in table.read_text().splitlines()]
    table.write_text('\n'.join(lines))
    assert len(part(table, 'train', folds=3))  # not one of its cases
    with caplog.at_level(logging.WARNING):
        assert part(table, 'test', folds=3).cases[0].clinical['sex'] == 'X'
    with pytest.raises(DataError, match="sex 'X'"):
        part(table, None)
    other = part(table, 'test', folds=3, fold=1)
    assert victim not in {c.case_id for c in other.cases}
    with pytest.raises(DataError, match=f'case {victim}'):
        part(table, 'train', folds=3, fold=1, selection='last')


def test_missing_modalities(table: Path) -> None:
    table.write_text(table.read_text() + 'c40,c40,ADC,,u0.png,50,F\nc41,c41,ADC,NA,,50,F\n')
    with pytest.raises(DataError, match=r"2 of 42 cases lack a modality:\n  c40: \['bus'\]\n  c41: \['bus', 'ue'\]"):
        CaseDataset(table, **OPTIONS)
    assert len(CaseDataset(table, missing='drop', **OPTIONS)) == 40
    assert len(CaseDataset(table, missing='drop', modalities=('ue', 'clinical'), **OPTIONS)) == 41
    kept = CaseDataset(table, missing='keep', **OPTIONS)
    assert len(kept) == 42
    assert list(kept[40].files) == ['ue']


def test_dropping_cases_does_not_move_the_folds(table: Path) -> None:
    """Models with other modalities must be compared on the same folds."""
    table.write_text(table.read_text() + 'c40,p0,ADC,,u0.png,50,F\n')
    all_ue = CaseDataset(table, part='test', split={}, modalities=('ue',), **OPTIONS)
    both = CaseDataset(table, part='test', split={}, missing='drop', **OPTIONS)
    assert {c.case_id for c in all_ue.cases} - {'c40'} == {c.case_id for c in both.cases}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(part='dev'), "part must be one of .* got 'dev'"),
        (dict(missing='ignore'), "missing must be one of .* got 'ignore'"),
        (dict(part='train'), r"part='train' needs split=dict\(folds=...\)"),
        (dict(modalities=('bsu',)), "no modality 'bsu'.*did you mean 'bus'"),
        (dict(clinical=('agee',)), "no clinical variable 'agee'.*did you mean 'age'"),
        (dict(part='train', split=dict(fold=3)), 'fold must lie between 0 and 2, got 3'),
        (dict(part='train', split=dict(folds=0)), 'folds must be None or 1 or more, got 0'),
        (dict(part='train', split=dict(val_ratio=1)), 'val_ratio must lie between 0 and 1, got 1'),
        (dict(part='train', split=dict(selection='iner')), "selection must be one of .*did you mean 'inner'"),
        (dict(part='train', split=dict(k=3)), "unknown split key 'k'"),
    ],
)
def test_options_are_checked(table: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CaseDataset(table, **OPTIONS, **options)


def test_it_is_built_from_a_config_and_keeps_the_order_of_variables(table: Path) -> None:
    pipeline = [dict(type='PackCase', modalities=(), clinical=SCHEMA['clinical'])]
    config = dict(type='CaseDataset', table=str(table), clinical=('sex', 'age'), pipeline=pipeline, **OPTIONS)
    dataset = DATASETS.build(config)
    assert dataset.metainfo == dict(classes=('ADC', 'SCC'))
    assert list(dataset.cases[0].clinical) == ['age', 'sex']
    assert dataset[3].info['clinical']['vector'].tolist() == [33.0, 0.0]
    assert dataset.labels.tolist() == [i % 30 % 2 for i in range(40)]


def test_the_pipeline_does_not_touch_the_case_and_its_errors_name_it(table: Path) -> None:
    def spoil(case: Case) -> Case:
        case.data['bus'], case.info['bus'], case.clinical['age'] = 1, {'a': 1}, None
        case.info['table']['clips'] = None
        return case

    def fail(case: Case) -> Case:
        raise DataError('is broken', modality='bus')

    dataset = CaseDataset(table, pipeline=[spoil], **OPTIONS)
    assert dataset[0].data == {'bus': 1}
    assert dataset.cases[0].data == {}
    assert dataset.cases[0].clinical['age'] == 30
    assert dataset.cases[0].info['table']['clips'] == ()
    with pytest.raises(DataError, match=r'is broken.*case c5'):
        CaseDataset(table, pipeline=[fail], **OPTIONS)[5]


def draws(table: Path, workers: int, epochs: int = 2, persistent: bool = False) -> list[dict[str, bytes]]:
    """What each case drew in each epoch."""
    dataset = CaseDataset(table, pipeline=[Draw()], seed=3, **OPTIONS)
    sampler = CaseSampler(dataset, seed=1)
    loader = DataLoader(
        dataset, 8, sampler=sampler, num_workers=workers, collate_fn=collate_cases,
        persistent_workers=persistent, multiprocessing_context='fork' if workers else None,
    )  # fmt: skip
    result = []
    for epoch in range(epochs):
        random.seed(epoch)
        torch.manual_seed(epoch)  # global generators must not matter
        sampler.set_epoch(epoch)
        found = {}
        for batch in loader:
            for case, image in zip(batch['data_samples'], batch['inputs']['bus']):
                found[case.case_id] = image.numpy().tobytes()
        result.append(found)
    return result


def test_draws_are_the_same_for_any_number_of_workers(table: Path) -> None:
    alone = draws(table, 0)
    assert alone == draws(table, 1) == draws(table, 2) == draws(table, 2, persistent=True)
    assert len({image for epoch in alone for image in epoch.values()}) == 80  # 40 cases, 2 epochs: all different
