"""MSMFN's dynamic branch alone on lung clips: healthy or diseased (POCUS database, Born et al., Appl. Sci. 2021).

Make the case table with `usmm convert lung_clips SRC data/lung`. There is no contrast agent whose arrival
could choose the frames, so they are spread evenly over the clip.
"""

_base_ = './msmfn_r50_r2plus1d.py'

data_root = 'data/lung'
table = 'cases.csv'
classes = ('no', 'yes')
positive = 'yes'
modalities = ('clip',)
batch_size = 4
clip_size = 112

schema = dict(_delete_=True, clips=dict(clip='clip'), label='disease')
load = [
    dict(type='LoadClip', num_frames=10),
    dict(type='CropLesion'),
    dict(type='Resize', size='${clip_size}'),
]
train_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='RandomFlip'),
    dict(type='PackCase'),
]
test_pipeline = [
    dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}'),
    dict(type='PackCase'),
]
model = dict(
    encoder=dict(_delete_=True, dynamic=dict(type='ClipEncoder', clip='clip', backbone=dict(type='R2Plus1D', depth=18))),
    head=dict(losses=[dict(type='FocalLoss', gamma=2.0)]))
stages = [dict(name='image', train='all', optimizer=dict(type='Adam', lr=1e-4), max_epochs=20)]
