"""Four networks, each with and without multi-task pre-training (their Fig. 4), for the modality in `modalities`.

Without it a network begins as `start` says: from nothing, or ImageNet's weights. Published mean AUC of the four without
and with it: 0.762 and 0.883 in B-mode, 0.694 and 0.862 in Doppler, 0.736 and 0.920 in elastography. On the phantom:
`usmm study lymph_multitask/studies/pretraining --config lymph_multitask/small_phantom`.
"""

title = 'With and without multi-task pre-training'
config = '../resnet152.py'
folds = 5
reference = 'resnet'
_families = ('convnext', 'efficientnet', 'resnet', 'vit')
pairs = [(_family, f'{_family}, pre-trained') for _family in _families]

variants = []
for _family in _families:
    _net = {'backbone': '${families.' + _family + '}'}
    variants.append(dict(name=_family, options={**_net, 'stages': ['${schedules.finetune}']}))
    variants.append(dict(name=f'{_family}, pre-trained', options=_net))
