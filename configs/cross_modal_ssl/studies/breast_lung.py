"""Does pre-training on real images help? A linear classifier on BrEaST, on encoders of different schooling.

One has learnt nothing, one has seen the training part of BrEaST, and two have seen lung clips too.
"""

title = 'BrEaST: linear evaluation of encoders'
config = '../breast_lung_linear.py'
folds = 5
reference = 'random encoder'

variants = [
    dict(name='random encoder', options={'stages': ['${schedules.linear}']}),
    dict(name='BrEaST', options={'schedules.pretrain.dataset.extra': []}),
    dict(name='BrEaST and lung clips'),
    dict(name='BrEaST and lung clips, SimCLR', options={'method': 'SimCLR'}),
]
