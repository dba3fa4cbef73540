"""Ids that are one patient written in two ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.datasets import CaseDataset, CaseTable, check_disjoint
from usmm.datasets.checks.case_checks import is_blocking
from usmm.datasets.ids import loose_key, patient_key, perhaps_same_patient, same_patient
from usmm.readers import DataError
from usmm.structures import Case


@pytest.mark.parametrize(
    ('one', 'other'),
    [('p1', 'P1'), ('p1', ' p1 '), ('p1', 'p 1'), ('p1', 'p\u00a01'), ('p1', 'p\u200b1'), ('p1', 'p\uff11'),
     ('STRASSE 1', 'straße1')],
)  # fmt: skip
def test_one_key(one: str, other: str) -> None:
    assert patient_key(one) == patient_key(other)
    assert len(same_patient([one, other])) == 1 and perhaps_same_patient([one, other]) == []


@pytest.mark.parametrize(('one', 'other'), [('p1', 'p2'), ('1-2', '12'), ('p10', 'p1'), ('0', '')])
def test_other_patients(one: str, other: str) -> None:
    assert patient_key(one) != patient_key(other) and loose_key(one) != loose_key(other)


def test_leading_zeros_are_only_suspicious() -> None:
    assert patient_key('007') != patient_key('7') and loose_key('P-007-b0') == loose_key('p-7-b0')
    assert same_patient(['007', '7']) == [] and perhaps_same_patient(['007', '7', '70']) == [('007', '7')]


@pytest.mark.parametrize(
    'ids',
    [('p-1', 'p_1'), ('A-7', 'A7'), ('P/0012', 'p12'), ('M\u00fcller1', 'Muller1'), ('O17', '017'), ('Il3', '113'),
     ('\u0420\u0410\u0421-5', 'PAC-5'), ('Jos\u00e9', 'Jose\u0301')],
)  # fmt: skip
def test_signs_accents_and_letters_that_look_alike_are_suspicious(ids: tuple[str, str]) -> None:
    found = perhaps_same_patient([*ids, 'other'])
    assert found == [tuple(sorted(ids))] or same_patient(ids) == [tuple(sorted(ids))]


def table_of(folder: Path, ids: list[str]) -> Path:
    lines = [f'c{i},{patient},{"AB"[i % 2]}' for i, patient in enumerate(ids)]
    (folder / 'cases.csv').write_text('\n'.join(['case_id,patient_id,label', *lines]) + '\n', encoding='utf-8')
    return folder / 'cases.csv'


def test_the_table_names_them(tmp_path: Path) -> None:
    table = CaseTable.read(table_of(tmp_path, ['p1', 'P1', ' p1', 'p01', 'x', 'x']), {}, ('A', 'B'))
    assert [(p.kind, is_blocking(p)) for p in table.problems] == [('patient_id', True), ('id_zeros', False)]
    assert "table: patient ids ['P1', 'p1'] differ in case or blanks alone" in str(table.problems[0])
    assert "['P1', 'p01', 'p1'] differ in signs, leading zeros, accents or letters that look alike alone" in str(
        table.problems[1]
    )


def test_a_data_set_refuses_one_and_warns_of_the_other(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"patient ids \['P1', 'p1'\] differ in case or blanks alone"):
        CaseDataset(table_of(tmp_path, ['p1', 'P1', 'p2']), {}, ('A', 'B'))
    assert len(CaseDataset(table_of(tmp_path, ['1', '01', '2']), {}, ('A', 'B'))) == 3


def test_parts_may_not_share_them() -> None:
    with pytest.raises(
        DataError, match=r"in train and in test have ids that differ in case or blanks alone: 'p1' and 'P1'"
    ):
        check_disjoint({'train': [Case('a', 'p1')], 'test': [Case('b', 'P1')]})
    check_disjoint({'train': [Case('a', '1')], 'test': [Case('b', '01')]})
