"""MSMFN in small, for phantoms, the demo and CI: same parts, narrow networks, small images, a short schedule.

A few hundred noisy labels are learnt by heart within some 15 epochs, so the schedule ends before that, with a falling
learning rate and the last epoch kept.
"""

_base_ = './msmfn_r50_r2plus1d.py'

data_root = 'data/phantom'
image_size = 64
clip_size = 32
schema = dict(split='split')  # every phantom marks its patients for testing: --test-cases, or a third of --cases
split = dict(selection='last')
static_net = dict(depth=18, base_channels=16)
clip_net = dict(depth=18, base_channels=16)
embed_dims = 64
model = dict(fusion=dict(num_layers=2))
image_epochs = 8
stages = [
    dict(
        name='image', train='all but clinical', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.2),
        max_epochs='${image_epochs}',
        param_scheduler=[dict(type='CosineAnnealingLR', T_max='${image_epochs}', convert_to_iter_based=True)]),
    dict(name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.03), max_epochs=20, cache=True),
]
