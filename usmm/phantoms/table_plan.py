"""What every plan of a clinical table offers: latents, cells, and the truth about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from usmm.phantoms.patient import Row

CLINICAL = 'clinical'  # the name of the whole table among the modalities


class TablePlan(ABC):
    """How the latents of a clinical table become a row of it.

    `ClinicalPlan` has one latent for the whole table, `MarkerPlan` one for each column.
    """

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Columns, in the order in which they are written."""

    @property
    @abstractmethod
    def can_share(self) -> bool:
        """Whether modalities can share a latent with the table, which then needs one latent called `clinical`."""

    @abstractmethod
    def separations(self, strength: float) -> dict[str, float]:
        """Latent -> d, the distance of its class means, times `strength`."""

    @abstractmethod
    def row(self, latents: Mapping[str, float], rng: np.random.Generator) -> Row:
        """Cells of a patient.

        Args:
            latents: Latent -> planted score; those of other modalities are ignored.
            rng: Source of everything in the row that is not a latent.
        """

    def truth_entries(self, d: Mapping[str, float], files: Sequence[str]) -> dict[str, dict[str, float]]:
        """Entries of `truth.json` that the table adds or replaces: none.

        Args:
            d: Latent -> distance of the class means, of all that is made.
            files: Modalities that are files and are made.
        """
        return {}
