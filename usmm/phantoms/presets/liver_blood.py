"""Preset `liver_blood`: liver nodules in B-mode with blood tests, after the fourth published system.

1,080 nodules, 548 malignant and 532 benign, one image each with a mask and a box, and a table of age, sex, AST, ALT,
platelets and albumin. Every column has a latent of its own, independent of the others and of the image, and d is solved
so that the best AUCs are the published ladder: image .721, with age and sex .803, with AST and ALT .955, with platelets
.982, with albumin .994.

What is our choice, for the paper gives no medians: the medians of each class below, of the size that is usual for
hepatocellular carcinoma in a damaged liver against benign nodules; the interquartile ranges follow from the medians
and d. AST has 65 % of d^2 of its step, ALT 35 %; in real patients they go together, here they are independent. The sex
is the same in both classes (62 % men), so that age holds all of its step and the sex is a known null. No value is
missing.
"""

from __future__ import annotations

from usmm.phantoms.image_modality import ImageModality
from usmm.phantoms.marker_plan import Marker, MarkerPlan, steps_to
from usmm.phantoms.preset_registry import register_preset
from usmm.phantoms.rendering.liver_blood_images import SIZE, draw_liver_bmode, draw_nodule_scene
from usmm.phantoms.two_class_preset import TwoClassPreset

LADDER = (0.721, 0.803, 0.955, 0.982, 0.994)
D = steps_to(LADDER, [{'age': 1.0}, {'ast': 0.65, 'alt': 0.35}, {'platelets': 1.0}, {'albumin': 1.0}])

LIVER_BLOOD = TwoClassPreset(
    name='liver_blood',
    classes=('benign', 'malignant'),
    counts=(532, 548),
    images=(ImageModality('bus', LADDER[0], SIZE, draw_liver_bmode, box=True),),
    clinical=MarkerPlan(
        markers=(
            Marker('age', D['age'], (48, 59), 'bounded', limits=(18, 95)),  # year
            Marker('ast', D['ast'], (24, 46), 'log'),  # U/L
            Marker('alt', D['alt'], (23, 38), 'log'),  # U/L
            Marker('platelets', D['platelets'], (220, 130), 'log'),  # 10^9/L
            Marker('albumin', D['albumin'], (44, 36), 'normal', digits=1),  # g/L
        ),
        sex='sex',
        male=0.62,
        order=('age', 'sex', 'ast', 'alt', 'platelets', 'albumin'),
        steps=(('age', 'sex'), ('ast', 'alt'), ('platelets',), ('albumin',)),
    ),
    scene=draw_nodule_scene,
    dicom=False,
    block=6,
    note="""A higher latent `bus` is a darker nodule with a more ragged, less sharp border. Its size, place and outline,
the vessels, the layers above, gain and speckle tell nothing of the class, and neither does the sex.""",
)
register_preset(LIVER_BLOOD)
