"""The nearest valid names to one that is not valid: "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 12  # valid names that a message lists


def nearest(name: str, valid: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """The valid names most similar to a name, best first; case and surrounding spaces are ignored.

    Args:
        name: What was written.
        valid: The valid names.
        count: At most so many.
        cutoff: Least similarity, 0 to 1, see `difflib.get_close_matches`.

    Example:
        >>> nearest('Trian ', ['train', 'test', 'serve'])
        ['train']
    """
    by_lower = {item.lower(): item for item in valid}
    return [by_lower[match] for match in get_close_matches(name.strip().lower(), list(by_lower), count, cutoff)]


def suggestion(name: str, valid: Iterable[str], count: int = 1, cutoff: float = 0.6) -> str:
    """The end of a message that lists the valid names itself: `, did you mean ...?`, or an empty text without a match.

    Args:
        name, valid, count, cutoff: See `nearest`.

    Example:
        >>> suggestion('scc ', ('ADC', 'SCC'))
        ", did you mean 'SCC'?"
    """
    matches = nearest(name, valid, count, cutoff)
    return f', did you mean {" or ".join(map(repr, matches))}?' if matches else ''


def did_you_mean(name: str, valid: Iterable[str], count: int = 1, cutoff: float = 0.6) -> str:
    """The end of a message about an invalid name: the nearest valid names, or, without any, the list of them.

    Args:
        name, valid, count, cutoff: See `nearest`.

    Example:
        >>> did_you_mean('tran', ['train', 'test'])
        "did you mean 'train'?"
        >>> did_you_mean('x', ['train', 'test'])
        'valid names are train, test'
        >>> did_you_mean('x', [])
        'there are no valid names'
    """
    known = list(valid)
    if found := suggestion(name, known, count, cutoff):
        return found.removeprefix(', ')
    if not known:
        return 'there are no valid names'
    rest = f' and {len(known) - SHOWN} more' if len(known) > SHOWN else ''
    return f'valid names are {", ".join(known[:SHOWN])}{rest}'
