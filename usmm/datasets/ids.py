"""Ids of patients that may be one patient written twice: a leak that no comparison of equal ids can see."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from usmm.structures import patient_key

LEADING_ZEROS = re.compile(r'(?<!\d)0+(?=\d)')
WHOLE = re.compile(r'(\d+)[.,]0+')  # a whole number that a spreadsheet program wrote with decimals
# Letters that are drawn as a Latin one. Of some Greek letters the capital and the small one are like different letters.
CASED = str.maketrans({
    '\N{GREEK CAPITAL LETTER NU}': 'n', '\N{GREEK SMALL LETTER NU}': 'v', '\N{GREEK CAPITAL LETTER ETA}': 'h',
    '\N{GREEK SMALL LETTER ETA}': 'n', '\N{GREEK CAPITAL LETTER UPSILON}': 'y', '\N{GREEK SMALL LETTER UPSILON}': 'u',
    '\N{NUMERO SIGN}': '',
})  # fmt: skip
ALIKE = str.maketrans({
    '\N{CYRILLIC SMALL LETTER A}': 'a', '\N{CYRILLIC SMALL LETTER VE}': 'b', '\N{CYRILLIC SMALL LETTER IE}': 'e',
    '\N{CYRILLIC SMALL LETTER KA}': 'k', '\N{CYRILLIC SMALL LETTER EM}': 'm', '\N{CYRILLIC SMALL LETTER EN}': 'h',
    '\N{CYRILLIC SMALL LETTER O}': 'o', '\N{CYRILLIC SMALL LETTER ER}': 'p', '\N{CYRILLIC SMALL LETTER ES}': 'c',
    '\N{CYRILLIC SMALL LETTER TE}': 't', '\N{CYRILLIC SMALL LETTER HA}': 'x', '\N{CYRILLIC SMALL LETTER U}': 'y',
    '\N{CYRILLIC SMALL LETTER STRAIGHT U}': 'y', '\N{CYRILLIC SMALL LETTER DZE}': 's',
    '\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}': 'i', '\N{CYRILLIC SMALL LETTER JE}': 'j',
    '\N{CYRILLIC SMALL LETTER SHHA}': 'h', '\N{CYRILLIC SMALL LETTER KOMI DE}': 'd',
    '\N{CYRILLIC SMALL LETTER QA}': 'q', '\N{CYRILLIC SMALL LETTER WE}': 'w', '\N{CYRILLIC SMALL LETTER PALOCHKA}': 'l',
    '\N{CYRILLIC SMALL LETTER ZE}': '3', '\N{CYRILLIC SMALL LETTER BE}': '6',
    '\N{GREEK SMALL LETTER ALPHA}': 'a', '\N{GREEK SMALL LETTER BETA}': 'b', '\N{GREEK SMALL LETTER EPSILON}': 'e',
    '\N{GREEK SMALL LETTER ZETA}': 'z', '\N{GREEK SMALL LETTER IOTA}': 'i', '\N{GREEK SMALL LETTER KAPPA}': 'k',
    '\N{GREEK SMALL LETTER MU}': 'm', '\N{GREEK SMALL LETTER OMICRON}': 'o', '\N{GREEK SMALL LETTER RHO}': 'p',
    '\N{GREEK SMALL LETTER TAU}': 't', '\N{GREEK SMALL LETTER CHI}': 'x', '\N{GREEK SMALL LETTER OMEGA}': 'w',
    # Latin letters that do not decompose into a letter and an accent
    '\N{LATIN SMALL LETTER O WITH STROKE}': 'o', '\N{LATIN SMALL LETTER L WITH STROKE}': 'l',
    '\N{LATIN SMALL LETTER D WITH STROKE}': 'd', '\N{LATIN SMALL LETTER ETH}': 'd',
    '\N{LATIN SMALL LETTER H WITH STROKE}': 'h', '\N{LATIN SMALL LETTER T WITH STROKE}': 't',
    '\N{LATIN SMALL LETTER DOTLESS I}': 'i', '\N{LATIN SMALL LETTER AE}': 'ae', '\N{LATIN SMALL LIGATURE OE}': 'oe',
    '\N{LATIN SMALL LETTER THORN}': 'th', '\N{LATIN SMALL LETTER KRA}': 'k', '\N{LATIN SMALL LETTER ENG}': 'n',
})  # fmt: skip
UMLAUT = re.compile('(?<=[aou])e')  # M\u00fcller is written Mueller and Muller
AS_DIGITS = str.maketrans('oil', '011')
BETWEEN_NUMBERS = re.compile(r'(?<=\d)[\W_]+(?=\d)')
SIGNS = re.compile(r'[^\w ]|_')
UNKNOWN = frozenset({
    'anonym', 'anonymised', 'anonymisiert', 'anonymized', 'anonymous', 'blank', 'desconhecido', 'desconocida',
    'desconocido', 'empty', 'inconnu', 'inconnue', 'keineangabe', 'keineangaben', 'missing', 'nan', 'nil', 'noid',
    'none', 'nopatient', 'notavailable', 'notknown', 'notrecorded', 'null', 'okand', 'onbekend', 'sconosciuto', 'tba',
    'tbc', 'tbd', 'ukendt', 'ukjent', 'unbek', 'unbekannt', 'undefined', 'undetermined', 'unk', 'unknown',
    'unspecified', 'xxx',
})  # fmt: skip
ABBREVIATED = frozenset({'nd', 'ka', 'nn', 'na', 'nk', 'nb'})  # without a sign (`n.d.`) they may be initials


def same_patient(patient_ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different ids that differ in case or blanks alone, each sorted.

    Example:
        >>> same_patient(['p1', 'P1', 'p 1', 'p2', 'p2'])
        [('P1', 'p 1', 'p1')]
    """
    return _groups(patient_ids, patient_key)


def loose_key(patient_id: str) -> str:
    """The same without accents, signs, leading zeros and decimals, and with letters that look alike made one.

    Alike are the letters of the Latin, Cyrillic and Greek alphabets that are drawn alike, digits of all scripts, O and
    0, I, l and 1, and the ways to write an umlaut: ü, ue and u. A sign between two numbers is kept as such.

    Example:
        >>> loose_key('P-O12') == loose_key('p_012') == loose_key('\N{CYRILLIC CAPITAL LETTER ER}12'), loose_key('José')
        (True, 'j0se')
        >>> loose_key('Müller 7') == loose_key('Mueller-07'), loose_key('1.0') == loose_key('#1'), loose_key('1-2')
        (True, True, '1 2')
    """
    text = unicodedata.normalize('NFKD', patient_id.translate(CASED))
    text = patient_key(''.join(c for c in text if not unicodedata.combining(c)).translate(CASED))
    text = ''.join(str(unicodedata.digit(c, c)) for c in text).translate(ALIKE)
    whole = WHOLE.fullmatch(text)
    text = UMLAUT.sub('', whole[1] if whole else text).translate(AS_DIGITS)
    return LEADING_ZEROS.sub('', SIGNS.sub('', BETWEEN_NUMBERS.sub(' ', text)))  # 1-12 and 11-2 are two patients


def perhaps_same_patient(patient_ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different ids that become one by `loose_key`, but not without case and blanks.

    Example:
        >>> perhaps_same_patient(['1', '01', 'p2', 'P2', 'A-7', 'A7'])
        [('01', '1'), ('A-7', 'A7')]
    """
    ids = list(patient_ids)
    groups = _groups(ids, loose_key)
    return [group for group in groups if len({patient_key(i) for i in group}) > 1]


def unknown_ids(ids: Counter[str]) -> list[str]:
    """Ids that are a word for "not known" and stand before several cases, which are hardly of one patient; sorted.

    Args:
        ids: Patient id -> number of its cases.

    Example:
        >>> unknown_ids(Counter({'unknown': 3, 'n.d.': 2, 'ND': 2, 'tbd': 1, 'P7': 4}))
        ['n.d.', 'unknown']
    """
    return sorted(patient_id for patient_id, cases in ids.items() if cases > 1 and _is_unknown(patient_id))


def _is_unknown(patient_id: str) -> bool:
    key = patient_key(patient_id)
    letters = ''.join(c for c in key if c.isalnum())
    return not letters or letters in UNKNOWN or (letters in ABBREVIATED and letters != key)


def _groups(patient_ids: Iterable[str], key: Callable[[str], str]) -> list[tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for patient_id in patient_ids:
        found[key(patient_id)].add(patient_id)
    return sorted(tuple(sorted(ids)) for ids in found.values() if len(ids) > 1)
