"""MCL + CGC at the paper's sizes and schedule (Chiang et al., ACM MM Asia 2023): SimSiam+ on pairs of modalities, then
fine-tuning with a cross-modality group convolution.

One modality in `modalities`: fine-tuning of that modality alone. `pairs = 'views'` and one modality in
`pretrain_modalities`: pre-training without pairs of modalities (SCL). ImageNet weights, from which the paper starts:
`--cfg-options start.type=Pretrained start.checkpoint=FILE`.
"""

_base_ = '../_base_/runtime.py'

data_root = 'data/liver_mr'
table = 'cases.xlsx'
classes = ('stage1', 'stage2')
positive = 'stage2'
modalities = ('t1', 't2', 'oop')  # what the classifier reads
pretrain_modalities = ('t1', 't2', 'oop')  # what the encoder is pre-trained on
pretrain_on = 'train'  # 'all': the patients of the test folds too, as the paper did; reports then say so
pretrain_epochs = 12
pretrain_lr = 3e-4
finetune_epochs = 10
finetune_lr = 1e-4
linear_lr = 1e-3
method = 'SimSiam'  # or 'BYOL', 'SimCLR'
pairs = 'modalities'
allow_same = False
repeats = 1  # how often an epoch of the pre-training meets every image
cache_dir = 'work_dirs/cache'  # prepared images, keyed by file content and options; runs share it
store_dir = 'work_dirs/pretrained'  # pre-trained weights, keyed by all that decides them; rows of a study share them

schema = dict(images=dict(t1='t1', t2='t2', oop='oop'), masks='{modality}_mask')
backbone = dict(type='mmpretrain.EfficientNet', arch='b2', init_cfg='${start}')
start = dict(type='Kaiming', layer='Conv2d')
projector = dict(hidden_channels=1792, embed_dims=256)
groups = 8
# of all pixels of a modality, in grey levels from 0 to 255
mean = dict(t1=(75.5, 75.5, 75.5), t2=(52.4, 52.4, 52.4), oop=(51.0, 51.0, 51.0))
std = dict(t1=(64.4, 64.4, 64.4), t2=(44.0, 44.0, 44.0), oop=(41.9, 41.9, 41.9))

jitter = 0.4  # largest change of brightness and contrast
crop_scale = (0.5, 1.0)  # area of the crops of the pre-training
# small images get a black border and are not enlarged
load = [dict(type='LoadImage'), dict(type='LoadMask'), dict(type='PadToSize', size=200)]
augment = [
    dict(type='ColourJitter', brightness='${jitter}', contrast='${jitter}'),
    dict(type='RandomResizedCrop', scale='${crop_scale}', prob=1.0),
    dict(type='RandomFlip'),
    dict(type='RandomFlip', direction='vertical'),
    dict(type='PackCase'),
]
train_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='ColourJitter', brightness='${jitter}', contrast='${jitter}'),
    dict(type='RandomRotate', degrees=15),
    dict(type='RandomFlip'),
    dict(type='RandomFlip', direction='vertical'),
    dict(type='PackCase'),
]
test_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='PackCase'),
]

model = dict(
    type='MultiModalClassifier',
    modalities='${modalities}',
    classes='${classes}',
    positive='${positive}',
    schema='${schema}',
    data_preprocessor=dict(type='CasePreprocessor', mean='${mean}', std='${std}'),
    encoder=dict(shared=dict(type='SharedEncoder', modalities=('t1', 't2', 'oop'), backbone='${backbone}')),
    fusion=dict(type='CrossModalityGroupConv', groups='${groups}'),
    head=dict(type='LinearHead', dropout=0.3))

schedules = dict(
    pretrain=dict(
        name='pretrain',
        part='${pretrain_on}',
        store='${store_dir}',
        model=dict(
            type='${method}',
            backbone='${backbone}',
            hidden_channels='${projector.hidden_channels}',
            embed_dims='${projector.embed_dims}',
            data_preprocessor=dict(type='PairPreprocessor', mean='${mean}', std='${std}')),
        dataset=dict(
            type='PairedViews',
            modalities='${pretrain_modalities}',
            pairs='${pairs}',
            allow_same='${allow_same}',
            repeats='${repeats}',
            pipeline=[dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}')],
            augment='${augment}'),
        batch_size=32,
        optimizer=dict(type='Adam', lr='${pretrain_lr}'),
        max_epochs='${pretrain_epochs}'),
    finetune=dict(
        name='finetune',
        train='all',
        batch_size=16,
        optimizer=dict(type='Adam', lr='${finetune_lr}'),
        param_scheduler=[dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50)],
        max_epochs='${finetune_epochs}'),
    # a linear classifier on the frozen encoder and projector; the model's fusion is then `ProjectedFusion`
    linear=dict(name='linear', train=['head'], optimizer=dict(type='Adam', lr='${linear_lr}'), max_epochs=50))
stages = ['${schedules.pretrain}', '${schedules.finetune}']
