"""The parts of a config's split: which there are, what selects the epoch, the fold that a part belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config

from usmm.datasets import CaseDataset
from usmm.registry import DATASETS
from usmm.structures import Schema
from usmm.structures.protocols import CaseSet, missing_members


def is_folded(config: Config) -> bool:
    """Whether the test part is a fold; parts of the table's own split column are no folds."""
    split = config.get('split') or {}
    return Schema.of(config.schema.to_dict()).split is None and (split.get('folds') or 1) > 1


def selection_of(config: Config, validated: bool, marked: bool) -> str:
    """Which data select the epoch: `'inner'`, `'test'`, `'column'` (the split column of the table) or `'last'`.

    Args:
        config: The resolved config.
        validated: Whether epochs are validated at all.
        marked: Whether a split column of the table marks a validation part; else it is cut from the training part.
    """
    if not validated:
        return 'last'
    selection: str = (config.get('split') or {}).get('selection', 'inner')
    return 'column' if marked and selection == 'inner' else selection


def marks_validation(parts: Mapping[str, CaseDataset]) -> bool:
    """Whether the table has a split column in which cases are marked `val`."""
    tables = [data.table for data in parts.values() if isinstance(data, CaseDataset)]
    return any('val' in table.parts.values() for table in tables)


def parts_of(config: Config) -> tuple[str, ...]:
    """The parts that a run has, as far as its split has cases for them."""
    has_test = is_folded(config) or Schema.of(config.schema.to_dict()).split is not None
    return ('train', 'val', 'test') if has_test else ('train', 'val')


def case_parts(config: Config) -> dict[str, CaseDataset]:
    """Part -> its cases, without transforms, of the parts that a run has."""
    settings = [{**config.dataset, 'part': part, 'pipeline': ()} for part in parts_of(config)]
    return {cfg['part']: DATASETS.build(cfg) for cfg in settings}


def fold_of(config: Config, part: str) -> int | None:
    """The number of the fold that rows of a part belong to; None where there are no folds."""
    return (config.get('split') or {}).get('fold', 0) if is_folded(config) and part != 'all' else None


def build_part(config: Config, part: str, pipeline: str) -> CaseDataset:
    """The data set of a part.

    Args:
        config: The resolved config.
        part: `'train'`, `'val'`, `'test'` or `'all'`.
        pipeline: The setting with its transforms: `'train_pipeline'` or `'test_pipeline'`.

    Raises:
        ValueError: The data set of the config is not one of cases.
    """
    part_of_table = None if part == 'all' else part
    transforms = config.get(pipeline, ())
    data: CaseDataset = DATASETS.build({**config.dataset, 'part': part_of_table, 'pipeline': transforms})
    if not isinstance(data, CaseSet):
        lacks = missing_members(data, CaseSet)
        raise ValueError(
            f'dataset of {config.name}: a {type(data).__name__} is not a data set of cases, it lacks {lacks}'
        )
    return data
