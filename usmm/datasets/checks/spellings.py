"""Categories that are read off the cells and are probably one, written in several ways."""

from __future__ import annotations

import re
from collections.abc import Sequence

from usmm.structures import Case, Variable

ZEROS_BEHIND = re.compile(r'(?<=\d)[.,]0+$')


def alike_categories(variable: Variable, cases: Sequence[Case]) -> str | None:
    """What to report of categories of an `'auto'` variable that differ in case, blanks or decimals alone, or None.

    Args:
        variable: The variable; one with declared categories has none of these.
        cases: The cases.

    Example:
        >>> cases = [Case(str(i), str(i), clinical={'side': side}) for i, side in enumerate(['left', 'Left', 'right'])]
        >>> alike_categories(Variable('side', values='auto'), cases)
        "categories of 'side' differ in upper and lower case, blanks or decimals alone: ['Left', 'left']"
    """
    if variable.values != 'auto':
        return None
    groups: dict[str, set[str]] = {}
    for case in cases:
        value = case.clinical.get(variable.name)
        if value is not None:
            key = ZEROS_BEHIND.sub('', ' '.join(str(value).casefold().split()))
            groups.setdefault(key, set()).add(str(value))
    alike = [str(sorted(names)) for names in groups.values() if len(names) > 1]
    if not alike:
        return None
    listed = '; '.join(alike)
    return f'categories of {variable.name!r} differ in upper and lower case, blanks or decimals alone: {listed}'
