"""Pre-training on real ultrasound of two organs, and a linear evaluation on one: BrEaST, and frames of lung clips.

Make the tables with `usmm convert breast_lesions_usg SRC data/breast` and
`usmm convert lung_clips SRC data/lung`. The encoder learns from the crops of the training part of BrEaST
(two views of each) and from all lung clips (two frames of each); then a linear classifier on it, frozen, tells benign
from malignant.
"""

_base_ = './mcl_cgc_efficientnet_b2.py'

data_root = 'data/breast'
table = 'cases.csv'
lung_table = 'data/lung/cases.csv'
classes = ('benign', 'malignant')
positive = 'malignant'
ignore_labels = ('normal',)  # four cases without a lesion
modalities = ('bus',)
pretrain_modalities = ('bus',)
repeats = 4  # one image a patient
image_size = 96
schema = dict(_delete_=True, images=dict(bus='bus'), masks='{modality}_mask')
# no pre-trained weights, and a CPU: a narrow network, and more and larger steps than the paper's
backbone = dict(
    _delete_=True, type='mmpretrain.ResNet', depth=18, base_channels=16, stem_channels=16, init_cfg='${start}')
projector = dict(hidden_channels=256, embed_dims=64)
pretrain_epochs = 40
pretrain_lr = 1e-3
linear_lr = 1e-2
mean = dict(_delete_=True, bus=(123.7, 116.3, 103.5), clip=(123.7, 116.3, 103.5))
std = dict(_delete_=True, bus=(58.4, 57.1, 57.4), clip=(58.4, 57.1, 57.4))

load = [
    dict(type='LoadImage'),
    dict(type='LoadClip', num_frames=16),
    dict(type='LoadMask'),
    dict(type='CropLesion', margin=0.2),
    dict(type='Resize', size='${image_size}'),
]
train_pipeline = '${test_pipeline}'
model = dict(
    encoder=dict(shared=dict(modalities=('bus',))),
    fusion=dict(
        _delete_=True, type='ProjectedFusion', hidden_channels='${projector.hidden_channels}',
        embed_dims='${projector.embed_dims}'),
    head=dict(dropout=0.0))
extra = [
    dict(table='${lung_table}', schema=dict(clips=dict(clip='clip'), label='disease'), classes=('no', 'yes'),
         modalities=('clip',))]
schedules = dict(pretrain=dict(dataset=dict(extra='${extra}')))
stages = ['${schedules.pretrain}', '${schedules.linear}']
