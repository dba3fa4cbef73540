"""Metrics for mmengine's evaluator: thin wrappers over `usmm.stats`."""

from usmm.metrics.case_metrics import CaseMetrics, score_metrics
from usmm.metrics.task_metrics import CaseLoss, TaskMetrics, cross_entropy

__all__ = ['CaseLoss', 'CaseMetrics', 'TaskMetrics', 'cross_entropy', 'score_metrics']
