"""MCL + CGC in small, for the phantom `liver_mr` and CI: a narrow ResNet-18, images of 64 pixels.

From random weights and on 110 patients the paper's schedule ends before much is learnt: a higher learning rate, more
epochs and milder augmentation.
"""

_base_ = './mcl_cgc_efficientnet_b2.py'

data_root = 'data/liver_mr_phantom'
split = dict(folds=5, selection='last')  # 138 patients are too few for a validation part
backbone = dict(
    _delete_=True, type='mmpretrain.ResNet', depth=18, base_channels=16, stem_channels=16, init_cfg='${start}')
mean = dict(t1=(57.6, 57.6, 57.6), t2=(39.4, 39.4, 39.4), oop=(48.1, 48.1, 48.1))
std = dict(t1=(71.9, 71.9, 71.9), t2=(50.3, 50.3, 50.3), oop=(60.0, 60.0, 60.0))
projector = dict(hidden_channels=256, embed_dims=64)
load = [dict(type='LoadImage'), dict(type='LoadMask'), dict(type='PadToSize', size=200), dict(type='Resize', size=64)]
pretrain_epochs = 40
pretrain_lr = 3e-3
finetune_epochs = 20
finetune_lr = 1e-3
linear_lr = 1e-2
jitter = 0.2
crop_scale = (0.8, 1.0)
