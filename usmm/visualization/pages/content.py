"""Reading what runs have written: content as JSON holds it, of which any part may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Content = Mapping[str, object]
"""The content of a metrics.json or summary.json, a row of a study, or a part of one of them."""


def part_of(content: Content, *keys: str) -> Content:
    """The mapping that stands below some keys; empty where there is none.

    Example:
        >>> row = {'metrics': {'auc': {'mean': 0.8}, 'f1': None}}
        >>> part_of(row, 'metrics', 'auc'), part_of(row, 'metrics', 'f1'), part_of(row, 'difference')
        ({'mean': 0.8}, {}, {})
    """
    for key in keys:
        found = content.get(key)
        content = found if isinstance(found, Mapping) else {}
    return content


def items_of(content: Content, key: str) -> Sequence[object]:
    """The list that stands at a key; empty where there is none.

    Example:
        >>> items_of({'seeds': [0, 1]}, 'seeds'), items_of({'seeds': None}, 'seeds')
        ([0, 1], ())
    """
    found = content.get(key)
    return found if isinstance(found, Sequence) and not isinstance(found, str) else ()


def name_of(row: Content) -> str:
    """The name of a row of a study."""
    return str(row['name'])
