"""A table of readers' calls or scores beside a model's on the same cases, and how they compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from usmm.evaluation.stats import (
    ReaderEstimate,
    ReaderStudy,
    clustered_auc,
    compare_conditions,
    compare_with_model,
    mcnemar_test,
    rate_intervals,
)
from usmm.evaluation.stats.rate_intervals import Rate
from usmm.readers import DataError, read_table
from usmm.utils.suggestions import suggestion

CASE, PATIENT, LABEL = 'case_id', 'patient_id', 'label'
RATES = ('tpr', 'tnr', 'accuracy', 'balanced_accuracy')


@dataclass(frozen=True, eq=False)
class ReaderTable:
    """What readers and a model said of the same cases.

    Args:
        cases, patients: Ids (N,).
        labels: Whether a case is positive (N,).
        values: Column -> calls of 0 and 1, or scores (N,).
        calls: The columns that hold calls.
        positive: Name of the positive class.
    """

    cases: NDArray[np.str_]
    patients: NDArray[np.str_]
    labels: NDArray[np.bool_]
    values: Mapping[str, NDArray[np.float64]]
    calls: frozenset[str]
    positive: str

    @property
    def several(self) -> bool:
        """Whether a patient has several cases."""
        return np.unique(self.patients).size < self.patients.size

    @classmethod
    def read(
        cls,
        path: str | Path,
        positive: str,
        columns: Sequence[str],
        label: str = LABEL,
        part: Mapping[str, float] | None = None,
    ) -> ReaderTable:
        """Read a table of a row for each case.

        A column with the names of classes, with 0 and 1, or with yes and no holds calls; other numbers are scores, of
        which higher ones are more positive.

        Args:
            path: CSV or XLSX with `case_id`, the label, a column for each reader, and `patient_id` where patients have
                several cases.
            positive: Name of the positive class among the labels; all others are negative.
            columns: Columns of readers and of the model.
            label: Name of the column of labels.
            part: Case id -> score of the model, from elsewhere; it is the column `model`.

        Raises:
            DataError: A column, a label or a cell is missing, two rows are of one case, or a cell is neither a call nor
                a number; names the case and the column.
        """
        frame = read_table(path)
        name = Path(path)
        for column in (CASE, label, *columns):
            if column not in frame.columns:
                hint = suggestion(column, [str(c) for c in frame.columns])
                raise DataError(f'has no column {column!r}{hint}; it has {[str(c) for c in frame.columns]}', file=name)
        cases = [_cell(frame[CASE].iloc[i], f'row {i + 1}', CASE, name) for i in range(len(frame))]
        twice = sorted({case for case in cases if cases.count(case) > 1})
        if twice:
            raise DataError(f'has several rows of {len(twice)} cases, such as {twice[:3]}', file=name)
        labels = [_cell(value, case, label, name) for case, value in zip(cases, frame[label], strict=True)]
        if positive not in labels:
            raise DataError(f'has no case with the label {positive!r}; the labels are {sorted(set(labels))}', file=name)
        values, calls = {}, set()
        for column in columns:
            texts = [_cell(value, case, column, name) for case, value in zip(cases, frame[column], strict=True)]
            values[column], is_call = _numbers(texts, cases, column, positive, set(labels), name)
            if is_call:
                calls.add(column)
        if part is not None:
            absent = [case for case in cases if case not in part]
            if absent:
                raise DataError(f'has {len(absent)} cases without a prediction, such as {absent[:3]}', file=name)
            values['model'] = np.array([part[case] for case in cases])
        given = frame[PATIENT] if PATIENT in frame.columns else frame[CASE]
        patients = [_cell(value, case, PATIENT, name) for case, value in zip(cases, given, strict=True)]
        truth = np.array([text == positive for text in labels])
        return cls(np.array(cases), np.array(patients), truth, values, frozenset(calls), positive)


@dataclass(frozen=True)
class ReaderRow:
    """A reader, or the model.

    Args:
        name: The column.
        auc: AUC of scores with its interval; None of calls.
        rates: tpr, tnr, accuracy and balanced_accuracy of the calls; empty without calls.
        better, worse: Cases that the reader alone, and that the model alone, gets right.
        pvalue: That both are right equally often; nan where there is no comparison.
        test: What was done.
    """

    name: str
    auc: Rate | None
    rates: Mapping[str, Rate]
    better: int | None = None
    worse: int | None = None
    pvalue: float = math.nan
    test: str = ''


@dataclass(frozen=True)
class ReaderResults:
    """Readers and a model compared.

    Args:
        rows: The readers, then those who read with the model, then the model.
        against_model: Mean of the readers less the model; None with one reader or without a model.
        conditions: Readers alone and with the model; None without readers who read twice.
        figure_of_merit: What the comparisons over readers are of: the AUC of scores, or the mean of sensitivity and
            specificity of calls.
        cases, patients, positives: Numbers of them.
    """

    rows: tuple[ReaderRow, ...]
    against_model: ReaderEstimate | None
    conditions: ReaderStudy | None
    figure_of_merit: str
    cases: int
    patients: int
    positives: int


def compare_readers(
    table: ReaderTable,
    readers: Sequence[str],
    model: str | None = None,
    aided: Sequence[str] = (),
    threshold: float = 0.5,
    reader_threshold: float | None = None,
) -> ReaderResults:
    """Metrics of each reader with intervals, a paired test of each against the model, and the comparison over readers.

    Args:
        table: The readings.
        readers: Columns of the readers.
        model: Column of the model.
        aided: Columns of the same readers, in the same order, when they read with the model.
        threshold: Scores of the model from this on are positive calls.
        reader_threshold: The same of the readers' scores; None: readers with scores have an AUC and no calls.

    Raises:
        ValueError: As many aided columns as readers are not given.

    References:
        McNemar, Psychometrika 1947; Obuchowski, Statistics in Medicine 1998 (several cases of a patient); Obuchowski
        and Rockette 1995, Hillis 2007 (over readers).
    """
    if aided and len(aided) != len(readers):
        raise ValueError(f'each of {len(readers)} readers needs a column of reading with the model, got {len(aided)}')
    limits = dict.fromkeys((*readers, *aided), reader_threshold)
    if model is not None:
        limits[model] = threshold
    calls = {name: _calls(table, name, limit) for name, limit in limits.items()}
    of_model = None if model is None else calls[model]
    rows = [_row(table, name, calls[name], None if name == model else of_model) for name in limits]
    as_scores = all(name not in table.calls for name in limits)
    scored = {name: table.values[name] if as_scores else calls[name] for name in limits}
    merit = 'AUC' if as_scores else 'mean of sensitivity and specificity'
    usable = all(values is not None for values in scored.values())
    against, conditions = None, None
    if usable and len(readers) > 1:
        stack = np.array([scored[name] for name in readers], dtype=np.float64)
        if model is not None:
            against = compare_with_model(table.labels, stack, np.asarray(scored[model]), table.patients)
        if aided:
            both = np.stack([stack, np.array([scored[name] for name in aided], dtype=np.float64)])
            conditions = compare_conditions(table.labels, both, table.patients)
    return ReaderResults(
        tuple(rows), against, conditions, merit, table.labels.size, np.unique(table.patients).size,
        int(table.labels.sum()),
    )  # fmt: skip


def _calls(table: ReaderTable, name: str, limit: float | None) -> NDArray[np.float64] | None:
    if name in table.calls:
        return table.values[name]
    return None if limit is None else (table.values[name] >= limit).astype(np.float64)


def _row(
    table: ReaderTable, name: str, calls: NDArray[np.float64] | None, model: NDArray[np.float64] | None
) -> ReaderRow:
    auc = None
    if name not in table.calls:
        found = clustered_auc(table.labels, table.values[name], table.patients)
        auc = Rate(found.estimate, None if math.isnan(found.ci[0]) else found.ci, found.method)
    if calls is None:
        return ReaderRow(name, auc, {})
    rates = rate_intervals(table.labels.astype(int), calls.astype(int), 2, 1, table.patients)
    kept = {rate: rates[rate] for rate in RATES}
    if model is None:
        return ReaderRow(name, auc, kept)
    right, theirs = calls == table.labels, model == table.labels
    better, worse = int((right & ~theirs).sum()), int((theirs & ~right).sum())
    if not table.several:
        paired = mcnemar_test(table.labels.astype(int), calls.astype(int), model.astype(int))
        return ReaderRow(name, auc, kept, better, worse, paired.pvalue, paired.method)
    pvalue = _by_patient(right.astype(float) - theirs.astype(float), table.patients)
    return ReaderRow(name, auc, kept, better, worse, pvalue, 'paired by patient, t')


def _by_patient(differences: NDArray[np.float64], patients: NDArray[np.str_]) -> float:
    """p of a mean difference of 0 where the cases of a patient depend on each other."""
    _, who = np.unique(patients, return_inverse=True)
    count = int(who.max()) + 1
    mean = float(differences.mean())
    sums = np.bincount(who, differences - mean)
    se = math.sqrt(count / (count - 1) * float(sums @ sums)) / differences.size if count > 1 else math.nan
    if mean == 0:
        return 1.0
    return float(2 * t.sf(abs(mean) / se, count - 1)) if se > 0 else math.nan


def _cell(value: object, case: str, column: str, file: Path) -> str:
    if value is None or str(value).strip() == '':
        raise DataError(
            f'case {case!r} has no value in the column {column!r}: fill the cell, or leave out the row', file=file
        )
    return str(value).strip()


YES, NO = ('1', 'yes', 'true', 'positive', '+'), ('0', 'no', 'false', 'negative')


def _key(text: str) -> str:
    """A cell without what a typist varies: case, and the decimals of a whole number."""
    try:
        return f'{float(text):g}'
    except ValueError:
        return text.casefold()


def _numbers(
    texts: Sequence[str], cases: Sequence[str], column: str, positive: str, labels: set[str], file: Path
) -> tuple[NDArray[np.float64], bool]:
    """Calls of 0 and 1, or scores; and whether they are calls."""
    keys, names = [_key(text) for text in texts], {_key(label) for label in labels}
    if len(names) < len(labels):  # classes that differ in case alone
        keys, names = list(texts), labels
    if set(keys) <= names:
        wanted = positive if names is labels else _key(positive)
        return np.array([float(key == wanted) for key in keys]), True
    if any(key in names for key in keys):  # classes but for some cells
        case, text = next((c, t) for c, t, key in zip(cases, texts, keys, strict=True) if key not in names)
        raise DataError(
            f'case {case!r} has {text!r} in the column {column!r}, which is not one of {sorted(labels)}', file=file
        )
    if set(keys) <= {*YES, *NO}:
        if names & {*YES, *NO}:
            raise DataError(
                f'has {sorted(set(texts))} in the column {column!r} and the classes {sorted(labels)}: it is not '
                'clear which call is which class, write the names of the classes',
                file=file,
            )
        return np.array([float(key in YES) for key in keys]), True
    found = []
    for case, text in zip(cases, texts, strict=True):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(
                f'case {case!r} has {text!r} in the column {column!r}, which is neither a class ({sorted(labels)}), '
                'nor yes or no, nor a number',
                file=file,
            )
        found.append(value)
    return np.array(found), False
