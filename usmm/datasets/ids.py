"""Ids of patients that may be one patient written twice: a leak that no comparison of equal ids can see."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

LEADING_ZEROS = re.compile(r'(?<!\d)0+(?=\d)')
# Letters of other alphabets that are drawn as a Latin one, in lower case; and a letter for each digit drawn alike
ALIKE = str.maketrans({
    '\N{CYRILLIC SMALL LETTER A}': 'a', '\N{CYRILLIC SMALL LETTER VE}': 'b', '\N{CYRILLIC SMALL LETTER IE}': 'e',
    '\N{CYRILLIC SMALL LETTER KA}': 'k', '\N{CYRILLIC SMALL LETTER EM}': 'm', '\N{CYRILLIC SMALL LETTER EN}': 'h',
    '\N{CYRILLIC SMALL LETTER O}': '0', '\N{CYRILLIC SMALL LETTER ER}': 'p', '\N{CYRILLIC SMALL LETTER ES}': 'c',
    '\N{CYRILLIC SMALL LETTER TE}': 't', '\N{CYRILLIC SMALL LETTER HA}': 'x', '\N{CYRILLIC SMALL LETTER U}': 'y',
    '\N{GREEK SMALL LETTER ALPHA}': 'a', '\N{GREEK SMALL LETTER BETA}': 'b', '\N{GREEK SMALL LETTER EPSILON}': 'e',
    '\N{GREEK SMALL LETTER KAPPA}': 'k', '\N{GREEK SMALL LETTER MU}': 'm', '\N{GREEK SMALL LETTER NU}': 'n',
    '\N{GREEK SMALL LETTER OMICRON}': '0', '\N{GREEK SMALL LETTER RHO}': 'p', '\N{GREEK SMALL LETTER TAU}': 't',
    '\N{GREEK SMALL LETTER CHI}': 'x', 'o': '0', 'i': '1', 'l': '1', '\N{LATIN SMALL LETTER DOTLESS I}': '1',
})  # fmt: skip
BETWEEN_NUMBERS = re.compile(r'(?<=\d)[\W_]+(?=\d)')
SIGNS = re.compile(r'[^\w#]|_')
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


def same_patient(patient_ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different ids that differ in case or blanks alone, each sorted.

    Example:
        >>> same_patient(['p1', 'P1', 'p 1', 'p2', 'p2'])
        [('P1', 'p 1', 'p1')]
    """
    return _groups(patient_ids, patient_key)


def loose_key(patient_id: str) -> str:
    """The same without accents, dashes and other signs, leading zeros, and with letters that look alike made one.

    Alike are the letters of the Latin, Cyrillic and Greek alphabets that are drawn alike, and O and 0, I, l and 1.

    Example:
        >>> loose_key('P-O12') == loose_key('p_012') == loose_key('\N{CYRILLIC CAPITAL LETTER ER}12'), loose_key('José')
        (True, 'j0se')
    """
    text = unicodedata.normalize('NFKD', patient_key(patient_id))
    text = ''.join(c for c in text if not unicodedata.combining(c)).translate(ALIKE)
    return LEADING_ZEROS.sub('', SIGNS.sub('', BETWEEN_NUMBERS.sub('#', text)))  # 1-12 and 11-2 are two patients


def perhaps_same_patient(patient_ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different ids that become one by `loose_key`, but not without case and blanks.

    Example:
        >>> perhaps_same_patient(['1', '01', 'p2', 'P2', 'A-7', 'A7'])
        [('01', '1'), ('A-7', 'A7')]
    """
    ids = list(patient_ids)
    groups = _groups(ids, loose_key)
    return [group for group in groups if len({patient_key(i) for i in group}) > 1]


def _groups(patient_ids: Iterable[str], key: Callable[[str], str]) -> list[tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for patient_id in patient_ids:
        found[key(patient_id)].add(patient_id)
    return sorted(tuple(sorted(ids)) for ids in found.values() if len(ids) > 1)
