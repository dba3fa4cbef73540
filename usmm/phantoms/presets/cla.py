"""Preset `cla`: cervical lymph nodes, adenocarcinoma or squamous cell carcinoma, as in MSMFN (Meng et al., TMI 2022).

Sizes, frame rate, class ratio and single-modality AUCs are the paper's (section on data, Table V). The shares of the
clinical variables follow the order of the p values in its Table II.
"""

from __future__ import annotations

from usmm.phantoms.clinical_plan import Category, ClinicalPlan, Number
from usmm.phantoms.clip_modality import ClipModality
from usmm.phantoms.image_modality import ImageModality
from usmm.phantoms.preset_registry import register_preset
from usmm.phantoms.rendering.bmode import draw_bmode
from usmm.phantoms.rendering.contrast import SECONDS, ZOOM, draw_contrast, gold
from usmm.phantoms.rendering.doppler import draw_doppler
from usmm.phantoms.rendering.elasto import draw_elasto
from usmm.phantoms.rendering.scene import draw_node
from usmm.phantoms.two_class_preset import TwoClassPreset

CLA = TwoClassPreset(
    name='cla',
    classes=('ADC', 'SCC'),
    counts=(180, 121),
    images=(
        ImageModality('bus', 0.62, (780, 615), draw_bmode),
        ImageModality('cdfi', 0.66, (780, 615), draw_doppler, region='colour flow'),
        ImageModality('ue', 0.64, (310, 240), draw_elasto),
    ),
    clips=(ClipModality('dceus', 0.76, (360, 440), draw_contrast, gold(), ZOOM, SECONDS),),
    clinical=ClinicalPlan(
        numbers=(
            Number('age', 0.16, 58, 9.5, 18, 95),
            Number('td', 0.10, 13.5, 2.6, 2, 60, 1),
            Number('ld', 0.26, 22.5, 4.3, 3, 90, 1),
        ),
        categories=(
            Category('gender', 0.18, ('F', 'M'), (0.42, 0.58)),
            Category('node_side', 0.08, ('left', 'right'), (0.54, 0.46)),
            Category('neck_level', 0.22, ('VI', 'IV', 'V', 'III', 'II'), (0.07, 0.31, 0.16, 0.24, 0.22)),
        ),
        auc=0.71,
    ),
    scene=draw_node,
    note="""Size, place and outline of a node, gain and speckle tell nothing of the class. The diameters in the table
belong to the clinical score and cannot be measured in the pictures.""",
)
register_preset(CLA)
