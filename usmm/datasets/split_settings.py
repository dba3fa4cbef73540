"""The settings that divide a table into parts."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

from usmm.structures import Settings
from usmm.structures.settings import NEAR_DUPLICATES, SEEN_PATIENTS, SELECTIONS
from usmm.utils.suggestions import suggestion


@dataclass(frozen=True)
class Split:
    """How a table is divided; ignored in part where the table has its own split column.

    Args:
        folds: Number of folds; None or 1: no test part.
        fold: Which fold tests.
        seed: Of the folds and of the inner cut.
        val_ratio: Share of the training cases that the inner cut takes for validation.
        selection: What chooses the model. `'inner'`: a validation part cut from the training cases by patient.
            `'last'`: nothing, so all non-test cases train and the validation part is empty. `'test'`: the test part,
            as some papers do; all non-test cases train, and validation and test are the same cases.
        file: `folds.csv`: read where present, else written. Not used with a split column.
        near_duplicates: Pictures of two patients in two parts that look nearly the same: `'warn'`, `'error'`, or
            `'ignore'` (not looked for). Checked when a run starts, as are copies with equal pixels, which are an error.
        seen_patients: Patients to validate or test on whose id is among those that trained the weights of `load_from`:
            `'error'`, or `'warn'` where the ids are of another hospital.
    """

    folds: int | None = 3
    fold: int = 0
    seed: int = 0
    val_ratio: float = 0.2
    selection: str = 'inner'
    file: str | Path | None = None
    near_duplicates: str = 'warn'
    seen_patients: str = 'error'

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            hint = suggestion(str(self.selection), SELECTIONS)
            raise ValueError(f'selection must be one of {list(SELECTIONS)}, got {self.selection!r}{hint}')
        for name, value, words in (
            ('near_duplicates', self.near_duplicates, NEAR_DUPLICATES),
            ('seen_patients', self.seen_patients, SEEN_PATIENTS),
        ):
            if value not in words:
                raise ValueError(f'{name} must be one of {list(words)}, got {value!r}{suggestion(str(value), words)}')
        if self.folds is not None and self.folds < 1:
            raise ValueError(f'folds must be None or 1 or more, got {self.folds}')
        if not 0 <= self.fold < (self.folds or 1):
            raise ValueError(f'fold must lie between 0 and {(self.folds or 1) - 1}, got {self.fold}')
        if not 0 < self.val_ratio < 1:
            raise ValueError(f'val_ratio must lie between 0 and 1, got {self.val_ratio}')

    @classmethod
    def of(cls, value: Split | Settings | None) -> Split:
        """A split from itself, from a config's dict (an unknown key is an error), or the default from None."""
        if isinstance(value, Split):
            return value
        known = [f.name for f in dataclass_fields(cls)]
        arguments: dict[str, Any] = dict(value or {})  # their types are what __post_init__ checks
        for key in arguments:
            if key not in known:
                raise ValueError(f'unknown split key {key!r}; valid keys are {known}{suggestion(key, known)}')
        return cls(**arguments)
