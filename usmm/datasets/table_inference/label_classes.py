"""The label column, its classes in order, and the positive one of two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.name_words import (
    HEALTHY_WORDS,
    LABEL_NAMES,
    NEGATIONS,
    NEGATIVE_WORDS,
    NO_WORDS,
    POSITIVE_WORDS,
    UNCLEAR_WORDS,
    YES_WORDS,
    is_negation,
    listing_of,
    natural,
    plain_name,
    spelling_key,
    spellings,
    words_of,
)
from usmm.datasets.table_inference.table_hints import Question, TableHints, UndecidedError
from usmm.datasets.table_inference.table_roles import Findings, LabelRole
from usmm.readers import DataError
from usmm.utils.suggestions import did_you_mean

MOST_CLASSES = 20
CHOICES = 15  # columns that a question lists


def infer_label(facts: Mapping[str, ColumnFacts], hints: TableHints, findings: Findings) -> LabelRole:
    """The label of a table.

    Args:
        facts: Column -> what its cells are.
        hints: What a person stated.
        findings: Collects role, assumptions and warnings.

    Raises:
        UndecidedError: No column, or several, may be the label; or it is open which of two classes is positive.
        DataError: The label has fewer than two classes, or too many.
        ValueError: A class that no cell has.
    """
    column = hints.label if hints.label is not None else _label_column(facts, findings.free())
    fact = facts[column]
    groups = spellings(fact.counts)
    if len(groups) < 2:
        text = f'the label {column!r} has {len(groups)} class {list(fact.counts)}; training needs two or more'
        raise DataError(f'{text}{_words_read_as_missing(fact)}: name another column with --label')
    spelling = {text: max(group, key=fact.counts.__getitem__) for group in groups.values() for text in group}
    renamed = _names_of_a_healthy_state(column, dict.fromkeys(spelling.values()))
    if renamed:
        spelling = {text: renamed[name] for text, name in spelling.items()}
        shown = ', '.join(f'{old!r} is {new!r}' for old, new in renamed.items())
        findings.assumptions.append(f'The values of the label {column!r} are named after it: {shown}.')
    hints = replace(
        hints,
        classes=tuple(_renamed(name, renamed) for name in hints.classes),
        positive=None if hints.positive is None else _renamed(hints.positive, renamed),
    )
    counts = Counter(spelling[cell] for cell in fact.cells if cell is not None)
    classes = _classes(column, counts, hints)
    ignored = {name: count for name, count in counts.items() if name not in classes}
    positive = _positive(column, classes, hints, findings)
    if len(classes) == 2 and not hints.classes:
        classes = tuple(sorted(classes, key=lambda name: name == positive))
    _explain(fact, groups, counts, classes, hints, findings)
    return LabelRole(column, classes, positive, spelling, ignored)


def _names_of_a_healthy_state(column: str, values: Iterable[str]) -> dict[str, str]:
    """New names of yes and no in a column such as `benign`, where yes is the negative class; none in others."""
    words = {*words_of(column)}
    if not words & HEALTHY_WORDS or is_negation(column):
        return {}
    yes = [value for value in values if _plain_value(value) in YES_WORDS]
    no = [value for value in values if _plain_value(value) in NO_WORDS]
    return {yes[0]: column, no[0]: f'not {column}'} if len(yes) == len(no) == 1 else {}


def _renamed(name: str, renamed: Mapping[str, str]) -> str:
    return next((new for old, new in renamed.items() if spelling_key(old) == spelling_key(name)), name)


def _plain_value(value: str) -> str:
    return plain_name(value.replace('+', 'positive').removesuffix('.0'))


def _label_column(facts: Mapping[str, ColumnFacts], free: Sequence[str]) -> str:
    named = [[n for n in free if plain_name(n) in names] for names in LABEL_NAMES]
    fitting = [[n for n in group if 2 <= len(spellings(facts[n].counts)) <= MOST_CLASSES] for group in named]
    for all_named, good in zip(named, fitting):
        if len(good) == 1:
            return good[0]
        if len(good) > 1:
            raise UndecidedError([_which_label(good, 'more than one column is named like a label')])
        if len(all_named) == 1 and facts[all_named[0]].distinct < 2:
            raise DataError(
                f'the label {all_named[0]!r} has {facts[all_named[0]].distinct} class '
                f'{list(facts[all_named[0]].counts)}; training needs two or more'
                f'{_words_read_as_missing(facts[all_named[0]])}: name another column with --label'
            )
    possible = [n for n in free if 2 <= facts[n].distinct <= 6 and 2 * facts[n].filled > len(facts[n].cells)]
    raise UndecidedError([_which_label(possible, 'no column is named like a label')])


def _words_read_as_missing(fact: ColumnFacts) -> str:
    """The words of a label that are read as missing, as a part of a message."""
    if not (words := fact.missing_words):
        return ''
    shown = ', '.join(f'{word!r} ({count} cells)' for word, count in words.most_common(5))
    return f'; {shown} is read as missing, so write another word, such as "no finding", if it is a class'


def _which_label(names: Sequence[str], why: str) -> Question:
    shown = listing_of(names, CHOICES) or 'none has 2 to 6 different values'
    text = f'Which column is the label? ({why}; columns with few values: {shown})'
    return Question('label', text, '--label COLUMN', tuple(names), open=True)


def _classes(column: str, counts: Counter[str], hints: TableHints) -> tuple[str, ...]:
    if not hints.classes:
        if len(counts) > MOST_CLASSES:
            text = f'the label {column!r} has {len(counts)} different values, as {listing_of(list(counts), 5)}'
            raise DataError(f'{text}: a class each is too many; name the classes with --classes, or another --label')
        return tuple(sorted(counts, key=natural))
    by_key = {spelling_key(name): name for name in counts}
    for name in hints.classes:
        if spelling_key(name) not in by_key:
            raise ValueError(f'no cell of {column!r} is {name!r} (--classes); {did_you_mean(name, counts)}')
    classes = tuple(dict.fromkeys(by_key[spelling_key(name)] for name in hints.classes))
    if len(classes) < 2:
        raise ValueError(f'--classes needs two or more different classes, got {list(hints.classes)}')
    return classes


def _positive(column: str, classes: tuple[str, ...], hints: TableHints, findings: Findings) -> str | None:
    if hints.positive is not None:
        match = [name for name in classes if spelling_key(name) == spelling_key(hints.positive)]
        if not match:
            raise ValueError(
                f'the positive class {hints.positive!r} is not a class; {did_you_mean(hints.positive, classes)}'
            )
        return match[0] if len(classes) == 2 else None
    if len(classes) != 2:
        return None
    healthy = [name for name in classes if name == column and classes[1 - classes.index(name)] == f'not {column}']
    if healthy and {*words_of(column)} & HEALTHY_WORDS:
        positive = f'not {column}'
        findings.assumptions.append(f'The positive class, for sensitivity and AUC, is {positive!r}.')
        return positive
    keys = [_plain_value(name) for name in classes]
    is_positive, is_negative = [k in POSITIVE_WORDS for k in keys], [k in NEGATIVE_WORDS for k in keys]
    if is_negation(column) and {*keys} <= YES_WORDS | NO_WORDS:
        is_positive = is_negative = [False, False]  # 'no cancer: yes' is the negative class
    if any(key.isdigit() for key in keys) and set(keys) != {'0', '1'}:
        is_positive = is_negative = [False, False]  # 1 and 2: either may be the disease
    for i in (0, 1):
        if (is_positive[i] or is_negative[1 - i]) and not (is_positive[1 - i] or is_negative[i]):
            if not is_positive[i] and is_negation(classes[i]) and not _negates(classes[i], classes[1 - i]):
                break  # 'malignancy excluded' beside 'benign': neither may be the disease
            by = classes[i] if is_positive[i] else classes[1 - i]
            findings.assumptions.append(
                f'The positive class, for sensitivity and AUC, is {classes[i]!r} (recognised by the word {by!r}).'
            )
            return classes[i]
    text = f'Which class is the positive one, for sensitivity and AUC: {classes[0]!r} or {classes[1]!r}?'
    raise UndecidedError([Question('positive', text, '--positive CLASS', classes)])


def _negates(name: str, other: str) -> bool:
    """Whether a name is the other one with a negation, as `not benign` is of `benign`."""
    return [word for word in words_of(name) if word not in NEGATIONS] == words_of(other)


def _explain(
    fact: ColumnFacts,
    groups: Mapping[str, Sequence[str]],
    counts: Counter[str],
    classes: Sequence[str],
    hints: TableHints,
    findings: Findings,
) -> None:
    reason = 'stated' if hints.label is not None else 'by its name'
    findings.take(fact.name, 'label', f'{reason}; classes {", ".join(f"{n} ({counts[n]})" for n in classes)}')
    for group in groups.values():
        if len(group) > 1:
            text = ', '.join(f'{name!r} ({fact.counts[name]})' for name in group)
            findings.assumptions.append(f'These spellings are one class: {text}.')
    for name in classes:
        if plain_name(name) in UNCLEAR_WORDS:
            findings.warnings.append(f'Is {name!r} a class, with {counts[name]} cases? --classes leaves others out.')
    for meaning in (YES_WORDS, NO_WORDS):
        alike = [name for name in classes if _plain_value(name) in meaning]
        if len(alike) > 1:
            findings.warnings.append(f'Are {listing_of(alike)} one class? Write it in one way, or use --classes.')
    if words := fact.missing_words:
        text = ', '.join(f'{word!r} ({count})' for word, count in words.most_common(5))
        findings.warnings.append(
            f'In the label {fact.name!r} these words are taken as missing: {text}. Rename one that is a class.'
        )
