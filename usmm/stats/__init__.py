"""Statistics on labels and scores: numpy and scipy only, every result with its uncertainty where there is one."""

from usmm.stats.auc import RocCurve, auc_score, class_aucs, macro_auc, roc_curve
from usmm.stats.confusion import binary_rates, confusion_matrix, macro_rates, matthews
from usmm.stats.delong import AucInterval, AucTest, delong_interval, delong_test
from usmm.stats.intervals import Proportion, wilson_interval

__all__ = [
    'AucInterval',
    'AucTest',
    'Proportion',
    'RocCurve',
    'auc_score',
    'binary_rates',
    'class_aucs',
    'confusion_matrix',
    'delong_interval',
    'delong_test',
    'macro_auc',
    'macro_rates',
    'matthews',
    'roc_curve',
    'wilson_interval',
]
