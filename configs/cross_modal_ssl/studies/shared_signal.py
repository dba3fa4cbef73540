"""What pairs of modalities teach: whatever tells the patients apart in all modalities, of use or not.

In the whole image that is the outline of the liver; in a crop of the tumour it is the tumour. Linear evaluation of one
modality, with pairs of modalities (`+`) and without, and the same number of steps. `usmm probe_latents` on the
rows says what the features hold.
"""

title = 'Pairs of modalities: whole image, or a crop of the tumour'
config = '../mcl_cgc_small_phantom.py'
folds = 5
reference = 'whole'
pairs = 'all'

_linear = {
    'modalities': ('t1',),
    'model.fusion': dict(
        _delete_=True, type='ProjectedFusion', hidden_channels='${projector.hidden_channels}',
        embed_dims='${projector.embed_dims}'),
    'model.head.dropout': 0.0,
    'train_pipeline': '${test_pipeline}',
    'stages': ['${schedules.pretrain}', '${schedules.linear}'],
}
_views = {'pretrain_modalities': ('t1',), 'pairs': 'views', 'repeats': 3}
_tumour = {
    'load': [
        dict(type='LoadImage'), dict(type='LoadMask'), dict(type='CropLesion', margin=0.3), dict(type='Resize', size=64)
    ]
}
variants = [
    dict(name='whole', options=_linear | _views),
    dict(name='whole+', options=_linear),
    dict(name='tumour', options=_linear | _views | _tumour),
    dict(name='tumour+', options=_linear | _tumour),
]
