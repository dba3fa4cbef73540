"""BrEaST as the target, and the frames of public lung clips (disease or none) as the only task of the pre-training.

Make the tables with `usmm dataset_converters/breast_lesions_usg SRC data/breast` and
`usmm dataset_converters/lung_clips SRC data/lung`. Narrow networks, which start from nothing.
"""

_base_ = './resnet152.py'

data_root = 'data/breast'
table = 'cases.csv'
lung_table = 'data/lung/cases.csv'
classes = ('benign', 'malignant')
positive = 'malignant'
ignore_labels = ('normal',)  # four cases without a lesion
image_size = 96
lr = 1e-3
pretrain_epochs = 40
finetune_epochs = 40
schema = dict(_delete_=True, images=dict(bus='bus'), masks='{modality}_mask')
families = dict(
    convnext=dict(arch=dict(_delete_=True, depths=(2, 2, 2, 2), channels=(16, 32, 64, 128))),
    efficientnet=dict(arch='b0'),
    resnet=dict(depth=18, base_channels=16, stem_channels=16),
    vit=dict(
        arch=dict(_delete_=True, embed_dims=64, num_layers=4, num_heads=4, feedforward_channels=128), patch_size=8))
tasks = [
    dict(name='lung', table='${lung_table}', schema=dict(clips=dict(clip='clip'), label='disease'),
         classes=('no', 'yes')),
]
load = [
    dict(type='LoadImage'),
    dict(type='LoadClip', num_frames=16),
    dict(type='LoadMask'),
    dict(type='CropLesion', margin=0.2),
    dict(type='Resize', size='${image_size}'),
]
