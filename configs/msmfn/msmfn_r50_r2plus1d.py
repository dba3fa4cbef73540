"""MSMFN at the paper's sizes and schedule (Meng et al., IEEE TMI 2022): three steps, two stages.

Drop a modality from `modalities`, and its branch is gone; without 'dceus' so is the transformer.
"""

_base_ = '../_base_/runtime.py'

data_root = 'data/cla'
table = 'cases.xlsx'
classes = ('ADC', 'SCC')
positive = 'SCC'
modalities = ('bus', 'cdfi', 'ue', 'dceus', 'clinical')
image_size = 224
clip_size = 128
keyframe_step = 1.0  # seconds between the frames that key frames are chosen from
cache_dir = 'work_dirs/cache'  # prepared images, keyed by file content and options; runs share it
# sizes of the networks, whichever parts a study puts together of them
static_net = dict(depth=50, base_channels=64)  # a ResNet
clip_net = dict(depth=18, base_channels=64)  # an R(2+1)D
embed_dims = 256

schema = dict(
    images=dict(bus='bus', cdfi='cdfi', ue='ue'),
    clips=dict(dceus='dceus'),
    masks='{modality}_mask',
    clinical=[
        dict(name='age', unit='year', range=(0, 120)),
        dict(name='td', unit='mm', range=(0, 200)),
        dict(name='ld', unit='mm', range=(0, 200)),
        dict(name='gender', values=('F', 'M')),
        dict(name='node_side', values='auto'),
        dict(name='neck_level', values='auto'),
    ])

load = [
    dict(type='LoadImage'),
    dict(type='KeyFrames', modality='dceus', num_frames=10, step='${keyframe_step}'),
    dict(type='LoadMask'),
    dict(type='CropLesion'),
    dict(type='Resize', size='${image_size}', modalities=('bus', 'cdfi', 'ue')),
    dict(type='Resize', size='${clip_size}', modalities=('dceus',)),
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
        static=dict(
            type='GuidedEncoder', guide='bus', guided=('cdfi', 'ue'), depth='${static_net.depth}',
            base_channels='${static_net.base_channels}'),
        dynamic=dict(
            type='ClipEncoder', clip='dceus',
            backbone=dict(type='R2Plus1D', depth='${clip_net.depth}', base_channels='${clip_net.base_channels}'))),
    fusion=dict(type='TransformerFusion', embed_dims='${embed_dims}', num_layers=4, num_heads=4),
    head=dict(
        type='LinearHead',
        losses=[
            dict(type='FocalLoss', gamma=2.0, alpha=(0.4, 0.6)),
            dict(type='DeepSupervisionLoss', loss_weight=0.3),
            dict(type='OrthogonalLoss', loss_weight=0.1),
        ]),
    clinical=dict(type='ClinicalFusionHead'))

# stage 2 sees the frozen network's scores once per case (`cache`), then trains on those
stages = [
    dict(name='image', train='all but clinical', optimizer=dict(type='Adam', lr=1e-5), max_epochs=150),
    dict(name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.1), max_epochs=50, cache=True),
]
