"""The same in small, for the phantom `liver_blood`, CI and a CPU: a narrow ResNet-18, small images, a short schedule.

The schedule ends with a falling learning rate, and the last epoch is kept, so that no patient has to choose it.
"""

_base_ = './bmode_blood_mobilenet_v2.py'

data_root = 'data/phantom_liver_blood'
image_size = 64
backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=16, stem_channels=16)
split = dict(folds=5, selection='last')
epochs = 10
lr = 1e-3
weight_decay = 0.2
num_workers = 0
