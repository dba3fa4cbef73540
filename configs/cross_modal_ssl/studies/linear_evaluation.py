"""What the encoder has learnt without labels: {SimCLR, BYOL, SimSiam} with and without pairs of modalities (`+`),
measured by a linear classifier on the frozen encoder and projector, for each modality.

Without `+` each modality has a network of its own, which two views of its images have trained. On the phantom:
`usmm study cross_modal_ssl/studies/linear_evaluation --config cross_modal_ssl/mcl_cgc_small_phantom`.
"""

title = 'Linear evaluation, with and without pairs of modalities'
config = '../mcl_cgc_efficientnet_b2.py'
folds = 5
reference = 'SimSiam t1'
published = 'Chiang et al., ACM MM Asia 2023: 138 patients of one hospital, 5 folds, 5 seeds, all patients pre-trained'

_linear = {
    'model.fusion': dict(
        _delete_=True, type='ProjectedFusion', hidden_channels='${projector.hidden_channels}',
        embed_dims='${projector.embed_dims}'),
    'model.head.dropout': 0.0,
    'train_pipeline': '${test_pipeline}',
    'stages': ['${schedules.pretrain}', '${schedules.linear}'],
}
_accuracy = {  # %, out-of-phase, T2, T1
    'SimCLR': ('64.22', '62.72', '62.12'),
    'SimCLR+': ('65.95', '64.20', '64.02'),
    'BYOL': ('66.44', '66.76', '65.48'),
    'BYOL+': ('67.73', '68.28', '66.88'),
    'SimSiam': ('66.87', '65.17', '63.06'),
    'SimSiam+': ('68.88', '67.47', '66.57'),
}
variants = []
for _name, _values in _accuracy.items():
    for _modality, _value in zip(('oop', 't2', 't1'), _values):
        _row = {**_linear, 'method': _name.rstrip('+'), 'modalities': (_modality,)}
        if not _name.endswith('+'):
            _row |= {'pretrain_modalities': (_modality,), 'pairs': 'views'}
        variants.append(dict(name=f'{_name} {_modality}', options=_row, published=dict(accuracy=_value)))
# what pairs of modalities add
pairs = [(f'{_name} {_m}', f'{_name}+ {_m}') for _name in ('SimCLR', 'BYOL', 'SimSiam') for _m in ('oop', 't2', 't1')]
