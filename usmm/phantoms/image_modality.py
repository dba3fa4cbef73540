"""A still image that is aligned with the other modalities of the patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from usmm.phantoms.aligned_modality import AlignedModality
from usmm.phantoms.patient import Patient, Row
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.rendering.anatomy import A, Mask
from usmm.phantoms.rendering.doppler import colour_box
from usmm.phantoms.rendering.scene import field_box
from usmm.phantoms.write import Frame, write_png
from usmm.phantoms.write_dicom import region, write_still

DrawImage = Callable[[A, float, tuple[int, int], np.random.Generator], Frame]


@dataclass(frozen=True)
class ImageModality(AlignedModality[A]):
    """A still image.

    Args:
        draw: `(anatomy, latent, size, rng) -> (H, W, 3)` RGB.
        region: What the image shows beside tissue, for DICOM: `'tissue'` or `'colour flow'`.
        box: Whether the table has a column `<name>_box`, a rectangle around the lesion as a reader draws it.
    """

    draw: DrawImage[A]
    region: str = 'tissue'
    box: bool = False

    def suffix(self, dicom: bool) -> str:
        """`.dcm` or `.png`."""
        return '.dcm' if dicom else '.png'

    def write_file(self, path: Path, patient: Patient, anatomy: A, mask: Mask, options: PhantomOptions) -> None:
        """Draw and write the image."""
        image = self.draw(anatomy, patient.latents[self.name], self.size, patient.rng(self.name))
        if not options.dicom:
            write_png(path, image)
            return
        spacing, field = anatomy.spacing(self.size), field_box(self.size)
        regions = [region(field, spacing)]
        if self.region != 'tissue':
            regions.append(region(colour_box(mask, field), spacing, self.region))
        write_still(path, image, patient.patient_id, spacing, regions)

    def more_cells(self, patient: Patient, mask: Mask) -> Row:
        """The box, if there is one."""
        return {f'{self.name}_box': drawn_box(mask, patient.rng('box'))} if self.box else {}


def drawn_box(mask: Mask, rng: np.random.Generator) -> str:
    """A cell `x0,y0,x1,y1` with the box that a reader draws: a margin of 0 to 4 pixels on each side of the lesion.

    Example:
        >>> mask = np.zeros((20, 20), bool)
        >>> mask[8:12, 6:14] = True
        >>> drawn_box(mask, np.random.default_rng(0))
        '2,5,16,13'
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    margin = rng.integers(0, 5, 4)
    low = np.maximum([columns[0] - margin[0], rows[0] - margin[1]], 0)
    high = np.minimum([columns[-1] + 1 + margin[2], rows[-1] + 1 + margin[3]], mask.shape[::-1])
    return ','.join(str(v) for v in (*low, *high))
