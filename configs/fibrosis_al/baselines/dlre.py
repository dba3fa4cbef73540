"""Deep learning radiomics of elastography (Wang et al., Gut 2019): four convolution layers on one modality."""

_base_ = '../mmfn_al_r50.py'

modalities = ('lste',)
resnet = dict(_delete_=True, type='DLRE')
model = dict(fusion=dict(_delete_=True, type='PoolFusion'))
lr = 1e-3
