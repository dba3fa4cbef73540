"""A clip that is aligned with the other modalities of the patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from usmm.phantoms.aligned_modality import AlignedModality
from usmm.phantoms.patient import Patient
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.rendering.anatomy import A, Mask
from usmm.phantoms.rendering.contrast import clip_box
from usmm.phantoms.rendering.scene import CANVAS
from usmm.phantoms.write import Frame, tinted, write_clip
from usmm.phantoms.write_dicom import region, write_cine

DrawClip = Callable[[A, float, tuple[int, int], np.random.Generator, int], Iterator[Frame]]


@dataclass(frozen=True)
class ClipModality(AlignedModality[A]):
    """A clip.

    Args:
        draw: `(anatomy, latent, size, rng, frames) ->` iterator over grey frames (H, W).
        palette: (256, 3) RGB colours of the grey values, or None for grey.
        zoom: Pixels of the clip per pixel of the anatomy.
        seconds: Length of a full clip.
        key_frame_step: Seconds between the frames that the key-frame selection reads, in a full clip.
    """

    draw: DrawClip[A]
    palette: Frame | None
    zoom: float
    seconds: float
    key_frame_step: float = 1.0

    def suffix(self, dicom: bool) -> str:
        """`.dcm` or `.mp4`."""
        return '.dcm' if dicom else '.mp4'

    def mask(self, anatomy: A) -> Mask:
        """(H, W) mask of the lesion at the zoom of the clip."""
        return anatomy.mask(self.size, self.zoom)

    def write_file(self, path: Path, patient: Patient, anatomy: A, mask: Mask, options: PhantomOptions) -> None:
        """Draw and write the clip."""
        rng = patient.rng(self.name)
        frames = self.draw(anatomy, patient.latents[self.name], self.size, rng, options.frames)
        if not options.dicom:
            write_clip(path, frames, options.fps, self.palette)
            return
        pitch = anatomy.spacing(CANVAS)[0] / self.zoom
        regions = [region(clip_box(self.size), (pitch, pitch))]
        write_cine(path, tinted(frames, self.palette), options.fps, patient.patient_id, (pitch, pitch), regions)
