"""A still modality of which every patient has several images, none aligned with another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from usmm.phantoms.base_modality import BaseModality
from usmm.phantoms.patient import Patient
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.rendering.scene import field_box
from usmm.phantoms.write import Frame, write_png
from usmm.phantoms.write_dicom import region, write_still

SPACING = (0.5, 0.5)  # mm
DrawStage = Callable[[float, str | None, tuple[int, int], np.random.Generator], Frame]


class StagedFiles(NamedTuple):
    """The images of a modality of one patient.

    Args:
        files: Names, relative to the folder of the phantom.
        shown: The latent that each shows.
        noisy: File -> kind of noise, of those that show nothing of the latent.
    """

    files: list[str]
    shown: list[float]
    noisy: dict[str, str]


@dataclass(frozen=True)
class StagedModality(BaseModality):
    """A still modality of which every patient has several images.

    Args:
        draw: `(shown latent, kind of noise or None, size, rng) -> (H, W, 3)` RGB.
        images: Fewest and most images of a patient.
        scatter: Standard deviation of what an image shows around the patient's latent.
    """

    draw: DrawStage
    images: tuple[int, int]
    scatter: float = 0.4

    def suffix(self, dicom: bool) -> str:
        """`.dcm` or `.png`."""
        return '.dcm' if dicom else '.png'

    def write(
        self, patient: Patient, folder: Path, options: PhantomOptions, noise: float, kinds: Sequence[str]
    ) -> StagedFiles:
        """Draw and write the images of a patient.

        Args:
            patient: Whose latent is shown.
            folder: Folder of the phantom.
            options: Settings of the phantom.
            noise: Share of images that are noise.
            kinds: Kinds of noise.
        """
        rng = patient.rng(self.name)
        count = int(rng.integers(self.images[0], self.images[1] + 1))
        is_noise = rng.random(count) < noise
        is_noise[int(rng.integers(count))] &= not is_noise.all()  # at least one image shows the latent
        kind_of = [str(rng.choice(kinds)) if noisy else None for noisy in is_noise]
        shown = [patient.latents[self.name] + self.scatter * float(e) for e in rng.standard_normal(count)]
        files = [f'{self.name}/{patient.case_id}_{k}{self.suffix(options.dicom)}' for k in range(count)]
        for k, file in enumerate(files):
            draws = np.random.default_rng([options.seed, patient.index, k, int(rng.integers(2**31))])
            image = self.draw(shown[k], kind_of[k], self.size, draws)
            if options.dicom:
                regions = [region(field_box(self.size), SPACING)]
                write_still(folder / file, image, patient.patient_id, SPACING, regions)
            else:
                write_png(folder / file, image)
        return StagedFiles(files, shown, {file: kind for file, kind in zip(files, kind_of) if kind is not None})
