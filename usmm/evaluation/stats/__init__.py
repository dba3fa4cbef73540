"""Statistics on labels and scores, every result with its uncertainty where there is one.

scikit-learn, scipy and statsmodels compute what they have; docs/evaluation.md lists the functions that are written
here, with the reason. scikit-learn and statsmodels are imported at the first call, so that the import of the package
stays short.
"""

from usmm.evaluation.stats.auc import RocCurve, auc_score, auc_word, class_aucs, macro_auc, roc_curve
from usmm.evaluation.stats.bootstrap import BootstrapInterval, cluster_bootstrap
from usmm.evaluation.stats.calibration import (
    ReliabilityCurve,
    brier_score,
    expected_calibration_error,
    reliability_curve,
)
from usmm.evaluation.stats.clustered_auc import (
    ClusteredAuc,
    auc_influence,
    clustered_auc,
    clustered_auc_test,
    clustered_macro_auc,
    clustered_macro_auc_test,
)
from usmm.evaluation.stats.confusion import binary_rates, confusion_matrix, macro_rates, matthews
from usmm.evaluation.stats.decision_curve import DecisionCurve, decision_curve
from usmm.evaluation.stats.delong import AucInterval, AucTest, delong_interval, delong_test
from usmm.evaluation.stats.group_tests import GroupTest, compare_categories, compare_numbers, fisher_pvalue, welch_anova
from usmm.evaluation.stats.icc import Icc, all_iccs, icc
from usmm.evaluation.stats.intervals import Proportion, clopper_pearson_interval, wilson_interval
from usmm.evaluation.stats.mcnemar import McNemarTest, mcnemar_counts, mcnemar_test
from usmm.evaluation.stats.multiple import adjust_pvalues, holm
from usmm.evaluation.stats.operating_point import (
    OperatingPoint,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
    youden_point,
)
from usmm.evaluation.stats.ordinal import Kappa, StageError, mean_stage_error, weighted_kappa
from usmm.evaluation.stats.power import (
    SampleSize,
    patients_for_auc,
    patients_for_difference,
    patients_for_sensitivity,
)
from usmm.evaluation.stats.precision_recall import PrecisionRecallCurve, average_precision, precision_recall_curve
from usmm.evaluation.stats.rate_intervals import Rate, limits_of, mean_interval, rate_intervals
from usmm.evaluation.stats.reader_study import (
    ReaderEstimate,
    ReaderStudy,
    auc_covariance,
    compare_conditions,
    compare_with_model,
)
from usmm.evaluation.stats.recalibration import CalibrationFit, Coefficient, calibration_fit
from usmm.evaluation.stats.resampled import ResampledTest, corrected_resampled_test
from usmm.evaluation.stats.tables import Column, PatientTable, TableRow, make_table

__all__ = [
    'AucInterval',
    'AucTest',
    'BootstrapInterval',
    'CalibrationFit',
    'ClusteredAuc',
    'Coefficient',
    'Column',
    'DecisionCurve',
    'GroupTest',
    'Icc',
    'Kappa',
    'McNemarTest',
    'OperatingPoint',
    'PatientTable',
    'PrecisionRecallCurve',
    'Proportion',
    'Rate',
    'ReaderEstimate',
    'ReaderStudy',
    'ReliabilityCurve',
    'ResampledTest',
    'RocCurve',
    'SampleSize',
    'StageError',
    'TableRow',
    'adjust_pvalues',
    'all_iccs',
    'auc_covariance',
    'auc_influence',
    'auc_score',
    'auc_word',
    'average_precision',
    'binary_rates',
    'brier_score',
    'calibration_fit',
    'class_aucs',
    'clopper_pearson_interval',
    'cluster_bootstrap',
    'clustered_auc',
    'clustered_auc_test',
    'clustered_macro_auc',
    'clustered_macro_auc_test',
    'compare_categories',
    'compare_conditions',
    'compare_numbers',
    'compare_with_model',
    'confusion_matrix',
    'corrected_resampled_test',
    'decision_curve',
    'delong_interval',
    'delong_test',
    'expected_calibration_error',
    'fisher_pvalue',
    'holm',
    'icc',
    'limits_of',
    'macro_auc',
    'macro_rates',
    'make_table',
    'matthews',
    'mcnemar_counts',
    'mcnemar_test',
    'mean_interval',
    'mean_stage_error',
    'patients_for_auc',
    'patients_for_difference',
    'patients_for_sensitivity',
    'precision_recall_curve',
    'rate_intervals',
    'reliability_curve',
    'roc_curve',
    'sensitivity_at_specificity',
    'specificity_at_sensitivity',
    'weighted_kappa',
    'welch_anova',
    'wilson_interval',
    'youden_point',
]
