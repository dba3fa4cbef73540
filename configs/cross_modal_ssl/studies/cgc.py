"""One modality or all three, and how they are joined: CGC, the dense CMC, plain concatenation.

Parameters, multiply-adds and time of the rows: `usmm complexity cross_modal_ssl/studies/cgc`.
"""

title = 'Cross-modality group convolution'
config = '../mcl_cgc_efficientnet_b2.py'
folds = 5
reference = 'MCL + CGC'
published = 'Chiang et al., ACM MM Asia 2023: 138 patients of one hospital, 5 folds, 5 seeds, all patients pre-trained'

_cmc = dict(_delete_=True, type='CrossModalityConv', groups='${groups}')
_concat = dict(_delete_=True, type='PoolFusion')
variants = [
    dict(name='MCL oop', options={'modalities': ('oop',)}, published=dict(accuracy='72.02')),
    dict(name='MCL t2', options={'modalities': ('t2',)}, published=dict(accuracy='70.26')),
    dict(name='MCL t1', options={'modalities': ('t1',)}, published=dict(accuracy='69.86')),
    dict(name='MCL + concatenation', options={'model.fusion': _concat}),
    dict(name='MCL + CMC', options={'model.fusion': _cmc}, published=dict(accuracy='74.31')),
    dict(
        name='MCL + CGC',
        published=dict(accuracy='76.80', precision='71.11', tpr='70.59', f1='67.82')),
    dict(name='CGC without pre-training', options={'stages': ['${schedules.finetune}']}),
]
