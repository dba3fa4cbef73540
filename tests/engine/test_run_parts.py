"""Which parts a run has, and whether its test part is a fold."""

from __future__ import annotations

from typing import Any

import pytest
from mmengine.config import Config

from usmm.engine.run_parts import fold_of, is_folded, parts_of


@pytest.mark.parametrize(
    ('schema', 'split', 'folded', 'parts'),
    [
        (dict(), dict(folds=3, fold=2), True, ('train', 'val', 'test')),
        (dict(split='part'), dict(folds=3, fold=2), False, ('train', 'val', 'test')),
        (dict(), dict(folds=1), False, ('train', 'val')),
        (dict(), None, False, ('train', 'val')),
    ],
)
def test_parts(schema: dict[str, Any], split: dict[str, Any] | None, folded: bool, parts: tuple[str, ...]) -> None:
    config = Config(dict(schema=schema, split=split))
    assert (is_folded(config), parts_of(config)) == (folded, parts)
    assert fold_of(config, 'test') == (2 if folded else None)
    assert fold_of(config, 'all') is None
