"""Ways to join image and table, each part alone, and three classical models; with `--config` of any of this folder.

The boosted trees of [table, image score] are the strong rival: they are fitted on scores of networks that did not see
the patient (`out_of_fold`), and tested with the network of the whole training part.
"""

title = 'Image and table: fusions'
config = '../bmode_blood_mobilenet_v2.py'
reference = 'concat'
_fusions = ('concat', 'gated', 'FiLM', 'tokens', 'score level')
_trees = 'boosted trees, table and image score'
pairs = [(_other, _fusion) for _fusion in _fusions for _other in ('image only', 'table only', _trees)]

_image_only = dict(_delete_=True, image=dict(type='ImageEncoder', modality='bus', backbone='${backbone}'))
_classical = {
    'modalities': ('clinical',),
    'split.selection': 'last',  # nothing is selected, so no validation part is needed
    'model': dict(
        _delete_=True,
        type='TableClassifier',
        estimator='boosting',
        modalities='${modalities}',
        classes='${classes}',
        positive='${positive}',
        schema='${schema}',
    ),
    'stages': [dict(name='table', train='all', fit=True)],
}
variants = [
    dict(name='concat'),
    dict(name='gated', options={'model.fusion': dict(_delete_=True, type='GatedFusion', embed_dims='${embed_dims}')}),
    dict(
        name='FiLM',
        options={'model.fusion': dict(_delete_=True, type='FiLMFusion', by='clinical', embed_dims='${embed_dims}')},
    ),
    dict(
        name='tokens',
        options={
            'model.fusion': dict(
                _delete_=True, type='TransformerFusion', embed_dims='${embed_dims}', num_layers=2, num_heads=4
            ),
        },
    ),
    dict(
        name='score level',
        options={
            'model.encoder': _image_only,
            'model.clinical': dict(type='ClinicalFusionHead'),
            'stages': [
                '${joint_stage}',
                dict(
                    name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.03), max_epochs=50, cache=True
                ),
            ],
        },
    ),
    dict(name='table only', options={'modalities': ('clinical',)}),
    dict(name='image only', options={'modalities': ('bus',)}),
    dict(
        name=_trees,
        options={
            'model.encoder': _image_only,
            'model.clinical': dict(type='BoostedTableHead'),
            'stages': ['${joint_stage}', dict(name='trees', train='clinical', fit=True, out_of_fold=3)],
        },
    ),
    dict(name='boosted trees, table', options=_classical),
    dict(name='logistic regression, table', options=_classical | {'model.estimator': 'logistic'}),
]
