"""ScoreTree (a row of the paper's Table VI): a network a modality, their probabilities fused by one layer.

Groups are fused first with `model.head.tree`, for example `(('bus', 'cdfi', 'ue'), 'dceus')`.
"""

_base_ = '../msmfn_r50_r2plus1d.py'

modalities = ('bus', 'cdfi', 'ue', 'dceus')
resnet = dict(
    type='mmpretrain.ResNet', depth='${static_net.depth}', base_channels='${static_net.base_channels}',
    stem_channels='${static_net.base_channels}', out_indices=(0, 1, 2, 3), zero_init_residual=False)
r2plus1d = dict(type='R2Plus1D', depth='${clip_net.depth}', base_channels='${clip_net.base_channels}')
model = dict(
    encoder=dict(
        _delete_=True,
        bus=dict(type='ImageEncoder', modality='bus', backbone=resnet),
        cdfi=dict(type='ImageEncoder', modality='cdfi', backbone=resnet),
        ue=dict(type='ImageEncoder', modality='ue', backbone=resnet),
        dceus=dict(type='ClipEncoder', clip='dceus', backbone=r2plus1d)),
    fusion=dict(_delete_=True, type='PoolFusion'),
    head=dict(
        _delete_=True,
        type='ScoreTreeHead',
        losses=[dict(type='CrossEntropyLoss'), dict(type='DeepSupervisionLoss', loss_weight=1.0)]))
