"""Presets of three or more classes that lie on a line at equal distances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from usmm.phantoms.base_preset import BasePreset
from usmm.phantoms.ordered_stages import best_entries, line_latents, stage_of, step_of_auc


@dataclass(frozen=True)
class OrderedPreset(BasePreset):
    """Classes on a line: a patient of class k has the latent N(d (k - middle), 1) in every modality.

    The latents are independent, so the best reader of several modalities sees one latent with the distance
    sqrt(sum d^2); what it reaches is computed from the densities.
    """

    @property
    @abstractmethod
    def scores(self) -> tuple[str, ...]:
        """Scores of the best reader that `truth.json` holds, of those in `best_stage_scores`."""

    @property
    def positive(self) -> None:
        """None: there are more than two classes."""
        return

    def label(self, seed: int, index: int) -> int:
        """Class index of a case, see `stage_of`."""
        return stage_of(seed, index, self.counts, self.block)

    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        """Modality -> d, the distance of two neighbouring classes, times `strength`."""
        return {m.name: strength * step_of_auc(m.auc, self.counts) for m in self.files if m.name in modalities}

    def latents(
        self, rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
    ) -> dict[str, float]:
        """One latent a modality, see `line_latents`; none are shared."""
        return line_latents(rng, label, len(self.classes), d)

    def best(self, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()) -> dict[str, dict[str, float]]:
        """The scores of the best reader of every set, with the classes as frequent as in the cohort."""
        return best_entries(d, self.counts, self.scores)
