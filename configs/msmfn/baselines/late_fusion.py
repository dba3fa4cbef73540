"""Late fusion: a network a modality, each with a loss of its own; the answer is the mean of their probabilities."""

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
    head=dict(_delete_=True, type='LateFusionHead', losses=[dict(type='FocalLoss', gamma=2.0, alpha=(0.4, 0.6))]))
