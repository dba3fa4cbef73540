"""Which columns are clinical variables: numbers with unit and range, and categories with their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.id_columns import person_ids
from usmm.datasets.table_inference.leaks import absence_of_one_class, leak_in
from usmm.datasets.table_inference.name_words import (
    PATIENT_NAMES,
    SPLIT_NAMES,
    holds_person_names,
    listing_of,
    natural,
    plain_name,
    quantity_of,
    spellings,
    unit_in,
    words_of,
)
from usmm.datasets.table_inference.number_format import number_in
from usmm.datasets.table_inference.table_hints import ALL, NONE, Question, TableHints, UndecidedError
from usmm.datasets.table_inference.table_roles import Findings, VariableRole
from usmm.structures import Variable

MOST_VALUES = 12
LONGEST_VALUE = 80
MOST_MISSING = 0.5
ALWAYS_FEW = 10  # so many clinical columns raise no question, however few patients there are
PATIENTS_A_COLUMN = 10
TERMS = re.compile(r'[&;|+]')
ID_WORDS = frozenset({'id', 'nr', 'no', 'number', 'nummer', 'code', 'key', 'uid', 'index', 'row', 'zeile'})


def infer_variables(
    facts: Mapping[str, ColumnFacts],
    labels: Sequence[str | None],
    patients: int,
    hints: TableHints,
    findings: Findings,
) -> tuple[VariableRole, ...]:
    """The clinical variables of a table: columns that are stated, or all that can be used.

    Args:
        facts: Column -> what its cells are.
        labels: Class of each row, None where it takes no part.
        patients: Number of patients.
        hints: What a person stated.
        findings: Collects roles, assumptions and warnings.

    Raises:
        UndecidedError: More columns could be used than the number of patients allows for.
        ValueError: A column that is stated cannot be a variable.
    """
    _ask_for_decimals(facts, labels, hints, findings)
    stated = () if hints.clinical in (None, (ALL,), (NONE,)) else hints.clinical or ()
    roles: dict[str, VariableRole] = {}
    for name in stated:
        roles[name] = _stated(facts[name], labels, findings)
    seen: dict[tuple[str | None, ...], str] = {}
    usable = []
    for name in findings.free():
        reason = _why_not(facts[name], labels)
        cells = tuple(facts[name].cells)
        if reason is None and cells in seen:
            reason = f'the same cells as another column: {seen[cells]!r}'
        if reason is not None:
            findings.leave(name, reason)
            if reason == facts[name].numbers.doubt:
                findings.warnings.append(f'The column {name!r} is not used: {reason}.')
            continue
        seen[cells] = name
        usable.append(name)
    if stated or hints.clinical == (NONE,):
        for name in usable:
            findings.leave(name, 'not among the ones of --clinical')
        _warn_of_used([facts[name] for name in stated], labels, findings)
        return tuple(roles.values())
    if hints.clinical is None and len(usable) > max(ALWAYS_FEW, patients // PATIENTS_A_COLUMN):
        text = (
            f'Which clinical columns are inputs? ({len(usable)} could be used, many for {patients} patients, and it '
            f'is not stated which are known before the diagnosis: {listing_of(usable, 12)})'
        )
        flag = '--clinical COLUMN ..., --clinical all, or --clinical none'
        raise UndecidedError([Question('clinical', text, flag, (*usable, ALL, NONE))])
    roles = {name: _variable(facts[name], 'its cells are', findings) for name in usable}
    _warn_of_used([facts[name] for name in usable], labels, findings)
    return tuple(roles.values())


def _ask_for_decimals(
    facts: Mapping[str, ColumnFacts], labels: Sequence[str | None], hints: TableHints, findings: Findings
) -> None:
    """Ask what point and comma are where neither a column nor the rest of the table shows it.

    Raises:
        UndecidedError: Names the columns, with cells of each.
    """
    if hints.clinical in (None, (ALL,)):
        names = [name for name in findings.free() if leak_in(facts[name], labels) is None]
    else:
        names = [name for name in hints.clinical or () if name in facts]
    unclear = [n for n in names if facts[n].numbers.doubt and facts[n].numbers.format.undecided]
    if unclear:
        text = '; '.join(f'{name!r}: {facts[name].numbers.doubt}' for name in unclear[:5])
        more = f'; and {len(unclear) - 5} more columns' if len(unclear) > 5 else ''
        raise UndecidedError(
            [
                Question(
                    'decimal',
                    f'What stands before the decimals, a point or a comma? ({text}{more})',
                    '--decimal point, --decimal comma, or --ignore COLUMN',
                    ('point', 'comma'),
                )
            ]
        )


def _stated(fact: ColumnFacts, labels: Sequence[str | None], findings: Findings) -> VariableRole:
    if fact.distinct < 2:
        raise ValueError(f'the clinical column {fact.name!r} has {fact.distinct} value: it cannot be an input')
    if (why := _never(fact)) is not None:
        raise ValueError(f'the clinical column {fact.name!r} cannot be an input: {why}; rename it if it is a finding')
    if reason := leak_in(fact, labels):
        findings.warnings.append(
            f'The clinical column {fact.name!r} is used because it is stated, but it was suspicious: {reason}.'
        )
    return _variable(fact, 'stated;', findings)


def _why_not(fact: ColumnFacts, labels: Sequence[str | None]) -> str | None:
    """Why a column is not used, or None where it can be."""
    never = _never(fact)
    if never is None and fact.distinct > 1:
        never = leak_in(fact, labels)
    return never or _why_no_variable(fact) or (None if (ids := person_ids(fact)) is None else f'probably ids: {ids}')


def _never(fact: ColumnFacts) -> str | None:
    """Why a column is no finding of a patient, whatever its cells are; None for all others."""
    if holds_person_names(fact.name):
        return 'named like a column of names of persons'
    if plain_name(fact.name) in SPLIT_NAMES:
        return 'named like the part or the fold of a case'
    return None


def _why_no_variable(fact: ColumnFacts) -> str | None:
    rows = len(fact.cells)
    if not fact.filled:
        return 'empty'
    if fact.distinct == 1:
        return f'constant: {next(iter(fact.counts))!r}' + (f', {fact.missing} missing' if fact.missing else '')
    if fact.missing > MOST_MISSING * rows:
        return f'more than half of the cells are missing: {fact.missing} of {rows}'
    if fact.is_date:
        return 'dates'
    words = {*words_of(fact.name)}
    measured = quantity_of(fact.name) is not None or fact.numbers.unit is not None or unit_in(fact.name) is not None
    named = words & ID_WORDS or plain_name(fact.name) in PATIENT_NAMES
    if fact.is_unique and (named or (_counts_up(fact) and not measured)):
        return 'a code or running number, different in every row'
    if fact.numbers.doubt is not None:
        return fact.numbers.doubt
    if _mostly_numbers(fact):
        if not fact.numbers.unread:
            return None
        unread = listing_of(list(dict.fromkeys(fact.numbers.unread)), 4)
        count = len(fact.numbers.unread)
        return f'some cells are not numbers: {count} of {fact.filled}, as {unread}; stated, they count as missing'
    if max(map(len, fact.counts)) > LONGEST_VALUE:
        return 'free text'
    values = len(spellings(fact.counts))
    if values > MOST_VALUES or 2 * values > fact.filled:
        return 'a text different in every row' if fact.is_unique else f'free text, or a category of {values} values'
    return None


def _mostly_numbers(fact: ColumnFacts) -> bool:
    return 5 * len(fact.numbers.unread) < fact.filled


def _counts_up(fact: ColumnFacts) -> bool:
    """Whether the numbers are 1, 2, 3, ... in some order."""
    values = [v for v in fact.numbers.values if v is not None]
    return len(values) > 2 and len(values) == fact.filled and max(values) - min(values) == len(values) - 1


def _variable(fact: ColumnFacts, reason: str, findings: Findings) -> VariableRole:
    """The variable of a column, and what was assumed of its cells.

    Raises:
        ValueError: It is neither numbers nor a few categories.
    """
    missing = f'{fact.missing} missing' if fact.missing else 'none missing'
    numbers = fact.numbers
    is_code = not numbers.unread and numbers.unit is None and len({v for v in numbers.values if v is not None}) == 2
    if numbers.doubt is None and _mostly_numbers(fact) and not is_code:
        role = VariableRole(_number(fact), fact.name, numbers.decimal)
        _explain_numbers(fact, findings)
        _warn_of_codes(fact, findings)
        known = [v for v in numbers.values if v is not None]
        span = f'{min(known):g} to {max(known):g}'
        unit = f' {role.variable.unit}' if role.variable.unit else ''
        gone = (len(numbers.values) - len(known)) or 'none'
        findings.take(fact.name, 'clinical: number', f'{reason} numbers, {span}{unit}; {gone} missing')
        return role
    _warn_of_codes(fact, findings)
    codes = {*numbers.codes} if fact.is_number else set()
    if codes:
        _explain_codes(fact, findings)
        missing = f'{fact.missing + len(numbers.codes)} missing'
    texts = [text for text in fact.counts if text not in codes]
    groups = spellings(texts)
    if len(groups) > 5 * MOST_VALUES or numbers.doubt is not None:
        why = numbers.doubt or f'it has {len(groups)} different texts'
        raise ValueError(f'the clinical column {fact.name!r} is neither numbers nor a category: {why}')
    spelling = {text: max(group, key=fact.counts.__getitem__) for group in groups.values() for text in group}
    for group in groups.values():
        if len(group) > 1:
            text = ', '.join(f'{name!r} ({fact.counts[name]})' for name in group)
            findings.assumptions.append(f'These spellings of {fact.name!r} are one value: {text}.')
    values = tuple(sorted({spelling[text] for text in texts}, key=natural))
    if joined := [value for value in values if len(TERMS.split(value)) > 1]:
        findings.warnings.append(
            f'{fact.name!r} joins several terms in one cell, as in {joined[0]!r}: each combination is one value.'
        )
    if with_unit := fact.cells_with_unit:
        findings.warnings.append(
            f'{fact.name!r} is a category, but some of its cells are numbers with a unit: {listing_of(with_unit, 4)}.'
        )
    findings.take(fact.name, 'clinical: category', f'{reason} {len(values)} values: {listing_of(values, 4)}; {missing}')
    return VariableRole(Variable(fact.name, values=values), fact.name, spelling=spelling)


def _number(fact: ColumnFacts) -> Variable:
    """A number with the unit and range that its name states and its values fit."""
    known = [v for v in fact.numbers.values if v is not None]
    unit = fact.numbers.unit or unit_in(fact.name)
    quantity = quantity_of(fact.name)
    if quantity is not None and (unit is None or unit == quantity[0]):
        name, low, high = quantity
        if all(low <= value <= high for value in known):
            return Variable(fact.name, unit=name, range=(low, high))
    return Variable(fact.name, unit=unit)


def _explain_numbers(fact: ColumnFacts, findings: Findings) -> None:
    numbers, name = fact.numbers, fact.name
    by = dict(stated=' (stated with --decimal)', table=' (as in the other columns of the table)').get(numbers.format.by)
    if numbers.decimal == 'comma' and (example := next((text for text in fact.counts if ',' in text), None)):
        findings.assumptions.append(f'In {name!r} a comma is a decimal comma{by or ""}: {example!r}.')
    elif by is not None and not numbers.thousands and (example := next((t for t in fact.counts if '.' in t), None)):
        findings.assumptions.append(f'In {name!r} a point is a decimal point{by}: {str(example)!r}.')
    if numbers.thousands:
        sign, first = 'point' if numbers.decimal == 'comma' else 'comma', numbers.thousands[0]
        value = number_in(first, numbers.decimal)
        findings.warnings.append(
            f'In {name!r} a {sign} separates thousands{by or ""}, in {len(numbers.thousands)} cells: {first!r} is '
            f'{value:.15g}. If it stands before decimals, use --decimal {sign}.'
        )
    if numbers.unit is not None:
        some = f' in {numbers.with_unit} of {fact.filled} cells' if numbers.with_unit < fact.filled else ''
        findings.assumptions.append(
            f'The unit {numbers.unit!r} stands in the cells of {name!r}{some} and is taken off.'
        )
    if numbers.codes:
        _explain_codes(fact, findings)
    if numbers.unread:
        text = listing_of(list(dict.fromkeys(numbers.unread)), 4)
        findings.warnings.append(
            f'{len(numbers.unread)} cells of {name!r} are not numbers and count as missing: {text}.'
        )
    quantity = quantity_of(name)
    known = [v for v in numbers.values if v is not None]
    if quantity is not None and not all(quantity[1] <= value <= quantity[2] for value in known):
        unit, low, high = quantity
        findings.warnings.append(
            f'{name!r} looks like a quantity in {unit}, from {low:g} to {high:g}, but its values are {min(known):g} to '
            f'{max(known):g}: it has no range in the config.'
        )
    distinct = set(known)
    if 3 <= len(distinct) <= 5 and all(v.is_integer() for v in distinct) and not numbers.codes:
        findings.warnings.append(
            f'{name!r} is taken as a number; if its {len(distinct)} values are codes of categories, write '
            f'dict(name={name!r}, values={tuple(sorted(fact.counts, key=natural))!r}) in the schema.'
        )


def _warn_of_used(facts: Sequence[ColumnFacts], labels: Sequence[str | None], findings: Findings) -> None:
    """Report formats of numbers, words for missing values, and missing cells that point to a class."""
    _warn_of_two_formats(facts, findings)
    words: dict[str, list[str]] = {}
    classes: dict[str, list[str]] = {}
    for fact in facts:
        if fact.missing_words:
            counts = sorted(fact.missing_words.items(), key=lambda item: (-item[1], item[0]))
            words.setdefault(', '.join(f'{word!r} ({count})' for word, count in counts), []).append(fact.name)
        for text in absence_of_one_class(fact, labels):
            classes.setdefault(text, []).append(fact.name)
    for text, names in words.items():
        findings.warnings.append(
            f'In {listing_of(names)} these words are taken as missing: {text}. Rename one that is a value.'
        )
    for text, names in classes.items():
        findings.warnings.append(
            f'In {listing_of(names)} the missing cells give a class away: {text}. Leave out the class (--classes) or '
            'the columns (--ignore).'
        )


def _explain_codes(fact: ColumnFacts, findings: Findings) -> None:
    codes = fact.numbers.codes
    text = ', '.join(sorted(set(codes)))
    findings.assumptions.append(f'In {fact.name!r} {text} stands for a missing value: {len(codes)} cells.')


def _warn_of_two_formats(facts: Sequence[ColumnFacts], findings: Findings) -> None:
    """Report that some columns have decimal commas and some decimal points."""
    commas, points = ([f for f in facts if f.is_number and f.forms.votes == sign] for sign in ('comma', 'point'))
    if commas and points:
        findings.warnings.append(
            f'Columns have decimal commas ({listing_of([f.name for f in commas], 5)}) or decimal points '
            f'({listing_of([f.name for f in points], 5)}); each is read by its own cells, as '
            f'{commas[0].forms.commas[0]!r} and {points[0].forms.points[0]!r}.'
        )


def _warn_of_codes(fact: ColumnFacts, findings: Findings) -> None:
    """Report values such as 999 among plausible numbers, which are read as numbers."""
    if fact.is_number and (codes := fact.numbers.probable_codes):
        text = ', '.join(f'{value:g} ({count} cells)' for value, count in codes.items())
        findings.warnings.append(
            f'In {fact.name!r} these are probably codes of a missing value, but are used as they are: {text}. Empty '
            'these cells if they are.'
        )
