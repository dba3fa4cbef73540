"""Which columns name the case and the patient, and the part that a case belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.file_lookup import has_suffix
from usmm.datasets.table_inference.name_words import (
    CASE_NAMES,
    PARTS,
    PATIENT_NAMES,
    PERSON_WORDS,
    SPLIT_NAMES,
    holds_person_names,
    listing_of,
    plain_name,
    words_of,
)
from usmm.datasets.table_inference.table_hints import NONE, Question, TableHints, UndecidedError
from usmm.datasets.table_inference.table_roles import Findings

ID_CODE = re.compile(r'[^\W\d_]{0,8}[-_. /]?\d+([-_. /]?\d+)*[^\W\d_]?')  # K0x, P-012, 2020/17
PERSON = re.compile(r"[^\W\d_][\w'’-]*\.?(, ?| )[^\W\d_][\w'’ .-]*")  # Meier, Anna
FEW_ROWS = 3  # rows that a patient usually has at most
FEWEST_IDS = 6  # different values, below which a column is rather a grade or a group


def infer_ids(facts: Mapping[str, ColumnFacts], hints: TableHints, findings: Findings) -> tuple[str | None, str | None]:
    """The columns of the case id and of the patient id; None: there is no such column.

    Args:
        facts: Column -> what its cells are.
        hints: What a person stated.
        findings: Collects roles and assumptions.

    Raises:
        UndecidedError: Several columns may name the patient, or the ids of the cases repeat.
        ValueError: The column that is stated as case id has an id twice.
    """
    patient = _patient_column(facts, hints, findings.free())
    case = _case_column(facts, hints, [n for n in findings.free() if n != patient], patient)
    if case is not None:
        reason = 'stated' if hints.case_id else 'by its name, different in every row'
        if case == patient:
            count = facts[case].filled
            findings.take(
                case,
                'case id, patient id',
                f'{reason if hints.case_id else "by its name"}; one row for each of {count} patients',
            )
            return case, patient
        findings.take(case, 'case id', reason)
    if patient is not None:
        count = facts[patient].distinct
        reason = 'stated' if hints.patient_id else 'by its name'
        findings.take(patient, 'patient id', f'{reason}; {count} patients in {facts[patient].filled} rows')
    return case, patient


def _patient_column(facts: Mapping[str, ColumnFacts], hints: TableHints, free: Sequence[str]) -> str | None:
    if hints.patient_id is not None or hints.patient_pattern is not None:
        return None if hints.patient_id in (None, NONE) else hints.patient_id
    names = [n for n in free if plain_name(n) in PATIENT_NAMES and facts[n].filled and n != hints.case_id]
    if len(names) > 1:
        text = f'Which column names the patient? (more than one is named like it: {listing_of(names)})'
        raise UndecidedError([Question('patient_id', text, '--patient COLUMN', tuple(names))])
    if not names:
        _ask_for_patients(facts, hints, free)
    return names[0] if names else None


def _ask_for_patients(facts: Mapping[str, ColumnFacts], hints: TableHints, free: Sequence[str]) -> None:
    """Ask whether a column that looks like ids or names of persons, several rows each, names the patient.

    Raises:
        UndecidedError: There is such a column.
    """
    used = {hints.case_id, hints.split, *(hints.clinical or ())}
    used |= {name for group in (*hints.files.values(), *hints.masks.values()) for name in group}
    free = [n for n in free if n not in used and plain_name(n) not in CASE_NAMES and not facts[n].is_unique]
    possible = [n for n in free if person_ids(facts[n]) is not None]
    if possible:
        why = '; '.join(f'{name!r}: {person_ids(facts[name])}' for name in possible[:4])
        flag = f'--patient {possible[0]!r}, or --patient none (each row its own patient)'
        text = f'Which column names the patient? (no column is named like an id of patients; {why})'
        raise UndecidedError([Question('patient_id', text, flag, (*possible, NONE))])


def person_ids(fact: ColumnFacts) -> str | None:
    """Why a column probably holds ids or names of persons, or None.

    Its name states it, or its values are codes or full names that stand in few rows each. A column of file names is
    none of this.

    Args:
        fact: The column.

    Example:
        >>> person_ids(ColumnFacts('Name', ['Meier', 'Meier', 'Kaya', 'Kaya']))
        'named like a column of names of persons'
        >>> person_ids(ColumnFacts('code', [f'K{i // 2}' for i in range(16)]))
        'its 8 values look like ids of persons, with 3 rows or fewer each'
        >>> person_ids(ColumnFacts('grade', ['G1', 'G2', 'G3', 'G1']))
    """
    if not fact.filled or fact.is_date or any(has_suffix(text) for text in [*fact.counts][:FEW_ROWS]):
        return None
    if holds_person_names(fact.name):
        return 'named like a column of names of persons'
    few = fact.distinct >= FEWEST_IDS and max(fact.counts.values()) <= FEW_ROWS
    words = {*words_of(fact.name)}
    if few and (
        words & {'id', 'uid'} or (words & PERSON_WORDS and words & {'nr', 'no', 'number', 'nummer', 'code', 'key'})
    ):
        return f'named like an id, and its {fact.distinct} values have {FEW_ROWS} rows or fewer each'
    if few and not fact.is_number and not fact.cells_with_unit:
        alike = sum(bool(ID_CODE.fullmatch(text) or PERSON.fullmatch(text)) for text in fact.counts)
        if alike == fact.distinct and not all(text.isdigit() for text in fact.counts):
            return f'its {fact.distinct} values look like ids of persons, with {FEW_ROWS} rows or fewer each'
    return None


def _case_column(
    facts: Mapping[str, ColumnFacts], hints: TableHints, free: Sequence[str], patient: str | None
) -> str | None:
    if hints.case_id == NONE:
        return None
    if hints.case_id is not None:
        fact = facts[hints.case_id]
        twice = [name for name, count in fact.counts.items() if count > 1]
        if twice and not hints.case_per_file:
            raise ValueError(
                f'the case ids of {hints.case_id!r} must differ, and {len(twice)} stand in several rows: '
                f'{listing_of(twice, 5)}; if they name patients, use --patient {hints.case_id!r} --id none'
            )
        return hints.case_id
    named = sorted((n for n in free if plain_name(n) in CASE_NAMES), key=lambda n: CASE_NAMES.index(plain_name(n)))
    for name in named:
        if facts[name].is_unique:
            return name
    if patient is not None and facts[patient].is_unique:
        return patient
    if named and patient is None and facts[named[0]].filled:
        fact = facts[named[0]]
        twice = [name for name, count in fact.counts.items() if count > 1]
        text = (
            f'Is {named[0]!r} the id of the patient? (it is named like an id, but {len(twice)} stand in several rows: '
            f'{listing_of(twice, 5)}; if it should name the case, correct the table)'
        )
        raise UndecidedError(
            [Question('patient_id', text, f'--patient {named[0]!r}, or --patient none', (named[0], NONE))]
        )
    return None


def explain_patients(
    case: str | None, patient: str | None, first_files: Sequence[str | None], hints: TableHints, findings: Findings
) -> None:
    """State how rows become patients; ask where names of files suggest several rows of one patient.

    Args:
        case: Column of the case id, or None.
        patient: Column of the patient id, or None.
        first_files: Name of the first file of each row.
        hints: What a person stated.
        findings: Collects assumptions.

    Raises:
        UndecidedError: There is no patient column, and the names of the files share their beginnings.
        ValueError: A pattern that is not a regular expression with a group, or that does not match a name.
    """
    if case is None:
        with_patient = patient is not None or hints.patient_pattern is not None
        made = "the patient's id and a number" if with_patient else 'the number of the row'
        findings.assumptions.append(f'No column names the case, so that its id is made: {made}.')
    if hints.patient_pattern is not None:
        patients = {patient_of(hints.patient_pattern, name) for name in first_files if name is not None}
        findings.assumptions.append(
            f'The id of the patient is taken from the name of the first file with {hints.patient_pattern!r}: '
            f'{len(patients)} patients.'
        )
    elif patient is None:
        prefixes = [_prefix(name) for name in first_files if name is not None]
        if hints.patient_id != NONE and 0 < len(set(prefixes)) < 0.8 * len(prefixes):
            text = (
                f'Does each row show another patient? (no column names the patient, and {len(prefixes)} names of '
                f'files have {len(set(prefixes))} beginnings: {listing_of(sorted(set(prefixes)), 4)})'
            )
            flag = (
                "--patient COLUMN, --patient none (each row its own patient), or --patient-pattern REGEX, say '^(.+)_'"
            )
            raise UndecidedError([Question('patient_id', text, flag, (NONE,), open=True)])
        findings.assumptions.append('No column names the patient, so that each row counts as a patient of its own.')


def patient_of(pattern: str, name: str) -> str:
    r"""The id of the patient in the name of a file: the first group of a regular expression.

    Raises:
        ValueError: The pattern is not a regular expression, has no group, or does not match.

    Example:
        >>> patient_of(r'patient_(\d+)', 'patient_62_R1.mp4')
        '62'
    """
    try:
        match = re.search(pattern, name)
    except re.error as error:
        raise ValueError(f'--patient-pattern {pattern!r} is not a regular expression: {error}') from error
    if match is None or not match.groups() or not match[1]:
        raise ValueError(
            f'--patient-pattern {pattern!r} must have a group that matches each file; it does not match {name!r}'
        )
    return match[1]


def _prefix(name: str) -> str:
    """The name of a file without its last part, such as the number of a view."""
    stem = name.rpartition('.')[0] or name
    return re.sub(r'[_\-. ]?[A-Za-z]*\d*$', '', stem) if re.search(r'\d.*[_\-. ]', stem) else stem


def infer_split(facts: Mapping[str, ColumnFacts], hints: TableHints, findings: Findings) -> str | None:
    """The column that fixes the part of each case, or None.

    Raises:
        UndecidedError: A column is named like it, but its cells are not parts.
        ValueError: The column that is stated has other cells than parts.
    """
    if hints.split == NONE:
        return None
    names = [hints.split] if hints.split else [n for n in findings.free() if plain_name(n) in SPLIT_NAMES]
    names.sort(key=lambda name: any(text.lower() not in PARTS for text in facts[name].counts))  # parts before numbers
    for name in names:
        fact = facts[name]
        wrong = sorted(text for text in fact.counts if text.lower() not in PARTS)
        parts = {PARTS[text.lower()] for text in fact.counts if text.lower() in PARTS}
        if not wrong and not fact.missing and {'train', 'test'} <= parts:
            counts = ', '.join(f'{text} {count}' for text, count in fact.counts.items())
            findings.take(name, 'split', f'{"stated" if hints.split else "by its name"}; {counts}')
            return name
        problem = f'cells such as {listing_of(wrong, 4)}' if wrong else (
            f'{fact.missing} cells are empty' if fact.missing else f'the parts are {sorted(parts)}, not train and test'
        )  # fmt: skip
        if hints.split:
            raise ValueError(f'--split {name!r} needs train and test (and maybe val) in every cell: {problem}')
        text = f'Is {name!r} the part of each case? (it is named like it, but {problem})'
        flag = f'--ignore {name!r} (folds are made), or correct the column'
        raise UndecidedError([Question('ignore', text, flag, (name,))])
    return None
