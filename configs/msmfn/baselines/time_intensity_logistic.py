"""Logistic regression on the time-intensity curve of the lesion in the contrast clip.

The columns come from `usmm time_intensity`, which writes a new case table; `table` names it, below data_root.
"""

_base_ = '../msmfn_r50_r2plus1d.py'

table = 'cases_time_intensity.csv'
modalities = ('clinical',)
schema = dict(
    clinical=[
        dict(name='dceus_peak_intensity'),
        dict(name='dceus_time_to_peak', unit='s'),
        dict(name='dceus_rise_time', unit='s'),
        dict(name='dceus_wash_in_slope'),
        dict(name='dceus_wash_out_slope'),
        dict(name='dceus_area'),
    ]
)
split = dict(selection='last')
model = dict(
    _delete_=True,
    type='TableClassifier',
    estimator='logistic',
    modalities='${modalities}',
    classes='${classes}',
    positive='${positive}',
    schema='${schema}',
)
stages = [dict(name='table', train='all', fit=True)]
