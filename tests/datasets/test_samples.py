from __future__ import annotations

from pathlib import Path

import pytest

from usmm.datasets import CaseDataset
from usmm.datasets.samples import read_samples
from usmm.readers import DataError


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('case\na\n', 'a column sample_id'),
        ('sample_id\n', 'a column sample_id'),
        ('sample_id,label\na,X\n', "{'a': 'X'}"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / 'only.csv').write_text(text)
    with pytest.raises(DataError, match=match):
        read_samples(tmp_path / 'only.csv', ('A', 'B'))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no such file of samples'):
        read_samples(tmp_path / 'only.csv', ('A', 'B'))


def test_labels_may_be_left_open(tmp_path: Path) -> None:
    (tmp_path / 'only.csv').write_text('sample_id,label\na,B\nb,\n')
    assert read_samples(tmp_path / 'only.csv', ('A', 'B')) == (['a', 'b'], {'a': 1})


def test_a_data_set_of_cases_takes_them_too(tmp_path: Path) -> None:
    rows = ''.join(f'c{i},p{i // 2},{"AB"[i // 2 % 2]},{i}\n' for i in range(12))
    (tmp_path / 'cases.csv').write_text(f'case_id,patient_id,label,age\n{rows}')
    given = dict(table=tmp_path / 'cases.csv', schema=dict(clinical=[dict(name='age')]), classes=('A', 'B'))
    split = dict(folds=3, selection='last')
    whole = CaseDataset(**given, part='train', split=split)
    names = whole.sample_ids()[1:4]
    (tmp_path / 'only.csv').write_text('sample_id,label\n' + ''.join(f'{n},A\n' for n in names))
    some = CaseDataset(**given, part='train', split=split, only=tmp_path / 'only.csv')
    assert [some[i].case_id for i in range(3)] == names and some.labels.tolist() == [0, 0, 0]
    assert len(CaseDataset(**given, part='test', split=split, only=tmp_path / 'only.csv')) == 4
    assert whole.units('sample') == whole.sample_ids() == whole.units('image')
    assert whole.units('patient')[:2] == [whole.cases[0].patient_id, whole.cases[1].patient_id]
    with pytest.raises(DataError, match=r"1 samples are not in the train part, such as \['x'\]"):
        whole.choose(['x'])
    with pytest.raises(ValueError, match='a query unit is one of'):
        whole.units('x')
