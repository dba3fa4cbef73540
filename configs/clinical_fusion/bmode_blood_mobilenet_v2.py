"""Liver tumours from one B-mode image and blood tests: MobileNetV2 on the lesion's box, joined with the clinical table.

The image's 1280 features go through a layer of 64, the table through one of 32; side by side they make the answer. Drop
'clinical' from `modalities` for the image alone, 'bus' for the table alone; `variables` of the clinical encoder names
the columns that are read (default: all). For weights of ImageNet give the backbone
`init_cfg=dict(type='Pretrained', checkpoint=...)`.
"""

_base_ = '../_base_/runtime.py'

data_root = 'data/liver_blood'
table = 'cases.xlsx'
classes = ('benign', 'malignant')
positive = 'malignant'
modalities = ('bus', 'clinical')
image_size = 224
box_margin = 0.0  # room around the lesion's box on each side, as a share of its width and height
cache_dir = 'work_dirs/cache'  # prepared images, keyed by file content and options; runs share it
backbone = dict(type='mmpretrain.MobileNetV2')
embed_dims = 64  # of the image's vector
table_dims = 32  # of the table's

schema = dict(
    images=dict(bus='bus'),
    masks='{modality}_mask',
    boxes='{modality}_box',
    clinical=[
        dict(name='age', unit='year', range=(0, 120)),
        dict(name='sex', values=('F', 'M')),
        dict(name='ast', unit='U/L', range=(1, 10000), log=True),
        dict(name='alt', unit='U/L', range=(1, 10000), log=True),
        dict(name='platelets', unit='10^9/L', range=(30, 1000), log=True, other_units={'10^4/uL': 10}),
        dict(name='albumin', unit='g/L', range=(10, 80), other_units={'g/dL': 10}),
    ],
)
# a tenth of the patients tests, another tenth chooses the epoch, eight tenths train
split = dict(folds=10, val_ratio=1 / 9)

load = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    dict(type='CropBox', size='${image_size}', margin='${box_margin}'),
]
train_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='RandomFlip'),
    dict(type='RandomRotate', degrees=15),
    dict(type='PackCase', clinical='${schema.clinical}'),
]
test_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='PackCase', clinical='${schema.clinical}'),
]

model = dict(
    type='MultiModalClassifier',
    modalities='${modalities}',
    classes='${classes}',
    positive='${positive}',
    schema='${schema}',
    data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(
        image=dict(type='ImageEncoder', modality='bus', backbone='${backbone}'),
        clinical=dict(type='ClinicalEncoder', hidden_channels='${table_dims}'),
    ),
    fusion=dict(type='PoolFusion', project=dict(image='${embed_dims}')),
    head=dict(type='LinearHead'),
)

epochs = 40
lr = 3e-4
weight_decay = 0.01
# 'all but clinical': a variant may add a clinical head, which a stage of its own then trains
joint_stage = dict(
    name='joint',
    train='all but clinical',
    optimizer=dict(type='AdamW', lr='${lr}', weight_decay='${weight_decay}'),
    max_epochs='${epochs}',
    param_scheduler=[dict(type='CosineAnnealingLR', T_max='${epochs}', convert_to_iter_based=True)],
)
stages = ['${joint_stage}']
