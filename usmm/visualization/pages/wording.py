"""How reports name metrics and write numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

METRICS = {
    'auc': 'AUC',
    'accuracy': 'Accuracy',
    'balanced_accuracy': 'Balanced accuracy',
    'tpr': 'Sensitivity (TPR)',
    'tnr': 'Specificity (TNR)',
    'precision': 'Precision (PPV)',
    'f1': 'F1',
    'mcc': 'MCC',
    'brier': 'Brier score',
    'ece': 'ECE',
    'quadratic_kappa': 'Quadratic kappa',
    'stage_error': 'Mean error in stages',
}
SELECTION = {
    'inner': 'on a validation part cut by patient from the training folds',
    'column': "on the validation part of the table's split column",
    'last': 'none, the last epoch',
    'test': 'ON THE TEST PART ITSELF: the numbers are optimistic',
}
NOTHING = '\N{EN DASH}'  # in a cell that has no value


def metric_label(name: str) -> str:
    """A metric's name for a reader.

    Example:
        >>> metric_label('image/auc'), metric_label('kappa')
        ('Image stage: AUC', 'kappa')
    """
    stage, _, plain = name.rpartition('/')
    label = METRICS.get(plain, plain)
    return f'{stage.capitalize()} stage: {label}' if stage else label


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def number(value: object, digits: int = 3, sign: bool = False) -> str:
    """A number with fixed digits; a dash where there is none.

    Example:
        >>> number(0.5), number(-0.25, 2, sign=True), number(float('nan')) == NOTHING
        ('0.500', '-0.25', True)
    """
    if not is_number(value):
        return NOTHING
    # a rounded zero has no sign
    rounded = round(float(value), digits) + 0.0
    return f'{rounded:+.{digits}f}' if sign else f'{rounded:.{digits}f}'


def interval(limits: object, digits: int = 3, sign: bool = False) -> str:
    """A pair of limits, or a dash.

    Example:
        >>> interval([0.5, 0.75], 2)
        '[0.50, 0.75]'
    """
    pair = limits if isinstance(limits, Sequence) and not isinstance(limits, str) else ()
    if len(pair) != 2 or not all(map(is_number, pair)):
        return NOTHING
    return f'[{number(pair[0], digits, sign)}, {number(pair[1], digits, sign)}]'


def estimate_of(entry: Mapping[str, object]) -> object:
    """What the interval of a metric is about; the mean of the folds, where a summary is older than that distinction."""
    return entry.get('estimate', entry.get('mean'))


def estimate_with(entry: Mapping[str, object], digits: int = 3) -> str:
    """Estimate and interval of a metric; the interval alone is left out where there is none.

    Example:
        >>> estimate_with({'estimate': 0.8, 'ci95': [0.7, 0.9], 'mean': 0.81})
        '0.800 [0.700, 0.900]'
    """
    limits = interval(entry.get('ci95'), digits)
    return number(estimate_of(entry), digits) + ('' if limits == NOTHING else f' {limits}')


def mean_std(value: Mapping[str, object] | None, digits: int = 3) -> str:
    """Mean and standard deviation of a metric over the folds."""
    if not value or not is_number(value.get('mean')):
        return NOTHING
    spread = f' ± {number(value["std"], digits)}' if is_number(value.get('std')) else ''
    return f'{number(value["mean"], digits)}{spread}'


def p_value(value: object) -> str:
    """A p value; small ones as a bound.

    Example:
        >>> p_value(0.0312), p_value(1e-7)
        ('0.031', '<0.001')
    """
    return '<0.001' if is_number(value) and value < 0.001 else number(value)


def duration(seconds: object) -> str:
    """Seconds for a reader.

    Example:
        >>> duration(59.94), duration(754), duration(7265)
        ('59.9 s', '12 min 34 s', '2 h 1 min')
    """
    if not is_number(seconds):
        return NOTHING
    if round(seconds, 1) < 60:
        return f'{seconds:.1f} s'
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest} s' if minutes < 60 else f'{minutes // 60} h {minutes % 60} min'


def listed(values: Iterable[object]) -> str:
    """Values with commas between them; a dash for none."""
    return ', '.join(str(v) for v in values) or NOTHING
