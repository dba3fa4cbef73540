"""Columns that contain the label: another spelling of it, or something that is known only once the answer is."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.name_words import is_conclusion

LEAST = 20  # labelled rows below which a coincidence is too likely
NEAR_PERFECT = 0.95
UNLIKELY = 1e-3  # probability below which missing cells of one class alone are not a coincidence


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


def absence_of_one_class(column: ColumnFacts, labels: Sequence[str | None]) -> list[str]:
    """Which kinds of missing cells point to one class: as few as two cells may, where the class is as rare.

    Unlike `by_absence` this is not a reason to leave the column out, as it may be true of few cells.

    Args:
        column: The column.
        labels: Class of each row; None: not known.

    Example:
        >>> labels = ['normal'] * 4 + ['benign', 'malignant'] * 30
        >>> absence_of_one_class(ColumnFacts('halo', ['not applicable'] * 4 + ['yes', 'no', 'no'] * 20), labels)
        ["'not applicable' stands in 4 of the 4 cases of 'normal' and in 0 of the 60 others"]
    """
    kinds = [
        None if label is None or cell is not None else (raw or '').casefold()
        for raw, cell, label in zip(column.raw, column.cells, labels)
    ]
    words = {kind: raw for kind, raw in zip(kinds, column.raw) if kind is not None}
    shown: list[tuple[str, list[bool]]] = [
        (f'{word!r} stands' if word else 'an empty cell stands', [kind == key for kind in kinds])
        for key, word in words.items()
    ]
    if len(words) > 1:
        shown.append(('a missing value stands', [kind is not None for kind in kinds]))
    if words:
        shown.append(('a value stands', [cell is not None for cell in column.cells]))
    texts = []
    for what, marks in shown:
        chosen = Counter(label for label, mark in zip(labels, marks) if mark and label is not None)
        sizes = Counter(label for label in labels if label is not None)
        if not chosen or len(sizes) < 2:
            continue
        name, hits = chosen.most_common(1)[0]
        total, marked, size = sizes.total(), chosen.total(), sizes[name]
        if hits >= NEAR_PERFECT * marked and _chance(total, size, marked, hits) < UNLIKELY:
            texts.append(
                f'{what} in {hits} of the {size} cases of {name!r} and in {marked - hits} of the {total - size} others'
            )
    return texts[:1] if len(texts) == 2 and len(words) == 1 else texts


def _chance(total: int, size: int, marked: int, hits: int) -> float:
    """The probability that of `marked` cells drawn from `total` at least `hits` are among `size` (hypergeometric)."""
    ways = sum(math.comb(size, i) * math.comb(total - size, marked - i) for i in range(hits, min(size, marked) + 1))
    return ways / math.comb(total, marked)


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
