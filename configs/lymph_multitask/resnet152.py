"""Lymph nodes in three classes: a ResNet-152 that five public data sets of other organs teach first, then fine-tuning.

At the paper's sizes: 384 x 384, Adam at 5e-5, batches of 16, early stopping on the validation loss with patience 5. The
tasks are the tables of `usmm convert {auli,ocau,busi,ddti,echonet_dynamic}`; `tasks` may name others. One
modality in `modalities` is a model of that modality, several are fused. ImageNet weights, from which the paper starts:
`--cfg-options start.type=Pretrained start.checkpoint=FILE`.
"""

_base_ = '../_base_/runtime.py'

data_root = 'data/lymph'
table = 'cases.xlsx'
classes = ('benign', 'lymphoma', 'metastatic')
modalities = ('bus',)  # of bus, cdfi and ue
image_size = 384
lr = 5e-5
patience = 5  # epochs without a lower validation loss
pretrain_epochs = 100  # at most
finetune_epochs = 100  # at most
order = 'sequential'  # 'interleaved': the batches of the tasks mixed
cache_dir = 'work_dirs/cache'  # prepared images, keyed by file content and options; runs share it
store_dir = 'work_dirs/pretrained'  # pre-trained weights, keyed by all that decides them; folds and rows share them

schema = dict(images=dict(bus='bus', cdfi='cdfi', ue='ue'))
split = dict(folds=5)
start = dict(type='Kaiming', layer='Conv2d')
# a map is the last thing that each backbone gives, for the heat-maps: the mean of a map is what the heads look at
families = dict(
    convnext=dict(type='mmpretrain.ConvNeXt', arch='large', gap_before_final_norm=False, init_cfg='${start}'),
    efficientnet=dict(type='mmpretrain.EfficientNet', arch='b7', init_cfg='${start}'),
    resnet=dict(type='mmpretrain.ResNet', depth=152, init_cfg='${start}'),
    vit=dict(
        type='mmpretrain.VisionTransformer',
        arch='b',
        img_size='${image_size}',
        patch_size=16,
        out_type='featmap',
        init_cfg='${start}',
    ),
)
backbone = '${families.resnet}'

tasks = [
    dict(
        name='auli',
        table='data/auli/cases.csv',
        schema=dict(images=dict(bus='bus')),
        classes=('benign', 'malignant', 'normal'),
    ),
    dict(
        name='ocau',
        table='data/ocau/cases.csv',
        schema=dict(images=dict(bus='bus')),
        classes=('bladder', 'bowel', 'gallbladder', 'kidney', 'liver', 'spleen'),
    ),
    dict(
        name='busi',
        table='data/busi/cases.csv',
        schema=dict(images=dict(bus='bus')),
        classes=('benign', 'malignant', 'normal'),
    ),
    dict(
        name='ddti', table='data/ddti/cases.csv', schema=dict(images=dict(bus='bus')), classes=('benign', 'malignant')
    ),
    dict(
        name='echonet',
        table='data/echonet_dynamic/cases.csv',
        schema=dict(clips=dict(clip='clip')),
        classes=('normal', 'borderline', 'reduced'),
    ),
]

load = [dict(type='LoadImage'), dict(type='LoadClip', num_frames=16), dict(type='Resize', size='${image_size}')]
augment = [dict(type='RandomFlip'), dict(type='RandomRotate', degrees=10), dict(type='PackCase')]
train_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='RandomFlip'),
    dict(type='RandomRotate', degrees=10),
    dict(type='PackCase'),
]
test_pipeline = [dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'), dict(type='PackCase')]
evaluator = [
    dict(type='CaseMetrics', classes='${classes}', positive='${positive}'),
    dict(type='CaseLoss'),
]

model = dict(
    type='MultiModalClassifier',
    modalities='${modalities}',
    classes='${classes}',
    positive='${positive}',
    schema='${schema}',
    data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(
        bus=dict(type='ImageEncoder', modality='bus', backbone='${backbone}'),
        cdfi=dict(type='ImageEncoder', modality='cdfi', backbone='${backbone}'),
        ue=dict(type='ImageEncoder', modality='ue', backbone='${backbone}'),
    ),
    fusion=dict(type='PoolFusion'),
    head=dict(type='MLPHead', hidden_channels=256),
)

schedules = dict(
    pretrain=dict(
        name='pretrain',
        store='${store_dir}',
        model=dict(type='MultiTaskLearner', backbone='${backbone}', hidden_channels=256),
        dataset=dict(
            type='MultiTaskDataset',
            tasks='${tasks}',
            order='${order}',
            pipeline=[dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}')],
            augment='${augment}',
        ),
        batch_size=16,
        optimizer=dict(type='Adam', lr='${lr}'),
        early_stop=dict(patience='${patience}'),
        max_epochs='${pretrain_epochs}',
    ),
    finetune=dict(
        name='finetune',
        train='all',
        oversample=True,
        batch_size=16,
        optimizer=dict(type='Adam', lr='${lr}'),
        monitor='loss',
        early_stop=dict(patience='${patience}'),
        max_epochs='${finetune_epochs}',
    ),
)
stages = ['${schedules.pretrain}', '${schedules.finetune}']
