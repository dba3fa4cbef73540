"""Calibration of probabilities: fitted on patients that did not train the weights, and stored with the weights."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit

from usmm.evaluation.stats import calibration_fit

CLIP = 1e-6  # probabilities are kept this far from 0 and 1, whose log-odds are infinite
TINY = 1e-12  # and of several classes this far from 0
WIDEST = 5.0  # the logarithm of a temperature lies within this
LIMITS = {'intercept': (-1000.0, 1000.0), 'slope': (0.001, 1000.0), 'temperature': (0.005, 200.0)}
"""Parameter -> lowest and highest value; beyond them all calibrated probabilities are alike, or 0 and 1."""

LOGISTIC, TEMPERATURE = 'logistic', 'temperature'
METHODS = {LOGISTIC: ('intercept', 'slope'), TEMPERATURE: ('temperature',)}


@dataclass(frozen=True)
class Calibration:
    """How the probabilities of a model are calibrated.

    Args:
        method: `'logistic'` for two classes, `'temperature'` for more.
        intercept, slope: Of the logistic regression on the log-odds of the positive class.
        temperature: What the log-probabilities are divided by.
        cases, patients: Numbers of cases and patients that it was fitted on.
        part: The part of the predictions that it was fitted on.

    Raises:
        ValueError: An unknown method, or a parameter of it that is missing or out of range.
    """

    method: str
    intercept: float | None = None
    slope: float | None = None
    temperature: float | None = None
    cases: int | None = None
    patients: int | None = None
    part: str | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f'a calibration has one of the methods {list(METHODS)}, got {str(self.method)[:40]!r}')
        _parameters(self.method, {k: v for k, v in vars(self).items() if k in METHODS[self.method]})

    def to_dict(self) -> dict[str, str | float]:
        """Plain data, as it is stored with the weights; fields that are None are left out.

        Example:
            >>> Calibration('temperature', temperature=2.0, cases=40).to_dict()
            {'method': 'temperature', 'temperature': 2.0, 'cases': 40}
        """
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_dict(cls, data: object, num_classes: int) -> Calibration:
        """The calibration in the metadata of weights.

        Args:
            data: As `to_dict` returns it; other keys are ignored.
            num_classes: Number of classes of the model.

        Raises:
            ValueError: It is not a calibration, or not for this number of classes.
        """
        stored = data if isinstance(data, Mapping) else {}
        method = stored.get('method')
        if not isinstance(method, str) or method not in METHODS:
            return cls(str(method))  # raises
        if (method == LOGISTIC) != (num_classes == 2):
            raise ValueError(f'the calibration {method!r} does not fit a model of {num_classes} classes')
        parameters = _parameters(method, stored)
        cases, patients, part = (stored.get(name) for name in ('cases', 'patients', 'part'))
        return cls(
            method, parameters.get('intercept'), parameters.get('slope'), parameters.get('temperature'),
            cases if isinstance(cases, int) else None, patients if isinstance(patients, int) else None,
            part if isinstance(part, str) else None,
        )  # fmt: skip


def fit_calibration(
    rows: Sequence[Mapping[str, str | float]], classes: Sequence[str], positive: str | None = None
) -> Calibration:
    """Two classes: intercept and slope of a logistic regression on the log-odds of the positive class (Platt scaling).
    More classes: the temperature that the log-probabilities are divided by.

    Args:
        rows: Rows of predictions.csv: `label`, `prob_<class>`, and `patient_id` to count the patients. Rows without a
            label are left out. The patients must not have trained the weights that made the predictions.
        classes: Class names, in order.
        positive: The positive class of two; None: the second.

    Raises:
        ValueError: A class has no case, or the predictions separate the classes, or rank them the wrong way round.

    References:
        Platt, Advances in Large Margin Classifiers 1999; Guo et al., ICML 2017 (temperature).

    Example:
        >>> rows = [dict(label=y, prob_A=1 - p, prob_B=p) for y, p in zip('AABABB', (0.1, 0.2, 0.3, 0.7, 0.8, 0.9))]
        >>> fit_calibration(rows, ('A', 'B')).slope > 0
        True
    """
    names = list(classes)
    known = [row for row in rows if row['label'] in names]
    labels = np.array([names.index(str(row['label'])) for row in known], dtype=int)
    absent = [name for i, name in enumerate(names) if not (labels == i).any()]
    if absent:
        raise ValueError(f'a calibration needs cases of every class, got {len(known)} with a label, none of {absent}')
    missing = [f'prob_{name}' for name in names if f'prob_{name}' not in known[0]]
    if missing:
        raise ValueError(f'the predictions have no columns {missing}: they are of a model with other classes')
    table = np.array([[float(row[f'prob_{name}']) for name in names] for row in known])
    fitted = _logistic(labels, table, names, positive) if len(names) == 2 else _temperature(labels, table)
    patients = {row.get('patient_id') or row.get('case_id') for row in known}
    return replace(fitted, cases=len(known), patients=len(patients))


def calibrate(calibration: Calibration, probabilities: ArrayLike, positive: int = 1) -> NDArray[np.float64]:
    """Calibrated probabilities.

    Args:
        calibration: See `fit_calibration`.
        probabilities: (..., K).
        positive: Index of the positive class of two.

    Returns:
        (..., K).

    Example:
        >>> calibrate(Calibration('logistic', intercept=0.0, slope=1.0), [0.25, 0.75]).round(6).tolist()
        [0.25, 0.75]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    parameters = _parameters(calibration.method, vars(calibration))
    if calibration.method == TEMPERATURE:
        return np.asarray(np.exp(log_softmax(np.log(np.maximum(p, TINY)) / parameters['temperature'], axis=-1)))
    odds = logit(np.clip(p[..., positive], CLIP, 1 - CLIP))
    moved = expit(parameters['intercept'] + parameters['slope'] * odds)
    return np.stack([moved, 1 - moved] if positive == 0 else [1 - moved, moved], axis=-1)


def _parameters(method: str, data: Mapping[str, object]) -> dict[str, float]:
    """The parameters of a method in plain data."""
    parameters = {}
    for name in METHODS[method]:
        value, (low, high) = data.get(name), LIMITS[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:  # NaN is not
            text = f'{name} of a calibration must be a number from {low:g} to {high:g}'
            raise ValueError(f'{text}, got {str(value)[:40]!r}')
        parameters[name] = value
    return parameters


def _logistic(
    labels: NDArray[np.int_], table: NDArray[np.float64], classes: list[str], positive: str | None
) -> Calibration:
    k = 1 if positive is None else classes.index(positive)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # a slope that is not finite is an error below
        fit = calibration_fit((labels == k).astype(int), table[:, k], clip=CLIP)
    slope, intercept = fit.slope.estimate, fit.intercept.estimate
    if not math.isfinite(slope):
        raise ValueError(f'the predictions of {len(labels)} cases separate the classes: no calibration can be fitted')
    if slope <= 0:
        raise ValueError(f'the predictions rank the classes the wrong way round (slope {slope:.3g}): not calibrated')
    return Calibration(LOGISTIC, intercept=intercept, slope=slope)


def _temperature(labels: NDArray[np.int_], table: NDArray[np.float64]) -> Calibration:
    logs = np.log(np.maximum(table, TINY))
    others = np.where(np.eye(table.shape[1], dtype=bool)[labels], -np.inf, logs).max(1)
    if (logs[np.arange(len(labels)), labels] > others).all():  # a lower temperature is always better
        raise ValueError(f'the predictions of {len(labels)} cases separate the classes: no calibration can be fitted')

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logs / math.exp(log_temperature), axis=1)
        return -float(scores[np.arange(len(labels)), labels].mean())

    best = float(minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method='bounded', options={'xatol': 1e-9}).x)
    if best > WIDEST - 0.01:
        raise ValueError(f'the predictions of {len(labels)} cases say nothing of the classes: not calibrated')
    return Calibration(TEMPERATURE, temperature=math.exp(best))
