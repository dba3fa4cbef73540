"""Categories of clinical variables that a config leaves to the training part (`values='auto'`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmengine.config import Config

from usmm.registry import DATASETS
from usmm.structures import Schema, auto_values


def settle_categories(config: Config, known: Mapping[str, Sequence[str]] | None = None) -> dict[str, tuple[str, ...]]:
    """Put categories in place of every `'auto'` of a config, wherever its schema was referred to.

    Args:
        config: The resolved config; changed in place.
        known: Variable -> categories, as weights bring them; else those of the training part are taken.

    Returns:
        Variable -> categories, of those that were `'auto'`.
    """
    variables = [v for v in Schema.of(config.schema.to_dict()).clinical if v.values == 'auto']
    if not variables:
        return {}
    if known is not None and {v.name for v in variables} <= set(known):
        found = {v.name: tuple(known[v.name]) for v in variables}
    else:
        bare = DATASETS.build({**config.dataset, 'part': 'train', 'pipeline': ()})
        found = {v.name: auto_values(bare.cases, v) for v in variables}
    _replace_auto(config._cfg_dict, found)
    return found


def _replace_auto(node: object, values: Mapping[str, tuple[str, ...]]) -> None:
    if isinstance(node, dict):
        if node.get('values') == 'auto' and node.get('name') in values:
            node['values'] = values[node['name']]
        for item in node.values():
            _replace_auto(item, values)
    elif isinstance(node, (list, tuple)):
        for item in node:
            _replace_auto(item, values)
