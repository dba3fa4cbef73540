"""MSMFN in small, for phantoms, the demo and CI: same parts, narrow networks, small images."""

_base_ = './msmfn_r50_r2plus1d.py'

data_root = 'data/phantom'
image_size = 64
clip_size = 48
schema = dict(split='split')  # phantoms made with --test-cases say which cases are for testing
model = dict(
    encoder=dict(
        static=dict(depth=18, base_channels=16),
        dynamic=dict(backbone=dict(depth=18, base_channels=16))),
    fusion=dict(embed_dims=64, num_layers=2))
stages = [
    dict(name='image', train='all but clinical', optimizer=dict(type='Adam', lr=1e-3), max_epochs=30),
    dict(name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.1), max_epochs=50, cache=True),
]
