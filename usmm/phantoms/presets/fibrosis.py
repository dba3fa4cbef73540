"""Preset `fibrosis`: liver fibrosis F0 to F4 from four modalities, several images each, one in five of no use.

Stages and their counts (168 patients) are those of the published cohort, and so are the macro AUCs of the three liver
modalities alone (84.4, 75.9, 74.9 %); the spleen's is our choice. A patient there has 21 B-mode images, here 6 to 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from usmm.phantoms.ordered_stages import StagedModality, StagedPreset, stage_of
from usmm.phantoms.patient import Plan
from usmm.phantoms.rendering.fibrosis_images import draw_bmode, draw_point, draw_swe
from usmm.phantoms.rendering.scene import field_box
from usmm.phantoms.truth import case_rng
from usmm.phantoms.write import write_png
from usmm.phantoms.write_dicom import region, write_still

SIZE = (320, 256)
SPACING = (0.5, 0.5)  # mm

FIBROSIS = StagedPreset(
    name='fibrosis',
    classes=('F0', 'F1', 'F2', 'F3', 'F4'),
    counts=(41, 51, 31, 27, 18),
    images=(
        StagedModality('lste', 0.844, SIZE, draw_swe, (3, 6)),
        StagedModality('sste', 0.70, SIZE, draw_swe, (3, 5)),
        StagedModality('lstq', 0.759, SIZE, draw_point, (3, 5), 0.6),
        StagedModality('lus', 0.749, SIZE, draw_bmode, (6, 10)),
    ),
)


def make_staged_case(plan: Plan, folder: Path, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw and write one case of a `StagedPreset`.

    Args:
        plan: The phantom.
        folder: Where the files go.
        index: Index of the case, from 0.

    Returns:
        The row of the case table, and the case's truth: label, latents, what each image shows, which are noise.
    """
    preset: Any = plan.preset
    stage = stage_of(plan.seed, index, preset.counts)
    case_id, middle = f'C{index + 1:04d}', (len(preset.classes) - 1) / 2
    row: dict[str, Any] = {'case_id': case_id, 'patient_id': f'P{index + 1:04d}', 'label': preset.classes[stage]}
    truth: dict[str, Any] = {'label': row['label'], 'shown': {}, 'noisy': {}}
    # all modalities are drawn, so that a phantom of some of them has the same latents
    noise = case_rng(plan.seed, index, 'latents').standard_normal(len(preset.images))
    steps = preset.separations(plan.strength, preset.modalities)
    for modality, z in zip(preset.images, noise):
        if modality.name not in plan.modalities:
            continue
        latent = steps[modality.name] * (stage - middle) + float(z)
        files, shown, noisy = _write_images(plan, modality, latent, folder, case_id, index)
        row[modality.name] = ';'.join(files)
        truth[modality.name] = latent
        truth['shown'][modality.name] = shown
        truth['noisy'] |= noisy
    return row, truth


def _write_images(
    plan: Plan, modality: StagedModality, latent: float, folder: Path, case_id: str, index: int
) -> tuple[list[str], list[float], dict[str, str]]:
    """Names of the files, the latent that each shows, and file -> kind of those that are noise."""
    preset: Any = plan.preset
    rng = case_rng(plan.seed, index, modality.name)
    count = int(rng.integers(modality.images[0], modality.images[1] + 1))
    useless = rng.random(count) < preset.noisy
    useless[int(rng.integers(count))] &= not useless.all()  # one image at least is of use
    kinds = [str(rng.choice(preset.kinds)) if bad else None for bad in useless]
    shown = [latent + modality.scatter * float(e) for e in rng.standard_normal(count)]
    files = [f'{modality.name}/{case_id}_{k}.{"dcm" if plan.dicom else "png"}' for k in range(count)]
    for k, file in enumerate(files):
        draws = np.random.default_rng([plan.seed, index, k, int(rng.integers(2**31))])
        image = modality.draw(shown[k], kinds[k], modality.size, draws)
        if plan.dicom:
            write_still(folder / file, image, f'P{index + 1:04d}', SPACING, [region(field_box(modality.size), SPACING)])
        else:
            write_png(folder / file, image)
    return files, shown, {file: kind for file, kind in zip(files, kinds) if kind is not None}
