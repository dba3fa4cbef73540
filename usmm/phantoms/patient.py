"""One synthetic patient: label, latents, and what is written about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from usmm.phantoms.truth import case_rng

Row = dict[str, str | int | float]  # column of the case table -> cell


class CaseResult(NamedTuple):
    """What a written case adds to the documents of the phantom.

    Args:
        row: Its row of the case table.
        truth: Its entry in `truth.json`: label and latents, and what else a preset plants.
    """

    row: Row
    truth: dict[str, object]


@dataclass(frozen=True)
class Patient:
    """A patient with one case.

    Args:
        seed: Seed of the phantom.
        index: Index of the case, from 0.
        label: Name of the class.
        latents: Name -> planted score.

    Example:
        >>> patient = Patient(0, 4, 'ADC', {'bus': 0.5})
        >>> patient.row()
        {'case_id': 'C0005', 'patient_id': 'P0005', 'label': 'ADC'}
        >>> bool(patient.rng('bus').random() == patient.rng('bus').random())
        True
    """

    seed: int
    index: int
    label: str
    latents: dict[str, float]

    @property
    def case_id(self) -> str:
        """Id of the case, from `C0001`."""
        return f'C{self.index + 1:04d}'

    @property
    def patient_id(self) -> str:
        """Id of the patient, from `P0001`."""
        return f'P{self.index + 1:04d}'

    def rng(self, name: str) -> np.random.Generator:
        """A generator for one purpose, see `case_rng`."""
        return case_rng(self.seed, self.index, name)

    def row(self) -> Row:
        """The first cells of the row: ids and label."""
        return {'case_id': self.case_id, 'patient_id': self.patient_id, 'label': self.label}
