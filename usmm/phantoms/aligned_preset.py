"""Presets whose modalities all show one anatomy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Generic

from usmm.phantoms.aligned_modality import AlignedModality
from usmm.phantoms.base_preset import BasePreset
from usmm.phantoms.clip_modality import ClipModality
from usmm.phantoms.image_modality import ImageModality
from usmm.phantoms.patient import CaseResult, Patient, Row
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.rendering.anatomy import A, DrawAnatomy


@dataclass(frozen=True)
class AlignedPreset(BasePreset, Generic[A]):
    """One image or clip of each modality a patient, all of the same anatomy.

    Args:
        images: Still modalities.
        clips: Clip modalities.
        scene: `(rng, latents) ->` the anatomy of a patient.
    """

    images: Sequence[ImageModality[A]]
    clips: Sequence[ClipModality[A]] = ()
    _: KW_ONLY
    scene: DrawAnatomy[A]

    @property
    def files(self) -> tuple[AlignedModality[A], ...]:
        """All modalities that are files, images first."""
        return (*self.images, *self.clips)

    @property
    def full_seconds(self) -> float:
        """Length of the longest full clip."""
        return max((m.seconds for m in self.clips), default=super().full_seconds)

    def key_frame_steps(self, options: PhantomOptions) -> dict[str, float]:
        """Clip -> seconds between the frames that the key-frame selection should read; less in a shorter clip."""
        clips = [m for m in self.clips if m.name in options.modalities]
        return {m.name: m.key_frame_step * options.clip_seconds / m.seconds for m in clips}

    def make_case(self, options: PhantomOptions, folder: Path, index: int) -> CaseResult:
        """Draw and write one case; its truth is the label and the latents of the modalities that are made."""
        patient = self.patient(options, index)
        anatomy = self.scene(patient.rng('scene'), patient.latents)
        row = patient.row()
        for modality in self.files:
            if modality.name in options.modalities:
                row |= modality.write(patient, anatomy, folder, options)
        row |= self.table_cells(patient, options)
        latents = {name: patient.latents[name] for name in self.separations(options.strength, options.modalities)}
        return CaseResult(row, {'label': patient.label, **latents})

    def table_cells(self, patient: Patient, options: PhantomOptions) -> Row:
        """Cells of the clinical table: none."""
        return {}
