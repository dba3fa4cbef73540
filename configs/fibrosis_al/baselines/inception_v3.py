"""Inception-V3 with a linear layer for five stages on one modality.

For the paper's transfer learning give it weights: `resnet.init_cfg` is `dict(type='Pretrained', checkpoint=...)`.
"""

_base_ = '../mmfn_al_r50.py'

modalities = ('lste',)
image_size = 299
resnet = dict(_delete_=True, type='InceptionMaps')
encoder_sizes = dict(out_channels=(2048,), input_size=96)
model = dict(
    encoder=dict(
        lste=encoder_sizes, sste=encoder_sizes, lstq=encoder_sizes, lus=encoder_sizes),
    fusion=dict(_delete_=True, type='PoolFusion'))
