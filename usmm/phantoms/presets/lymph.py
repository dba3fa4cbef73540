"""Preset `lymph`: lymph nodes of three classes in three aligned images, after the fifth published system.

586 patients, 164 benign, 122 lymphoma, 300 metastatic, one B-mode image, colour Doppler image and elastogram each. The
AUCs of the modalities alone are the published means of four networks with pre-training (macro, one-vs-rest): .883 in
B-mode, .862 in Doppler, .920 in elastography.

What is our choice: the classes lie on one line, benign, lymphoma, metastatic, in every modality, at equal distances. A
patient of class k has the latent N(d (k - 1), 1), drawn as in the preset `cla`, so that the best reader of several
modalities sees one latent with the distance sqrt(sum d^2); its macro AUC and accuracy are computed exactly.
"""

from __future__ import annotations

from usmm.phantoms.image_modality import ImageModality
from usmm.phantoms.line_preset import LinePreset
from usmm.phantoms.preset_registry import register_preset
from usmm.phantoms.rendering.bmode import draw_bmode
from usmm.phantoms.rendering.doppler import draw_doppler
from usmm.phantoms.rendering.elasto import draw_elasto
from usmm.phantoms.rendering.scene import draw_node

SIZE = (390, 308)

LYMPH = LinePreset(
    name='lymph',
    classes=('benign', 'lymphoma', 'metastatic'),
    counts=(164, 122, 300),
    images=(
        ImageModality('bus', 0.883, SIZE, draw_bmode),
        ImageModality('cdfi', 0.862, SIZE, draw_doppler, region='colour flow'),
        ImageModality('ue', 0.920, SIZE, draw_elasto),
    ),
    scene=draw_node,
    block=2,  # divides 586, so that the cohort has its exact counts
    note="""A higher latent is a darker, more ragged node (bus), more and faster flow (cdfi), a stiffer node (ue). Size,
place and outline of a node, gain and speckle tell nothing of the class.""",
)
register_preset(LYMPH)
