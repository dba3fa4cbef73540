"""Presets of ordered stages, with several images of each modality that are not aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from usmm.phantoms.ordered_preset import OrderedPreset
from usmm.phantoms.patient import CaseResult
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.staged_modality import StagedModality


@dataclass(frozen=True)
class StagedPreset(OrderedPreset):
    """Ordered stages, of which every patient has several images a modality, some of them noise.

    Args:
        images: The modalities.
        noisy: Share of images that show nothing of the latent.
        kinds: Kinds of noise.
    """

    images: Sequence[StagedModality]
    _: KW_ONLY
    noisy: float = 0.2
    kinds: tuple[str, ...] = ('no contact', 'wrong depth')

    @property
    def files(self) -> Sequence[StagedModality]:
        """The modalities."""
        return self.images

    @property
    def scores(self) -> tuple[str, ...]:
        """Macro AUC, accuracy, and the mean distance in stages."""
        return ('auc', 'accuracy', 'stage_error')

    def make_case(self, options: PhantomOptions, folder: Path, index: int) -> CaseResult:
        """Draw and write one case; its truth also has what each image shows, and which are noise."""
        patient = self.patient(options, index)
        row, latents = patient.row(), {}
        shown: dict[str, list[float]] = {}
        noisy: dict[str, str] = {}
        for modality in self.images:
            if modality.name in options.modalities:
                written = modality.write(patient, folder, options, self.noisy, self.kinds)
                row[modality.name] = ';'.join(written.files)
                latents[modality.name] = patient.latents[modality.name]
                shown[modality.name] = written.shown
                noisy |= written.noisy
        return CaseResult(row, {'label': patient.label, 'shown': shown, 'noisy': noisy, **latents})
