"""Preset `liver_mr`: liver tumours of stage one or two in three MR images, as in Chiang et al., ACM MM Asia 2023.

88 patients of stage one, 50 of stage two. Every image shows two latents: the anatomy's, which all modalities share, and
one of its own; each has an AUC of 0.691 alone (d^2 = 1/2), so that one modality allows 0.760 and all three 0.841.
"""

from __future__ import annotations

from functools import partial

from scipy.special import ndtr

from usmm.phantoms.image_modality import ImageModality
from usmm.phantoms.preset_registry import register_preset
from usmm.phantoms.rendering.mri import CONTRASTS, SIZE, draw_liver, draw_mr
from usmm.phantoms.two_class_preset import TwoClassPreset

AUC = float(ndtr(0.5))

LIVER_MR = TwoClassPreset(
    name='liver_mr',
    classes=('stage1', 'stage2'),
    counts=(88, 50),
    images=tuple(ImageModality(name, AUC, SIZE, partial(draw_mr, contrast)) for name, contrast in CONTRASTS.items()),
    common='anatomy',
    common_auc=AUC,
    scene=draw_liver,
    dicom=False,
    block=6,
    note="""The latent `anatomy` is the size of the tumour and the raggedness of its border, the same in all images;
each image's own is the contrast of the tumour to the liver. Place, shape of the liver, vessels, fat and gain tell
nothing.""",
)
register_preset(LIVER_MR)
