bad_cases = 'error'
batch_size = 8
cache_dir = 'cache_breast'
classes = (
    'benign',
    'malignant',
)
clip_net = dict(base_channels=64, depth=18)
clip_size = 128
custom_hooks = []
data_root = 'breast'
dataset = dict(
    bad_cases='${bad_cases}',
    classes='${classes}',
    ignore_labels='${ignore_labels}',
    missing='${missing}',
    modalities='${modalities}',
    schema='${schema}',
    seed='${seed}',
    split='${split}',
    table='${data_root}/${table}',
    type='CaseDataset')
default_scope = 'usmm'
embed_dims = 256
evaluator = [
    dict(classes='${classes}', positive='${positive}', type='CaseMetrics'),
]
ignore_labels = ('normal', )
image_size = 128
keyframe_step = 1.0
max_epochs = None
missing = 'error'
modalities = (
    'bus',
    'clinical',
)
model = dict(
    classes='${classes}',
    clinical=dict(type='ClinicalFusionHead'),
    data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(
        dynamic=dict(
            backbone=dict(
                base_channels='${clip_net.base_channels}',
                depth='${clip_net.depth}',
                type='R2Plus1D'),
            clip='dceus',
            type='ClipEncoder'),
        static=dict(
            base_channels='${static_net.base_channels}',
            depth='${static_net.depth}',
            guide='bus',
            guided=(
                'cdfi',
                'ue',
            ),
            type='GuidedEncoder')),
    fusion=dict(
        embed_dims='${embed_dims}',
        num_heads=4,
        num_layers=4,
        type='TransformerFusion'),
    head=dict(
        losses=[
            dict(alpha=(
                0.4,
                0.6,
            ), gamma=2.0, type='FocalLoss'),
        ],
        type='LinearHead'),
    modalities='${modalities}',
    positive='${positive}',
    schema='${schema}',
    type='MultiModalClassifier')
monitor = 'auc'
name = 'msmfn_bus_clinical_breast'
num_classes = 2
num_workers = 2
positive = 'malignant'
schema = dict(
    clinical=[
        dict(name='age', range=(
            0,
            120,
        ), unit='year'),
        dict(name='tissue', values='auto'),
        dict(name='palpable', values=(
            'no',
            'yes',
        )),
        dict(name='skin_retraction', values=(
            'no',
            'yes',
        )),
        dict(name='nipple_retraction', values=(
            'no',
            'yes',
        )),
        dict(name='redness', values=(
            'no',
            'yes',
        )),
        dict(name='warmth', values=(
            'no',
            'yes',
        )),
        dict(name='breast_scar', values=(
            'no',
            'yes',
        )),
        dict(name='family_history', values=(
            'no',
            'yes',
        )),
        dict(name='personal_history', values=(
            'no',
            'yes',
        )),
        dict(name='hormones', values=(
            'no',
            'yes',
        )),
        dict(name='nipple_discharge', values=(
            'no',
            'yes',
        )),
    ],
    images=dict(bus='bus'),
    masks='{modality}_mask')
seed = 0
split = dict(
    file='folds.csv',
    fold=0,
    folds=5,
    seed=0,
    selection='inner',
    val_ratio=0.2)
stages = [
    dict(
        max_epochs=20,
        name='image',
        optimizer=dict(lr=0.0003, type='Adam'),
        train='all but clinical'),
    dict(
        cache=True,
        max_epochs=50,
        name='clinical',
        optimizer=dict(lr=0.03, type='Adam'),
        train='clinical'),
]
static_net = dict(base_channels=24, depth=18)
table = 'cases.csv'
test_pipeline = [
    dict(
        cache_dir='${cache_dir}',
        transforms=[
            dict(type='LoadImage'),
            dict(
                modality='dceus',
                num_frames=10,
                step='${keyframe_step}',
                type='KeyFrames'),
            dict(type='LoadMask'),
            dict(type='CropLesion'),
            dict(
                modalities=(
                    'bus',
                    'cdfi',
                    'ue',
                ),
                size='${image_size}',
                type='Resize'),
            dict(modalities=('dceus', ), size='${clip_size}', type='Resize'),
        ],
        type='Cached'),
    dict(clinical='${schema.clinical}', type='PackCase'),
]
train_pipeline = [
    dict(
        cache_dir='${cache_dir}',
        transforms=[
            dict(type='LoadImage'),
            dict(
                modality='dceus',
                num_frames=10,
                step='${keyframe_step}',
                type='KeyFrames'),
            dict(type='LoadMask'),
            dict(type='CropLesion'),
            dict(
                modalities=(
                    'bus',
                    'cdfi',
                    'ue',
                ),
                size='${image_size}',
                type='Resize'),
            dict(modalities=('dceus', ), size='${clip_size}', type='Resize'),
        ],
        type='Cached'),
    dict(type='RandomFlip'),
    dict(degrees=15, type='RandomRotate'),
    dict(clinical='${schema.clinical}', type='PackCase'),
]
work_dir = 'fold_0'
