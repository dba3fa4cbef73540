"""Losses of the image stage: the 8 rows of MSMFN's Table VII.

CEL cross-entropy, FL focal loss, DS deep supervision, CoS consistency, OtS orthogonality.
"""

title = 'MSMFN: losses (Table VII)'
config = '../msmfn_r50_r2plus1d.py'
reference = 'FL+OtS+DS'
published = 'Meng et al., IEEE TMI 2022, Table VII: 301 patients of one hospital, 3 folds, mean'

_loss = dict(
    CEL=dict(type='CrossEntropyLoss'),
    FL=dict(type='FocalLoss', gamma=2.0, alpha=(0.4, 0.6)),
    DS=dict(type='DeepSupervisionLoss', loss_weight=0.3),
    CoS=dict(type='ConsistencyLoss', loss_weight=0.1),
    OtS=dict(type='OrthogonalLoss', loss_weight=0.1))
_rows = {
    'CEL': ('.77', '70.44'),
    'CEL+DS': ('.80', '72.77'),
    'CEL+CoS+DS': ('.77', '71.57'),
    'CEL+OtS+DS': ('.83', '77.00'),
    'FL': ('.81', '75.41'),
    'FL+DS': ('.80', '76.08'),
    'FL+CoS+DS': ('.79', '71.89'),
    'FL+OtS+DS': ('.84', '78.07'),
}
variants = []
for _name, _numbers in _rows.items():
    _losses = []
    for _word in _name.split('+'):
        _losses.append(_loss[_word])
    variants.append(dict(
        name=_name,
        options={'modalities': ('bus', 'cdfi', 'ue', 'dceus'), 'model.head.losses': _losses},
        published=dict(auc=_numbers[0], accuracy=_numbers[1])))
