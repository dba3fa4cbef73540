"""The same in small, for the phantom `fibrosis`, CI and a CPU: narrow networks, small images, some pairs a patient."""

_base_ = './mmfn_al_r50.py'

data_root = 'data/phantom_fibrosis'
table = 'cases.xlsx'
modalities = ('lste', 'lus')
image_size = 64
region_size = 160
net = dict(depth=18, base_channels=8)
embed_dims = 32
draws = 6
min_samples = 400
test_draws = 12
image_epochs = 8
lr = 2e-3
num_workers = 0
