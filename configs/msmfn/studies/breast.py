"""BrEaST (Pawlowska et al., Sci. Data 2024): B-mode, clinical table and both, and two classical models of the table.

`usmm study msmfn/studies/breast --cfg-options data_root=DIR`, five folds by patient.
"""

title = 'BrEaST: image, table, both'
config = '../msmfn_bus_clinical_breast.py'
folds = 5
reference = 'both'

_classical = {
    'modalities': ('clinical',),
    'split.selection': 'last',  # nothing is selected, so no validation part is needed
    'model': dict(
        _delete_=True, type='TableClassifier', estimator='logistic', modalities='${modalities}', classes='${classes}',
        positive='${positive}', schema='${schema}'),
    'stages': [dict(name='table', train='all', fit=True)],
}
variants = [
    dict(name='B-mode', options={'modalities': ('bus',)}),
    dict(name='clinical', options={'modalities': ('clinical',)}),
    dict(name='both'),
    dict(name='logistic regression', options=_classical),
    dict(name='gradient boosting', options=_classical | {'model.estimator': 'boosting'}),
]
