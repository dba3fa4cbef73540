"""Logistic regression on the clinical table (scikit-learn), fitted once on the training part.

Nothing is selected on a validation part, so that none is cut from the training part.
"""

_base_ = '../msmfn_r50_r2plus1d.py'

modalities = ('clinical',)
split = dict(selection='last')
model = dict(
    _delete_=True,
    type='TableClassifier',
    estimator='logistic',
    modalities='${modalities}',
    classes='${classes}',
    positive='${positive}',
    schema='${schema}')
stages = [dict(name='table', train='all', fit=True)]
