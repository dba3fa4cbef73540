"""Metrics for mmengine's evaluator: thin wrappers over `usmm.stats`."""

from usmm.metrics.case_metrics import CaseMetrics, score_metrics

__all__ = ['CaseMetrics', 'score_metrics']
