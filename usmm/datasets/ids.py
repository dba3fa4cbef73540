"""Ids of patients that may be one patient written twice: a leak that no comparison of equal ids can see."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

LEADING_ZEROS = re.compile(r'(?<!\d)0+(?=\d)')
INVISIBLE = ('Cc', 'Cf', 'Zs', 'Zl', 'Zp')  # blanks of every width, and characters that are not drawn at all


def patient_key(patient_id: str) -> str:
    """An id without what a typist varies: case, blanks, full-width forms.

    Example:
        >>> patient_key('P 12a') == patient_key('p12A')
        True
        >>> patient_key('p1') == patient_key('p01')
        False
    """
    text = unicodedata.normalize('NFKC', patient_id).casefold()
    return ''.join(c for c in text if unicodedata.category(c) not in INVISIBLE)


def number_key(patient_id: str) -> str:
    """The same without leading zeros.

    Example:
        >>> number_key('P-007') == number_key('p-7')
        True
    """
    return LEADING_ZEROS.sub('', patient_key(patient_id))


def same_patient(patient_ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different ids that differ in case or blanks alone, each sorted.

    Example:
        >>> same_patient(['p1', 'P1', 'p 1', 'p2', 'p2'])
        [('P1', 'p 1', 'p1')]
    """
    return _groups(patient_ids, patient_key)


def perhaps_same_patient(patient_ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different ids that become one without leading zeros, but not without case and blanks.

    Example:
        >>> perhaps_same_patient(['1', '01', 'p2', 'P2'])
        [('01', '1')]
    """
    ids = list(patient_ids)
    groups = _groups(ids, number_key)
    return [group for group in groups if len({patient_key(i) for i in group}) > 1]


def _groups(patient_ids: Iterable[str], key: Callable[[str], str]) -> list[tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for patient_id in patient_ids:
        found[key(patient_id)].add(patient_id)
    return sorted(tuple(sorted(ids)) for ids in found.values() if len(ids) > 1)
