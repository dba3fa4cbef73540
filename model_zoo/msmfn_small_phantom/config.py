bad_cases = 'error'
batch_size = 16
cache_dir = 'cache300'
classes = (
    'ADC',
    'SCC',
)
clip_net = dict(base_channels=12, depth=18)
clip_size = 32
custom_hooks = []
data_root = 'ph300'
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
embed_dims = 64
evaluator = [
    dict(classes='${classes}', positive='${positive}', type='CaseMetrics'),
]
ignore_labels = ()
image_epochs = 8
image_size = 64
keyframe_step = 0.1
max_epochs = None
missing = 'error'
modalities = (
    'bus',
    'cdfi',
    'ue',
    'dceus',
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
        num_layers=2,
        type='TransformerFusion'),
    head=dict(
        losses=[
            dict(alpha=(
                0.4,
                0.6,
            ), gamma=2.0, type='FocalLoss'),
            dict(loss_weight=0.3, type='DeepSupervisionLoss'),
            dict(loss_weight=0.1, type='OrthogonalLoss'),
        ],
        type='LinearHead'),
    modalities='${modalities}',
    positive='${positive}',
    schema='${schema}',
    type='MultiModalClassifier')
monitor = 'auc'
name = 'msmfn_small_phantom'
num_classes = 2
num_workers = 2
positive = 'SCC'
schema = dict(
    clinical=[
        dict(name='age', range=(
            0,
            120,
        ), unit='year'),
        dict(name='td', range=(
            0,
            200,
        ), unit='mm'),
        dict(name='ld', range=(
            0,
            200,
        ), unit='mm'),
        dict(name='gender', values=(
            'F',
            'M',
        )),
        dict(name='node_side', values='auto'),
        dict(name='neck_level', values='auto'),
    ],
    clips=dict(dceus='dceus'),
    images=dict(bus='bus', cdfi='cdfi', ue='ue'),
    masks='{modality}_mask',
    split=None)
seed = 0
split = dict(
    file='${work_dir}/folds.csv',
    fold=0,
    folds=1,
    seed='${seed}',
    selection='last',
    val_ratio=0.2)
stages = [
    dict(
        max_epochs='${image_epochs}',
        name='image',
        optimizer=dict(lr=0.001, type='AdamW', weight_decay=0.2),
        param_scheduler=[
            dict(
                T_max='${image_epochs}',
                convert_to_iter_based=True,
                type='CosineAnnealingLR'),
        ],
        train='all but clinical'),
    dict(
        cache=True,
        max_epochs=20,
        name='clinical',
        optimizer=dict(lr=0.03, type='Adam'),
        train='clinical'),
]
static_net = dict(base_channels=12, depth=18)
table = 'cases.xlsx'
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
work_dir = 'zoo_ph_all'
