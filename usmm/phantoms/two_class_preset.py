"""Presets of two classes: every latent has two means, and the AUC of every set of latents is a closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from usmm.phantoms.aligned_preset import AlignedPreset
from usmm.phantoms.patient import Patient, Row
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.rendering.anatomy import A
from usmm.phantoms.table_plan import CLINICAL, TablePlan
from usmm.phantoms.truth import best_aucs, case_label, draw_latents, separation


@dataclass(frozen=True)
class TwoClassPreset(AlignedPreset[A]):
    """A negative and a positive class, aligned modalities, and a clinical table.

    Args:
        clinical: Plan of the clinical table, or None.
        common: Name of a latent that every image shows beside its own, or None.
        common_auc: AUC of the best classifier of that latent alone.

    Raises:
        ValueError: If there are more than two classes.
    """

    _: KW_ONLY
    clinical: TablePlan | None = None
    common: str | None = None
    common_auc: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.classes) != 2:
            raise ValueError(f'preset {self.name!r} is of two classes, got {list(self.classes)}')

    @property
    def modalities(self) -> tuple[str, ...]:
        """All names, in the order of `truth.json`: images, clips, `clinical`."""
        return super().modalities if self.clinical is None else (*super().modalities, CLINICAL)

    @property
    def positive(self) -> str:
        """The second class."""
        return self.classes[1]

    @property
    def can_share(self) -> bool:
        """Whether modalities can share a latent: the table decides, where there is one."""
        return self.clinical is None or self.clinical.can_share

    def label(self, seed: int, index: int) -> int:
        """Class index of a case, see `case_label`."""
        return case_label(seed, index, self.counts, self.block)

    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        """Latent -> d, the distance of its class means, times `strength`: files, table, common latent."""
        d = {m.name: strength * separation(m.auc) for m in self.files if m.name in modalities}
        if self.clinical is not None and CLINICAL in modalities:
            d |= self.clinical.separations(strength)
        if self.common is not None:
            d[self.common] = strength * separation(self.common_auc)
        return d

    def latents(
        self, rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
    ) -> dict[str, float]:
        """Latents of a case of a class, see `draw_latents`."""
        return draw_latents(rng, label, d, shared)

    def best(self, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()) -> dict[str, dict[str, float]]:
        """`best_auc` of every set of modalities."""
        return {'best_auc': best_aucs(d, shared, self.common)}

    def table_cells(self, patient: Patient, options: PhantomOptions) -> Row:
        """Cells of the clinical table, if it is made."""
        if self.clinical is None or CLINICAL not in options.modalities:
            return {}
        return self.clinical.row(patient.latents, patient.rng(CLINICAL))

    def truth_entries(self, options: PhantomOptions) -> dict[str, dict[str, float]]:
        """Entries of `best`, and those that the table adds."""
        entries = super().truth_entries(options)
        if self.clinical is not None and CLINICAL in options.modalities:
            files = [name for name in options.modalities if name != CLINICAL]
            entries |= self.clinical.truth_entries(self.separations(options.strength, options.modalities), files)
        return entries
