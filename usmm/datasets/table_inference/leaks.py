"""Columns that contain the label: another spelling of it, or something that is known only once the answer is."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.name_words import is_conclusion

LEAST = 20  # labelled rows below which a coincidence is too likely
NEAR_PERFECT = 0.95


def leak_in(column: ColumnFacts, labels: Sequence[str | None]) -> str | None:
    """Why a column contains the label, or None.

    Args:
        column: The column.
        labels: Class of each row; None: not known.

    Example:
        >>> labels = ['benign', 'malignant'] * 15
        >>> leak_in(ColumnFacts('code', ['0', '1'] * 15), labels)
        'its values nearly determine the label (exceptions: 0 of 30)'
    """
    return by_values(column, labels) or by_absence(column, labels) or by_name(column.name)


def by_name(name: str) -> str | None:
    """Whether the name is that of a conclusion."""
    if is_conclusion(name):
        return 'named like a conclusion, which is known only after the diagnosis'
    return None


def by_values(column: ColumnFacts, labels: Sequence[str | None]) -> str | None:
    """Whether the values nearly predict the label: each category has one class, or a number separates the classes."""
    pairs = [(cell, label) for cell, label in zip(column.cells, labels) if cell is not None and label is not None]
    if len(pairs) < LEAST or len({label for _, label in pairs}) < 2:
        return None
    if column.distinct * 3 <= len(pairs):
        wrong, chance = _errors(pairs)
        if wrong <= (1 - NEAR_PERFECT) * chance:
            return f'its values nearly determine the label (exceptions: {wrong} of {len(pairs)})'
    if column.is_number:
        known = [(v, label) for v, label in zip(column.numbers.values, labels) if v is not None and label is not None]
        auc = _best_auc(known)
        if auc is not None and auc >= NEAR_PERFECT:
            return f'alone it nearly separates the classes (AUC {auc:.3f})'
    return None


def by_absence(column: ColumnFacts, labels: Sequence[str | None]) -> str | None:
    """Whether a cell is filled in one class and missing in the others."""
    pairs = [('missing' if cell is None else 'filled', label) for cell, label in zip(column.cells, labels) if label]
    counts = Counter(state for state, _ in pairs)
    if len(pairs) < LEAST or min(counts['missing'], counts['filled']) < LEAST // 4:
        return None
    wrong, chance = _errors(pairs)
    if wrong <= (1 - 0.9) * chance:
        return f'its missing cells nearly determine the label (exceptions: {wrong} of {len(pairs)})'
    return None


def _errors(pairs: Sequence[tuple[str, str | None]]) -> tuple[int, int]:
    """Labels that are wrong if each value has its most frequent class, and if all rows have the most frequent one."""
    by_value: dict[str, Counter[str | None]] = defaultdict(Counter)
    for value, label in pairs:
        by_value[value][label] += 1
    right = sum(max(counts.values()) for counts in by_value.values())
    most = max(Counter(label for _, label in pairs).values())
    return len(pairs) - right, len(pairs) - most


def _best_auc(pairs: Sequence[tuple[float, str]]) -> float | None:
    """The highest AUC of a number for one class against the others, of classes with five rows or more."""
    counts = Counter(label for _, label in pairs)
    if len(pairs) < LEAST or len(counts) < 2:
        return None
    ranks = _ranks([value for value, _ in pairs])
    best = []
    for name, count in counts.items():
        rest = len(pairs) - count
        if min(count, rest) < LEAST // 4:
            continue
        total = math.fsum(rank for rank, (_, label) in zip(ranks, pairs) if label == name)
        auc = (total - count * (count + 1) / 2) / (count * rest)
        best.append(max(auc, 1 - auc))
    # of three classes or more a number may well separate one; it is suspicious if it separates each
    return min(best) if best else None


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, ties shared."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for i in order[start : end + 1]:
            ranks[i] = (start + end) / 2 + 1
        start = end + 1
    return ranks
