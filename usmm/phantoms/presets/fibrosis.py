"""Preset `fibrosis`: liver fibrosis F0 to F4 from four modalities, several images each, one in five of no use.

Stages and their counts (168 patients) are those of the published cohort, and so are the macro AUCs of the three liver
modalities alone (84.4, 75.9, 74.9 %); the spleen's is our choice. A patient there has 21 B-mode images, here 6 to 10.
"""

from __future__ import annotations

from usmm.phantoms.preset_registry import register_preset
from usmm.phantoms.rendering.fibrosis_images import draw_bmode, draw_point, draw_swe
from usmm.phantoms.staged_modality import StagedModality
from usmm.phantoms.staged_preset import StagedPreset

SIZE = (320, 256)

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
    note='Place, depth and gain tell nothing of the class; truth.json names the images that are noise.',
)
register_preset(FIBROSIS)
