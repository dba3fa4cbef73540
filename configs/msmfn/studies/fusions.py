"""Ways to fuse the four image modalities: MSMFN beside the methods of its Table VI, and the mean of single scores.

The other methods have one ResNet a static modality and one R(2+1)D for the clip; sizes are those of the base config.
"""

title = 'MSMFN: fusion methods (Table VI)'
config = '../msmfn_r50_r2plus1d.py'
reference = 'MSMFN'
published = 'Meng et al., IEEE TMI 2022, Table VI: 301 patients of one hospital, 3 folds, mean'

_images = ('bus', 'cdfi', 'ue', 'dceus')
_resnet = dict(
    type='mmpretrain.ResNet', depth='${static_net.depth}', base_channels='${static_net.base_channels}',
    stem_channels='${static_net.base_channels}', out_indices=(0, 1, 2, 3), zero_init_residual=False)
_one_network_each = dict(
    _delete_=True,
    bus=dict(type='ImageEncoder', modality='bus', backbone=_resnet),
    cdfi=dict(type='ImageEncoder', modality='cdfi', backbone=_resnet),
    ue=dict(type='ImageEncoder', modality='ue', backbone=_resnet),
    dceus=dict(
        type='ClipEncoder', clip='dceus',
        backbone=dict(type='R2Plus1D', depth='${clip_net.depth}', base_channels='${clip_net.base_channels}')))
_all_predictions = [dict(type='CrossEntropyLoss'), dict(type='DeepSupervisionLoss', loss_weight=1.0)]

variants = [
    dict(
        name='ScoreTree',
        options={
            'modalities': _images,
            'model.encoder': _one_network_each,
            'model.fusion': dict(_delete_=True, type='PoolFusion'),
            'model.head': dict(_delete_=True, type='ScoreTreeHead', losses=_all_predictions),
        },
        published=dict(auc='.81', accuracy='75.09', tpr='75.20', tnr='75.00', precision='65.12', f1='69.77')),
    dict(
        name='CentralNet',
        options={
            'modalities': _images,
            'model.encoder': _one_network_each,
            'model.fusion': dict(_delete_=True, type='CentralNet'),
            'model.head.losses': _all_predictions,
        },
        published=dict(auc='.80', accuracy='71.21', tpr='66.10', tnr='74.44', precision='65.78', f1='65.87')),
    dict(
        name='HiNet',
        options={
            'modalities': _images,
            'model.encoder': _one_network_each,
            'model.fusion': dict(_delete_=True, type='HiNet', channels='${embed_dims}'),
            'model.head.losses': _all_predictions,
        },
        published=dict(auc='.80', accuracy='74.29', tpr='69.27', tnr='77.67', precision='67.92', f1='68.49')),
    dict(
        name='mean of the scores',
        options={
            'modalities': _images,
            'model.encoder': _one_network_each,
            'model.fusion': dict(_delete_=True, type='PoolFusion'),
            'model.head': dict(
                _delete_=True, type='LateFusionHead', losses=[dict(type='FocalLoss', gamma=2.0, alpha=(0.4, 0.6))]),
        }),
    dict(
        name='MSMFN',
        options={'modalities': _images},
        published=dict(auc='.84', accuracy='78.07', tpr='81.81', tnr='75.56', precision='69.24', f1='75.00')),
]
