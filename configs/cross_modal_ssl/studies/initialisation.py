"""What fine-tuning of one modality starts from: nothing learnt, its own images (SCL), pairs of all modalities (MCL).

Without pre-training the encoder is random, or ImageNet's: see `start` in the config. An epoch of SCL is a third of one
of MCL; `SCL, equal steps` takes as many steps as MCL.
"""

title = 'Initialisation of the encoder, fine-tuned by modality'
config = '../mcl_cgc_efficientnet_b2.py'
folds = 5
reference = 'no pre-training t1'
published = 'Chiang et al., ACM MM Asia 2023: 138 patients of one hospital, 5 folds, 5 seeds, all patients pre-trained'

_published = {'MCL oop': '72.02', 'MCL t2': '70.26', 'MCL t1': '69.86'}
variants = []
for _modality in ('oop', 't2', 't1'):
    _one = {'modalities': (_modality,)}
    _own = {**_one, 'pretrain_modalities': (_modality,), 'pairs': 'views'}
    _rows = {
        'no pre-training': {**_one, 'stages': ['${schedules.finetune}']},
        'SCL': _own,
        'SCL, equal steps': {**_own, 'repeats': 3},
        'MCL': _one,
    }
    for _name, _options in _rows.items():
        _row = dict(name=f'{_name} {_modality}', options=_options)
        if _row['name'] in _published:
            _row['published'] = dict(accuracy=_published[_row['name']])
        variants.append(_row)
pairs = []
for _modality in ('oop', 't2', 't1'):
    _steps = [f'{_name} {_modality}' for _name in ('no pre-training', 'SCL', 'SCL, equal steps', 'MCL')]
    pairs += [(_steps[0], _steps[1]), (_steps[1], _steps[3]), (_steps[2], _steps[3]), (_steps[0], _steps[3])]
