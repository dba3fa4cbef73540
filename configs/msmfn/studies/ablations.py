"""What each part of MSMFN is worth: the 9 rows of its Table VIII, on the four image modalities."""

title = 'MSMFN: ablations (Table VIII)'
config = '../msmfn_r50_r2plus1d.py'
reference = 'transformer, 4 layers'
published = 'Meng et al., IEEE TMI 2022, Table VIII: 301 patients of one hospital, 3 folds, mean'

_rows = {
    'without channel attention': ({'model.encoder.static.channel_attention': False}, '.82', '76.41'),
    'without modality interaction': ({'model.encoder.static.modality_interaction': False}, '.81', '73.75'),
    'addition': (
        {'model.fusion': dict(_delete_=True, type='AddFusion', embed_dims='${embed_dims}')}, '.80', '73.10'),
    'concatenation': (
        {'model.fusion': dict(_delete_=True, type='ConcatFusion', embed_dims='${embed_dims}')}, '.82', '75.75'),
    'average': (
        {'model.fusion': dict(_delete_=True, type='AverageFusion', embed_dims='${embed_dims}')}, '.81', '75.09'),
    'bilinear': (
        {'model.fusion': dict(_delete_=True, type='BilinearFusion', embed_dims='${embed_dims}')}, '.73', '68.43'),
    'transformer, 3 layers': ({'model.fusion.num_layers': 3}, '.83', '76.41'),
    'transformer, 4 layers': ({'model.fusion.num_layers': 4}, '.84', '78.07'),
    'transformer, 5 layers': ({'model.fusion.num_layers': 5}, '.82', '76.75'),
}
variants = []
for _name, (_change, _auc, _accuracy) in _rows.items():
    _change['modalities'] = ('bus', 'cdfi', 'ue', 'dceus')
    variants.append(dict(name=_name, options=_change, published=dict(auc=_auc, accuracy=_accuracy)))
