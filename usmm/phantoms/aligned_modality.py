"""A modality with one file a patient that shows the anatomy of the patient, and a mask of the lesion."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from usmm.phantoms.base_modality import BaseModality
from usmm.phantoms.patient import Patient, Row
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.rendering.anatomy import A, Mask
from usmm.phantoms.write import write_png


@dataclass(frozen=True)
class AlignedModality(BaseModality, Generic[A]):
    """One still image or clip; its place in the patient is that of all other aligned modalities."""

    def mask(self, anatomy: A) -> Mask:
        """(H, W) mask of the lesion."""
        return anatomy.mask(self.size)

    def write(self, patient: Patient, anatomy: A, folder: Path, options: PhantomOptions) -> Row:
        """Write file and mask.

        Args:
            patient: Whose latent is shown.
            anatomy: What all aligned modalities of the patient show.
            folder: Folder of the phantom.
            options: Settings of the phantom.

        Returns:
            The cells of the modality in the case table.
        """
        file = f'{self.name}/{patient.case_id}{self.suffix(options.dicom)}'
        mask_file, mask = f'{self.name}_mask/{patient.case_id}.png', self.mask(anatomy)
        write_png(folder / mask_file, mask)
        self.write_file(folder / file, patient, anatomy, mask, options)
        return {self.name: file, f'{self.name}_mask': mask_file} | self.more_cells(patient, mask)

    @abstractmethod
    def write_file(self, path: Path, patient: Patient, anatomy: A, mask: Mask, options: PhantomOptions) -> None:
        """Draw and write the file.

        Args:
            path: File.
            patient: Whose latent is shown.
            anatomy: What all aligned modalities of the patient show.
            mask: (H, W) mask of the lesion.
            options: Settings of the phantom.
        """

    def more_cells(self, patient: Patient, mask: Mask) -> Row:
        """Cells beside the files: none."""
        return {}
