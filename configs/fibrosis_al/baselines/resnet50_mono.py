"""One modality, a ResNet-50 and a linear layer: the paper's mono-modal baseline."""

_base_ = '../mmfn_al_r50.py'

modalities = ('lste',)
model = dict(fusion=dict(_delete_=True, type='PoolFusion'))
