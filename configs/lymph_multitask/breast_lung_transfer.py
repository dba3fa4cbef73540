"""BrEaST as the target, and the frames of public lung clips (disease or none) as the only task of the pre-training.

Make the tables with `usmm convert breast_lesions_usg SRC data/breast` and
`usmm convert lung_clips SRC data/lung`. Narrow networks, which start from nothing.
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
pretrain_lr = 1e-4  # a few clips: with larger steps the first epoch is the best
patience = 10
pretrain_patience = 20
pretrain_epochs = 100
finetune_epochs = 40
schema = dict(_delete_=True, images=dict(bus='bus'), masks='{modality}_mask')
families = dict(
    convnext=dict(arch=dict(_delete_=True, depths=(2, 2, 2, 2), channels=(16, 32, 64, 128))),
    efficientnet=dict(_delete_=True, type='ScaledEfficientNet', width=0.5, depth=0.5, init_cfg='${start}'),
    resnet=dict(depth=18, base_channels=16, stem_channels=16),
    vit=dict(
        arch=dict(_delete_=True, embed_dims=64, num_layers=4, num_heads=4, feedforward_channels=128), patch_size=8
    ),
)
lesion = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    dict(type='CropLesion', margin=0.2),
    dict(type='Resize', size='${image_size}'),
]
frames = [dict(type='LoadClip', num_frames=16), dict(type='Resize', size='${image_size}')]
load = '${lesion}'
lung_task = dict(
    name='lung',
    table='${lung_table}',
    schema=dict(clips=dict(clip='clip'), label='disease'),
    classes=('no', 'yes'),
    pipeline=[dict(type='Cached', transforms='${frames}', cache_dir='${cache_dir}')],
)
tasks = ['${lung_task}']
# a small set is learnt by heart unless its images change from epoch to epoch
augment = [
    dict(type='RandomFlip'),
    dict(type='RandomAffine', degrees=15, shift=0.1, scale=(0.8, 1.25), prob=0.8),
    dict(type='ColourJitter'),
    dict(type='PackCase'),
]
schedules = dict(pretrain=dict(optimizer=dict(lr='${pretrain_lr}'), early_stop=dict(patience='${pretrain_patience}')))
