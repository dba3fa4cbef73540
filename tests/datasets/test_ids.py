"""Ids that are one patient written in two ways."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from usmm.datasets import CaseDataset, CaseTable, check_disjoint
from usmm.datasets.checks.case_checks import is_blocking
from usmm.datasets.ids import loose_key, perhaps_same_patient, same_patient, unknown_ids
from usmm.readers import DataError
from usmm.structures import Case, patient_key


@pytest.mark.parametrize(
    ('one', 'other'),
    [('p1', 'P1'), ('p1', ' p1 '), ('p1', 'p 1'), ('p1', 'p\u00a01'), ('p1', 'p\u200b1'), ('p1', 'p\uff11'),
     ('STRASSE 1', 'straße1')],
)  # fmt: skip
def test_one_key(one: str, other: str) -> None:
    assert patient_key(one) == patient_key(other)
    assert len(same_patient([one, other])) == 1 and perhaps_same_patient([one, other]) == []


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('p1', 'p2'),
        ('1-2', '12'),
        ('p10', 'p1'),
        ('0', ''),
        ('12-3', '123'),
        ('12.3', '123'),
        ('1.5', '1'),
        ('10.0', '1'),
        ('P10e', 'P10'),
        ('1#2', '12'),
        ('1.0.1', '1.1'),
        ('Noel', 'Paul'),
    ],
)
def test_other_patients(one: str, other: str) -> None:
    assert patient_key(one) != patient_key(other) and loose_key(one) != loose_key(other)


def test_leading_zeros_are_only_suspicious() -> None:
    assert patient_key('007') != patient_key('7') and loose_key('P-007-b0') == loose_key('p-7-b0')
    assert same_patient(['007', '7']) == [] and perhaps_same_patient(['007', '7', '70']) == [('007', '7')]


@pytest.mark.parametrize(
    'ids',
    [('p-1', 'p_1'), ('A-7', 'A7'), ('P/0012', 'p12'), ('M\u00fcller1', 'Muller1'), ('O17', '017'), ('Il3', '113'),
     ('\u0420\u0410\u0421-5', 'PAC-5'), ('Jos\u00e9', 'Jose\u0301'),
     # written by a spreadsheet program, or with a sign for a number
     ('1', '1.0'), ('1001', '1001.00'), ('12', '12,0'), ('1', '#1'), ('P1', '#P1'), ('1', '\u21161'), ('7', '# 7'),
     # letters that do not decompose
     ('\u00d8stby', 'Ostby'), ('\u0141uk', 'Luk'), ('\u0111a', 'da'), ('\u0110a', 'Da'), ('\u00f0a', 'da'),
     ('L\u00e6k', 'Laek'), ('L\u00c6K', 'Lak'), ('\u0153uf', 'oeuf'), ('Wei\u00df', 'Weiss'), ('\u0131p', 'ip'),
     # umlauts, as they are written without
     ('M\u00fcller', 'Mueller'), ('Mueller', 'Muller'), ('J\u00f6rg', 'Joerg'), ('S\u00f8ren', 'Soeren'),
     ('B\u00c4R', 'baer'),
     # Cyrillic and Greek
     ('\u0455a', 'sa'), ('\u0405a', 'Sa'), ('\u0458a', 'ja'), ('\u0456a', 'ia'), ('\u0406a', 'Ia'), ('\u0457a', 'ia'),
     ('\u04bba', 'ha'), ('\u051ba', 'qa'), ('\u051da', 'wa'), ('\u0501a', 'da'), ('\u04aea', 'Ya'), ('\u0417', '3'),
     ('\u03bda', 'va'), ('\u039da', 'Na'), ('\u0397a', 'Ha'), ('\u03b7a', 'na'), ('\u03a5a', 'Ya'), ('\u03c5a', 'ua'),
     ('\u0396a', 'Za'), ('\u0399a', 'Ia'), ('\u03c9a', 'wa'), ('\u0389a', 'Ha'),
     # digits of other scripts
     ('P2', 'P\u0662'), ('17', '\u0967\u096d'), ('P2', 'P\u06f2')],
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
    assert (
        "['P1', 'p01', 'p1'] differ in signs, leading zeros, decimals, accents or letters that look alike alone"
        in str(table.problems[1])
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


@pytest.mark.parametrize(
    'word',
    ['unknown', 'Unknown', 'UNBEKANNT', 'n.d.', 'n/d', 'k. A.', 'k.A.', 'N.N.', 'n/a', 'tbd', 'T.B.D.', 'none', 'null',
     'not known', 'not-available', 'keine Angabe', '?', '???', '-', '--', '.', 'XXX', 'inconnu', '\uff35nknown'],
)  # fmt: skip
def test_words_for_not_known_before_several_cases(word: str) -> None:
    assert unknown_ids(Counter([word, word, 'P1', 'P1'])) == [word]
    assert unknown_ids(Counter([word, 'P1', 'P1'])) == []


@pytest.mark.parametrize('name', ['ND', 'KA', 'NN', 'x', '0', 'P1', 'unknown-17', 'Nona', 'tb', '1.2'])
def test_initials_and_numbers_are_not_words_for_not_known(name: str) -> None:
    assert unknown_ids(Counter([name, name])) == []


def test_unknown_ids_are_sorted() -> None:
    assert unknown_ids(Counter({'tbd': 2, '?': 5, 'P1': 3, 'Unknown': 2})) == ['?', 'Unknown', 'tbd']
