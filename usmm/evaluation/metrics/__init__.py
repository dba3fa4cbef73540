"""Metrics for mmengine's evaluator: thin wrappers over `usmm.evaluation.stats`."""

from usmm.evaluation.metrics.case_metrics import CaseMetrics, score_metrics
from usmm.evaluation.metrics.task_metrics import CaseLoss, TaskMetrics, cross_entropy

__all__ = ['CaseLoss', 'CaseMetrics', 'TaskMetrics', 'cross_entropy', 'score_metrics']
