"""From a case table to cases: the table, folds and parts, the data set and its sampler."""

from usmm.datasets.case_dataset import CaseDataset, fresh
from usmm.datasets.case_table import CaseTable
from usmm.datasets.folds import (
    check_disjoint,
    inner_split,
    make_folds,
    read_folds,
    split_cases,
    table_folds,
    write_folds,
)
from usmm.datasets.multitask import MultiTaskDataset, TaskBatchSampler
from usmm.datasets.pair_pool import PairPool
from usmm.datasets.paired_views import PairedViews
from usmm.datasets.samplers import CaseBatchSampler, CaseSampler
from usmm.datasets.split_settings import Split
from usmm.datasets.table_problem import Problem

__all__ = [
    'CaseBatchSampler',
    'CaseDataset',
    'CaseSampler',
    'CaseTable',
    'MultiTaskDataset',
    'PairPool',
    'PairedViews',
    'Problem',
    'Split',
    'TaskBatchSampler',
    'check_disjoint',
    'fresh',
    'inner_split',
    'make_folds',
    'read_folds',
    'split_cases',
    'table_folds',
    'write_folds',
]
