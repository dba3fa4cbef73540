"""Over 1,000 generated cohorts no patient and no file crosses train, validation and test, or an error says so."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from usmm.datasets import CaseTable, Split, split_cases
from usmm.readers import DataError
from usmm.structures import Case, Schema

COHORTS, CHUNK = 1000, 100
SCHEMA = Schema(images=dict(bus='bus', ue='ue'))
EXPECTED = re.compile(
    r'files are both in|the same picture is in|ids that differ in case or blanks|validation part needs 2|'
    r'folds need 2 or more folds and as many patients'
)


@pytest.fixture(scope='module')
def pool(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """60 files of one size and different content, then a copy of each under another name."""
    folder = tmp_path_factory.mktemp('pool')
    files = []
    for i in range(120):
        files.append(folder / f'{i}.png')
        files[-1].write_bytes(hashlib.sha256(str(i % 60).encode()).digest())
    return files


def spelling(rng: np.random.Generator, number: int, messy: bool) -> str:
    """An id; in a messy cohort the same patient is not always written in the same way."""
    plain = f'p{number}'
    forms = [plain, plain.upper(), f'p {number}', f'p{number:03d}', f'P\u00a0{number}']
    return str(rng.choice(forms)) if messy and rng.random() < 0.3 else plain


def cohort(seed: int, pool: list[Path]) -> CaseTable:
    """3 to 15 patients with 1 to 4 cases; in some cohorts ids are written in several ways, or files are repeated."""
    rng = np.random.default_rng(seed)
    messy, repeated = bool(rng.random() < 0.3), bool(rng.random() < 0.3)
    table = CaseTable(Path('cases.csv'), SCHEMA, ('A', 'B', 'C'))
    free = iter(rng.permutation(60))
    for number in range(int(rng.integers(3, 16))):
        for _ in range(int(rng.integers(1, 5))):
            index = int(next(free, 0)) if len(table.cases) < 50 else 0
            if repeated and rng.random() < 0.1:
                index = int(rng.integers(120))  # a file, or the copy of a file, that another case may have
            label = None if rng.random() < 0.05 else int(rng.integers(3))
            files = {'bus': (pool[index],)} if rng.random() < 0.9 else {}
            patient = spelling(rng, number, messy)
            table.cases.append(Case(f'c{len(table.cases)}', patient, label=label, files=files))
    table.cases = [table.cases[i] for i in rng.permutation(len(table.cases))]
    return table


def plain_id(patient_id: str) -> str:
    return re.sub(r'\s', '', patient_id).lower()


def crossing(parts: dict[str, list[Case]]) -> set[str]:
    """Patients and contents of files that stand in two parts, found without the library."""
    seen: dict[str, str] = {}
    found = set()
    for part, cases in parts.items():
        for case in cases:
            keys = [f'patient {plain_id(case.patient_id)}']
            keys += [f'file {hashlib.sha256(f.read_bytes()).hexdigest()}' for fs in case.files.values() for f in fs]
            found |= {key for key in keys if seen.setdefault(key, part) != part}
    return found


@pytest.mark.parametrize('start', range(0, COHORTS, CHUNK))
def test_nothing_crosses(pool: list[Path], start: int) -> None:
    refused = 0
    for seed in range(start, start + CHUNK):
        table = cohort(seed, pool)
        split = Split(folds=2 + seed % 2, fold=seed % 2, seed=seed, val_ratio=0.25)
        try:
            parts = split_cases(table, split)
        except (DataError, ValueError) as error:
            assert EXPECTED.search(str(error)), f'cohort {seed}: {error}'
            refused += 1
            continue
        assert not crossing(parts), f'cohort {seed}'
        assert sorted(c.case_id for cases in parts.values() for c in cases) == sorted(c.case_id for c in table.cases)
    assert 10 < refused < 60  # both ways out are met: most cohorts are sound, many are not


def test_every_refusal_has_a_cause(pool: list[Path]) -> None:
    """A sound cohort (one spelling a patient, no file twice, patients enough) is never refused."""
    sound = 0
    for seed in range(300):
        table = cohort(seed, pool)
        contents = [f.read_bytes() for c in table.cases for fs in c.files.values() for f in fs]
        ids = {c.patient_id for c in table.cases}
        one_spelling = len({plain_id(i) for i in ids}) == len(ids)
        if one_spelling and len(set(contents)) == len(contents) and len(ids) >= 9:
            split_cases(table, Split(folds=2, seed=seed))
            sound += 1
    assert sound > 60


def test_the_same_in_every_order(pool: list[Path]) -> None:
    for seed in range(50):
        table = cohort(seed, pool)
        try:
            first = split_cases(table, Split(folds=3, seed=seed))
        except (DataError, ValueError):
            continue
        table.cases = table.cases[::-1]
        again = split_cases(table, Split(folds=3, seed=seed))
        assert {p: {c.case_id for c in cs} for p, cs in first.items()} == {
            p: {c.case_id for c in cs} for p, cs in again.items()
        }
