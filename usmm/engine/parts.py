"""Which parts a run's cases are dealt into."""

from __future__ import annotations

from mmengine.config import Config

from usmm.case import Schema


def is_folded(config: Config) -> bool:
    """Whether the test part is a fold; parts of the table's own split column are no folds."""
    split = config.get('split') or {}
    return Schema.of(config.schema.to_dict()).split is None and (split.get('folds') or 1) > 1


def parts_of(config: Config) -> tuple[str, ...]:
    """The parts that a run has, as far as its split has cases for them."""
    has_test = is_folded(config) or Schema.of(config.schema.to_dict()).split is not None
    return ('train', 'val', 'test') if has_test else ('train', 'val')


def fold_of(config: Config, part: str) -> int | None:
    """The number of the fold that rows of a part belong to; None where there are no folds."""
    return (config.get('split') or {}).get('fold', 0) if is_folded(config) and part != 'all' else None
