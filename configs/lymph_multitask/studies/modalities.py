"""Each modality alone, as published, and the three fused, which the paper names as future work.

The network is the one in `backbone`, pre-trained. Three networks side by side, whose vectors are concatenated.
"""

title = 'Each modality alone, and the three fused'
config = '../resnet152.py'
folds = 5
reference = 'bus'
pairs = [('bus', 'fused'), ('cdfi', 'fused'), ('ue', 'fused')]
published = 'CV4LymphNode: 586 patients of three hospitals, 5 folds, ResNet-152'

_auc = {'bus': '0.906', 'cdfi': '0.896', 'ue': '0.925'}
variants = [
    dict(name=_modality, options={'modalities': (_modality,)}, published=dict(auc=_value))
    for _modality, _value in _auc.items()
]
variants.append(dict(name='fused', options={'modalities': ('bus', 'cdfi', 'ue')}))
