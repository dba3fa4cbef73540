"""The prediction of one case, and predictions as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CONTRACT = ('case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred')
WIDE = ('\uff1d', '\uff0b', '\uff0d', '\uff20')  # wide forms of = + - @, which some spreadsheets read as these
FORMULA = ('=', '+', '-', '@', '\t', '\r', *WIDE)  # what a spreadsheet may take for the start of a formula


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction for one case, or the reason why there is none.

    Args:
        case_id, patient_id: As in the record; a case without an id is called `case_1`, `case_2` and so on.
        probabilities: Class -> probability; empty where there is an error.
        predicted: The class with the highest probability, or None.
        calibrated: Class -> calibrated probability, where the model carries a calibration.
        stages: `'image'` (the images alone, where there are some) and `'final'` -> class -> probability.
        label: The known class, where the record names one.
        warnings: Values outside their range, unknown categories, missing inputs, patients of the training data.
        error: Why there is no prediction, or None.
        heat: Modality -> (H, W) or (T, H, W) float32 from 0 to 1, of the size that the network sees (on request).
        heat_notes: Modality -> why there is no heat: `'missing'`, `'not used'`, `'no heat'` or `'no map'`.
        pictures: Modality -> (H, W, 3) or (T, H, W, 3) uint8, as the network sees it (on request).
        contributions: Modality -> its contribution to the probability of the predicted class (on request; up to 6
            modalities).
        variables: Image or clinical variable -> its contribution, each variable of the table on its own (on request;
            exact up to 10 of them, else from random orders); with `baseline` they add up to the probability.
        baseline: Probability of that class without any input; with the contributions it adds up to the probability.
    """

    case_id: str
    patient_id: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    predicted: str | None = None
    calibrated: Mapping[str, float] | None = None
    stages: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    label: str | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    heat: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    heat_notes: Mapping[str, str] = field(default_factory=dict, repr=False)
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict, repr=False)
    contributions: Mapping[str, float] = field(default_factory=dict)
    variables: Mapping[str, float] = field(default_factory=dict)
    baseline: float | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a prediction."""
        return self.error is None


def to_frame(predictions: Iterable[Prediction], classes: Sequence[str] | None = None, seed: int = 0) -> pd.DataFrame:
    """Predictions as a table with the columns of predictions.csv, and then: calibrated_<class>, image_<class> (where
    there are such), warnings, error.

    Args:
        predictions: The predictions, in the order of the rows.
        classes: Class names in order; None: those of the first prediction that has some.
        seed: What stands in the column `seed`.

    Example:
        >>> to_frame([Prediction('c1', 'p1', {'A': 0.25, 'B': 0.75}, 'B'), Prediction('c2', 'p2', error='no file')])[
        ...     ['case_id', 'pred', 'prob_B', 'error']
        ... ].values.tolist()
        [['c1', 'B', 0.75, ''], ['c2', '', nan, 'no file']]
    """
    rows = list(predictions)
    names = list(classes if classes is not None else next((p.probabilities for p in rows if p.ok), ()))
    more = [name for name, there in (
        ('calibrated', any(p.calibrated is not None for p in rows)), ('image', any('image' in p.stages for p in rows))
    ) if there]  # fmt: skip
    columns = [*CONTRACT, *[f'{kind}_{n}' for kind in ('prob', *more) for n in names], 'warnings', 'error']
    return pd.DataFrame([_row(p, names, more, seed) for p in rows], columns=columns)


def safe_cell(value: object) -> object:
    """Text that a spreadsheet would read as a formula, with an apostrophe in front; other values unchanged.

    Example:
        >>> safe_cell('=1+1'), safe_cell('c1'), safe_cell(-0.5)
        ("'=1+1", 'c1', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def safe_csv(frame: pd.DataFrame) -> str:
    """The text of a CSV file of `to_frame`; no cell of it is a formula to a spreadsheet, numbers that are missing are
    `nan`.
    """
    safe = frame.rename(columns=safe_cell).map(safe_cell)
    return str(safe.to_csv(index=False, na_rep='nan', lineterminator='\n'))


def _row(prediction: Prediction, names: Sequence[str], more: Sequence[str], seed: int) -> dict[str, object]:
    kinds = {
        'prob': prediction.probabilities,
        'calibrated': prediction.calibrated or {},
        'image': prediction.stages.get('image', {}),
    }
    return {
        'case_id': prediction.case_id,
        'patient_id': prediction.patient_id,
        'part': 'all',  # as usmm/cli/test.py calls the cases of a table that no split deals into parts
        'fold': '',
        'seed': seed,
        'label': prediction.label or '',
        'pred': prediction.predicted or '',
        **{f'{kind}_{n}': kinds[kind].get(n, math.nan) for kind in ('prob', *more) for n in names},
        'warnings': '; '.join(prediction.warnings),
        'error': prediction.error or '',
    }
