"""What has to be taught for pre-training to pay: one network, from nothing and after five kinds of pre-training.

`the last epoch` keeps the network that has learnt the tasks by heart. Other phantom patients lie in folders beside the
target's: `usmm make_phantom DATA_ROOT_teachers --preset cla --modalities bus,cdfi,ue --cases 300 --seed 7` for
`phantoms`, drawn in the same way with other classes that hardly differ, a task each modality; and `usmm make_phantom
DATA_ROOT_more --preset lymph --modalities bus --cases 586 --seed 8` for `the target's own kind`.
"""

title = 'What teaches: other organs, or other patients of the same kind'
config = '../small_phantom.py'
folds = 5
reference = 'from nothing'

_kept = {
    'schedules.pretrain.selection': 'last',
    'schedules.pretrain.early_stop': None,
    'schedules.pretrain.max_epochs': 60,
}
_phantoms = [
    dict(
        name=_name,
        table='${data_root}_teachers/cases.xlsx',
        schema=dict(images={_name: _name}),
        classes=('ADC', 'SCC'),
        other_patients=True,  # both tables count their patients from 1
    )
    for _name in ('bus', 'cdfi', 'ue')
]
_own_kind = dict(
    name='lymph',
    table='${data_root}_more/cases.xlsx',
    schema=dict(images=dict(bus='bus')),
    classes='${classes}',
    other_patients=True,
)
variants = [
    dict(name='from nothing', options={'stages': ['${schedules.finetune}']}),
    dict(name='BrEaST and lung'),
    dict(name='BrEaST and lung, the last epoch', options=_kept),
    dict(name='phantoms', options={'tasks': _phantoms}),
    dict(name='phantoms, the last epoch', options={'tasks': _phantoms, **_kept}),
    dict(name="the target's own kind", options={'tasks': [_own_kind]}),
]
