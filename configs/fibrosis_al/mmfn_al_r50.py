"""Liver fibrosis F0 to F4 from images that are not aligned: ResNet-50 a modality, squeeze-excitation, pairs of images.

A sample is a pair (or tuple) of images of one patient; a patient's probabilities are the mean over the pairs. Drop a
modality from `modalities`, or add one, and the network follows. `usmm active_learn` asks for labels pair by pair.
"""

_base_ = '../_base_/runtime.py'

data_root = 'data/fibrosis'
classes = ('F0', 'F1', 'F2', 'F3', 'F4')
modalities = ('lste', 'lus')
image_size = 224
region_size = 224  # pixels of the elastogram around its colour box
cache_dir = 'work_dirs/cache'
net = dict(depth=50, base_channels=64)  # a ResNet
embed_dims = 256
draws = None  # pairs of each patient in an epoch, drawn anew; None: all
min_samples = None  # samples of an epoch at least, however few are labelled
test_draws = None  # pairs of each patient in a test, spread evenly; None: all

schema = dict(images=dict(lste='lste', sste='sste', lstq='lstq', lus='lus'))
# 80 % of the patients of each stage train; no patient is held back to choose the epoch, as their labels would have to
# be paid for
split = dict(folds=5, selection='last')
dataset = dict(type='PairPool', draws='${draws}', min_samples='${min_samples}', test_draws='${test_draws}')
evaluator = [dict(type='CaseMetrics', classes='${classes}', positive='${positive}', ordered=True)]

load = [
    dict(type='LoadImage'),
    dict(type='CropRegion', size='${region_size}', modalities=('lste', 'sste', 'lstq')),
    dict(type='Resize', size='${image_size}'),
]
# an entry an image (`each`), not a pair
train_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}', each=True),
    dict(type='RandomFlip'),
    dict(type='RandomRotate', degrees=10),
    dict(type='PackCase'),
]
test_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}', each=True),
    dict(type='PackCase'),
]

resnet = dict(
    type='mmpretrain.ResNet', depth='${net.depth}', base_channels='${net.base_channels}',
    stem_channels='${net.base_channels}')
model = dict(
    type='MultiModalClassifier',
    modalities='${modalities}',
    classes='${classes}',
    schema='${schema}',
    data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(
        lste=dict(type='ImageEncoder', modality='lste', backbone='${resnet}'),
        sste=dict(type='ImageEncoder', modality='sste', backbone='${resnet}'),
        lstq=dict(type='ImageEncoder', modality='lstq', backbone='${resnet}'),
        lus=dict(type='ImageEncoder', modality='lus', backbone='${resnet}')),
    fusion=dict(type='SqueezeExcitationFusion', embed_dims='${embed_dims}', reduction=16),
    head=dict(type='LinearHead', dropout=0.5))

image_epochs = 30
lr = 1e-4
stages = [
    dict(
        name='image', train='all', optimizer=dict(type='AdamW', lr='${lr}', weight_decay=0.01),
        max_epochs='${image_epochs}',
        param_scheduler=[dict(type='CosineAnnealingLR', T_max='${image_epochs}', convert_to_iter_based=True)]),
]
