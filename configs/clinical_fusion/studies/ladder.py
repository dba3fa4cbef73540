"""The five models of the liver paper: the image, then more and more of the table.

`usmm study clinical_fusion/studies/ladder --config bmode_blood_small_phantom` runs it in small.
"""

title = 'B-mode and blood tests: models 1 to 5'
config = '../bmode_blood_mobilenet_v2.py'
reference = 'model 5'
pairs = 'steps'  # each model with the one before
published = 'B-mode and blood tests of liver tumours: 1080 nodules, one split 80/10/10, 108 test nodules'

_key = 'model.encoder.clinical.variables'
_demography = ('age', 'sex')
_enzymes = (*_demography, 'ast', 'alt')
variants = [
    dict(
        name='model 1',
        options={'modalities': ('bus',)},
        published=dict(accuracy='68.52', tpr='67.27', tnr='69.81', auc='.721'),
    ),
    dict(
        name='model 2',
        options={_key: _demography},
        published=dict(accuracy='71.30', tpr='78.18', tnr='64.15', auc='.803'),
    ),
    dict(
        name='model 3', options={_key: _enzymes}, published=dict(accuracy='87.04', tpr='89.10', tnr='84.91', auc='.955')
    ),
    dict(
        name='model 4',
        options={_key: (*_enzymes, 'platelets')},
        published=dict(accuracy='91.67', tpr='94.55', tnr='88.68', auc='.982'),
    ),
    dict(
        name='model 5',
        options={_key: (*_enzymes, 'platelets', 'albumin')},
        published=dict(accuracy='96.30', tpr='100', tnr='92.45', auc='.994'),
    ),
]
