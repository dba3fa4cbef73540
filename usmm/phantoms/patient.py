"""Draw and write one synthetic patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from usmm.phantoms.preset import ClipModality, ImageModality
from usmm.phantoms.presets.liver_blood_table import MarkerPlan
from usmm.phantoms.rendering.contrast import clip_box
from usmm.phantoms.rendering.doppler import colour_box
from usmm.phantoms.rendering.scene import field_box
from usmm.phantoms.truth import case_rng
from usmm.phantoms.write import tinted, write_clip, write_png
from usmm.phantoms.write_dicom import region, write_cine, write_still


@dataclass(frozen=True)
class Plan:
    """Everything that decides the content of a phantom but the case index.

    Args:
        preset: The kind of phantom: a `Preset`, or a `StagedPreset`.
        seed: Seed of everything.
        strength: Factor of every d.
        modalities: Those to make, in the preset's order.
        shared: Groups of modalities that share a latent.
        clip_seconds: Length of a clip.
        fps: Frames per second of the clips.
        dicom: DICOM instead of PNG and MP4.
    """

    preset: Any
    seed: int
    strength: float
    modalities: tuple[str, ...]
    shared: tuple[tuple[str, ...], ...]
    clip_seconds: float
    fps: float
    dicom: bool

    @property
    def d(self) -> dict[str, float]:
        """Modality -> d, the distance of the class means, of those that are made."""
        return self.preset.separations(self.strength, self.modalities)

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        return max(2, round(self.clip_seconds * self.fps))


@dataclass(frozen=True)
class Patient:
    """A case being made: its names, anatomy and latents."""

    index: int
    case_id: str
    patient_id: str
    label: int
    latents: dict[str, float]
    scene: Any


def make_case(plan: Plan, folder: Path, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw and write one case.

    Args:
        plan: The phantom.
        folder: Where the files go.
        index: Index of the case, from 0.

    Returns:
        The row of the case table, and the case's truth (label and latents).
    """
    patient = _patient(plan, index)
    row: dict[str, Any] = {'case_id': patient.case_id, 'patient_id': patient.patient_id}
    row['label'] = plan.preset.classes[patient.label]
    for modality in plan.preset.files:
        if modality.name in plan.modalities:
            row |= _write_modality(plan, patient, modality, folder)
    if 'clinical' in plan.modalities and plan.preset.clinical is not None:
        rng, clinical = case_rng(plan.seed, index, 'clinical'), plan.preset.clinical
        many = isinstance(clinical, MarkerPlan)
        row |= clinical.row(patient.latents, rng) if many else clinical.draw(patient.latents['clinical'], rng)
    return row, {'label': row['label']} | {name: patient.latents[name] for name in plan.d}


def _patient(plan: Plan, index: int) -> Patient:
    label = plan.preset.label(plan.seed, index)
    # all modalities of the preset are drawn, so that a phantom of some of them has the same latents
    d = plan.preset.separations(plan.strength, plan.preset.modalities)
    latents = plan.preset.latents(case_rng(plan.seed, index, 'latents'), label, d, plan.shared)
    scene = plan.preset.scene(case_rng(plan.seed, index, 'scene'), latents)
    return Patient(index, f'C{index + 1:04d}', f'P{index + 1:04d}', label, latents, scene)


def _write_modality(
    plan: Plan, patient: Patient, modality: ImageModality | ClipModality, folder: Path
) -> dict[str, str]:
    name, zoom = modality.name, None
    rng = case_rng(plan.seed, patient.index, name)
    if isinstance(modality, ClipModality):
        zoom = modality.zoom
        suffix = 'dcm' if plan.dicom else 'mp4'
    else:
        suffix = 'dcm' if plan.dicom else 'png'
    file, mask_file = f'{name}/{patient.case_id}.{suffix}', f'{name}_mask/{patient.case_id}.png'
    mask = patient.scene.mask(modality.size, zoom)
    write_png(folder / mask_file, mask)
    if isinstance(modality, ClipModality):
        frames = modality.draw(patient.scene, patient.latents[name], modality.size, rng, plan.frames)
        _write_clip(plan, patient, modality, frames, folder / file)
    else:
        image = modality.draw(patient.scene, patient.latents[name], modality.size, rng)
        _write_still(plan, patient, modality, image, mask, folder / file)
    box = {f'{name}_box': drawn_box(mask, case_rng(plan.seed, patient.index, 'box'))} if _has_box(modality) else {}
    return {name: file, f'{name}_mask': mask_file} | box


def _has_box(modality: ImageModality | ClipModality) -> bool:
    return isinstance(modality, ImageModality) and modality.box


def drawn_box(mask: npt.NDArray[np.bool_], rng: np.random.Generator) -> str:
    """A cell `x0,y0,x1,y1` with the box that a reader draws: 0 to 4 pixels of room on each side of the lesion."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    room = rng.integers(0, 5, 4)
    low = np.maximum([columns[0] - room[0], rows[0] - room[1]], 0)
    high = np.minimum([columns[-1] + 1 + room[2], rows[-1] + 1 + room[3]], mask.shape[::-1])
    return ','.join(str(v) for v in (*low, *high))


def _write_clip(
    plan: Plan, patient: Patient, modality: ClipModality, frames: Iterator[npt.NDArray[np.uint8]], path: Path
) -> None:
    if not plan.dicom:
        write_clip(path, frames, plan.fps, modality.palette)
        return
    pitch = patient.scene.spacing((780, 615))[0] / modality.zoom
    regions = [region(clip_box(modality.size), (pitch, pitch))]
    write_cine(path, tinted(frames, modality.palette), plan.fps, patient.patient_id, (pitch, pitch), regions)


def _write_still(
    plan: Plan,
    patient: Patient,
    modality: ImageModality,
    image: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    path: Path,
) -> None:
    if not plan.dicom:
        write_png(path, image)
        return
    spacing = patient.scene.spacing(modality.size)
    field = field_box(modality.size)
    regions = [region(field, spacing)]
    if modality.region != 'tissue':
        regions.append(region(colour_box(mask, field), spacing, modality.region))
    write_still(path, image, patient.patient_id, spacing, regions)
