"""A calibration that travels with the weights: fitted on predictions of patients that did not train them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit

from usmm.evaluation.stats import calibration_fit

CLIP = 1e-6  # probabilities are kept this far from 0 and 1, whose log-odds are infinite
TINY = 1e-12  # and of several classes this far from 0
WIDEST = 5.0  # the logarithm of a temperature lies within this
METHODS = {'logistic': ('intercept', 'slope'), 'temperature': ('temperature',)}


def fit_calibration(
    rows: Sequence[Mapping[str, Any]], classes: Sequence[str], positive: str | None = None
) -> dict[str, Any]:
    """Two classes: intercept and slope of a logistic regression on the log-odds of the positive class (Platt scaling).
    More: the temperature that the log-probabilities are divided by.

    Args:
        rows: Rows of predictions.csv: `label`, `prob_<class>`, and `patient_id` to be counted. Rows without a label are
            left out. The patients must not have trained the weights that made the predictions.
        classes: Class names, in order.
        positive: The positive class of two; None: the second.

    Returns:
        `{'method': 'logistic', 'intercept', 'slope'}` or `{'method': 'temperature', 'temperature'}`, and `cases`,
        `patients`.

    Raises:
        ValueError: A class has no case, or the predictions separate the classes, or rank them the wrong way round.

    References:
        Platt, Advances in Large Margin Classifiers 1999; Guo et al., ICML 2017 (temperature).

    Example:
        >>> rows = [dict(label=y, prob_A=1 - p, prob_B=p) for y, p in zip('AABABB', (0.1, 0.2, 0.3, 0.7, 0.8, 0.9))]
        >>> fit_calibration(rows, ('A', 'B'))['slope'] > 0
        True
    """
    known = [row for row in rows if row['label'] in classes]
    labels = np.array([list(classes).index(row['label']) for row in known], dtype=int)
    absent = [name for i, name in enumerate(classes) if not (labels == i).any()]
    if absent:
        raise ValueError(f'a calibration needs cases of every class, got {len(known)} with a label, none of {absent}')
    lacking = [f'prob_{name}' for name in classes if f'prob_{name}' not in known[0]]
    if lacking:
        raise ValueError(f'the predictions have no columns {lacking}: they are of a model with other classes')
    table = np.array([[float(row[f'prob_{name}']) for name in classes] for row in known])
    found = _logistic(labels, table, list(classes), positive) if len(classes) == 2 else _temperature(labels, table)
    patients = {row.get('patient_id') or row.get('case_id') for row in known}
    return {**found, 'cases': len(known), 'patients': len(patients)}


def check_calibration(found: Any, num_classes: int) -> dict[str, Any]:
    """A calibration as a file of weights brings it.

    Raises:
        ValueError: It is none, or not for this number of classes.
    """
    method = found.get('method') if isinstance(found, Mapping) else None
    if method not in METHODS:
        raise ValueError(f'a calibration has one of the methods {list(METHODS)}, got {str(method)[:40]!r}')
    if (method == 'logistic') != (num_classes == 2):
        raise ValueError(f'the calibration {method!r} does not fit a model of {num_classes} classes')
    values = [found.get(name) for name in METHODS[method]]
    if not all(isinstance(v, (int, float)) and math.isfinite(v) for v in values) or values[-1] <= 0:
        raise ValueError(f'{METHODS[method]} of a calibration must be finite numbers, the last above 0, got {values}')
    return dict(found)


def calibrate(calibration: Mapping[str, Any], probabilities: ArrayLike, positive: int = 1) -> NDArray[np.float64]:
    """Calibrated probabilities.

    Args:
        calibration: As `fit_calibration` returns it.
        probabilities: (..., K).
        positive: Index of the positive class of two.

    Returns:
        (..., K).

    Example:
        >>> calibrate(dict(method='logistic', intercept=0.0, slope=1.0), [0.25, 0.75]).round(6).tolist()
        [0.25, 0.75]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if calibration['method'] == 'temperature':
        return np.asarray(np.exp(log_softmax(np.log(np.maximum(p, TINY)) / calibration['temperature'], axis=-1)))
    odds = logit(np.clip(p[..., positive], CLIP, 1 - CLIP))
    moved = expit(calibration['intercept'] + calibration['slope'] * odds)
    return np.stack([moved, 1 - moved] if positive == 0 else [1 - moved, moved], axis=-1)


def _logistic(
    labels: NDArray[np.int_], table: NDArray[np.float64], classes: list[str], positive: str | None
) -> dict[str, Any]:
    k = 1 if positive is None else classes.index(positive)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that there is no finite slope is said below
        fit = calibration_fit((labels == k).astype(int), table[:, k], clip=CLIP)
    slope, intercept = fit.slope.estimate, fit.intercept.estimate
    if not math.isfinite(slope):
        raise ValueError(f'the predictions of {len(labels)} cases separate the classes: no calibration can be fitted')
    if slope <= 0:
        raise ValueError(f'the predictions rank the classes the wrong way round (slope {slope:.3g}): not calibrated')
    return {'method': 'logistic', 'intercept': intercept, 'slope': slope}


def _temperature(labels: NDArray[np.int_], table: NDArray[np.float64]) -> dict[str, Any]:
    logs = np.log(np.maximum(table, TINY))
    others = np.where(np.eye(table.shape[1], dtype=bool)[labels], -np.inf, logs).max(1)
    if (logs[np.arange(len(labels)), labels] > others).all():  # the sharper, the better, without an end
        raise ValueError(f'the predictions of {len(labels)} cases separate the classes: no calibration can be fitted')

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logs / math.exp(log_temperature), axis=1)
        return -float(scores[np.arange(len(labels)), labels].mean())

    best = float(minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method='bounded', options={'xatol': 1e-9}).x)
    if best > WIDEST - 0.01:
        raise ValueError(f'the predictions of {len(labels)} cases say nothing of the classes: not calibrated')
    return {'method': 'temperature', 'temperature': math.exp(best)}
