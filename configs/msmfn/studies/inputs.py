"""Which inputs help: the 16 rows of MSMFN's Table V (Meng et al., IEEE TMI 2022).

Rows without `clinical` end after the image stage, as in the paper. For phantoms:
`usmm study msmfn/studies/inputs --config msmfn_small_phantom --cfg-options data_root=DIR`.
"""

title = 'MSMFN: input combinations (Table V)'
config = '../msmfn_r50_r2plus1d.py'
reference = 'all'
published = 'Meng et al., IEEE TMI 2022, Table V: 301 patients of one hospital, 3 folds, mean (std)'

# row -> modalities, published AUC, accuracy, TPR, TNR, precision and F1
_rows = {
    'BUS': (('bus',), '.62 (.04)', '62.20 (2.30)', '60.16 (2.52)', '63.56 (4.03)', '52.77 (2.03)', '56.10 (1.80)'),
    'CDFI': (('cdfi',), '.66 (.03)', '59.79 (3.99)', '58.66 (7.76)', '60.56 (7.88)', '50.15 (4.69)', '53.89 (4.74)'),
    'UE': (('ue',), '.64 (.02)', '58.48 (3.13)', '60.08 (5.43)', '57.22 (5.85)', '48.74 (3.20)', '53.83 (3.32)'),
    'DCE-US': (('dceus',), '.76 (.03)', '71.81 (3.93)', '68.66 (6.65)', '73.94 (2.47)', '63.98 (3.71)', '66.11 (5.18)'),
    'clinical': (
        ('clinical',), '.71 (.07)', '67.07 (6.90)', '60.79 (5.27)', '71.28 (9.27)', '59.36 (9.39)', '59.92 (6.59)'),
    'BUS+CDFI': (
        ('bus', 'cdfi'), '.67 (.03)', '64.09 (3.39)', '63.11 (5.58)', '64.78 (5.93)', '54.83 (3.77)', '58.48 (3.54)'),
    'BUS+UE': (
        ('bus', 'ue'), '.67 (.01)', '64.79 (4.67)', '65.08 (6.05)', '64.44 (4.19)', '55.26 (4.76)', '59.85 (5.28)'),
    'CDFI+UE': (
        ('cdfi', 'ue'), '.72 (.04)', '65.45 (3.10)', '61.91 (10.40)', '67.78 (7.88)', '56.69 (4.12)', '58.84 (4.91)'),
    'BUS+CDFI+UE': (
        ('bus', 'cdfi', 'ue'),
        '.74 (.07)', '68.46 (6.67)', '67.85 (8.44)', '68.89 (6.94)', '59.50 (7.57)', '63.23 (7.74)'),
    'BUS+DCE-US': (
        ('bus', 'dceus'), '.77 (.04)', '73.43 (.99)', '76.87 (1.09)', '71.11 (.96)', '64.14 (.76)', '69.93 (.90)'),
    'BUS+CDFI+DCE-US': (
        ('bus', 'cdfi', 'dceus'),
        '.79 (.04)', '75.10 (4.85)', '74.45 (7.55)', '75.71 (3.72)', '67.16 (5.08)', '70.58 (5.98)'),
    'BUS+UE+DCE-US': (
        ('bus', 'ue', 'dceus'),
        '.79 (.03)', '72.53 (2.73)', '74.32 (1.59)', '71.50 (4.69)', '63.97 (2.97)', '68.74 (1.66)'),
    'CDFI+UE+DCE-US': (
        ('cdfi', 'ue', 'dceus'),
        '.79 (.03)', '71.11 (4.44)', '72.74 (4.14)', '70.00 (5.00)', '65.13 (6.31)', '66.98 (4.48)'),
    'all four images': (
        ('bus', 'cdfi', 'ue', 'dceus'),
        '.84 (.02)', '78.07 (1.80)', '81.81 (1.58)', '75.56 (1.92)', '69.24 (2.25)', '75.00 (1.99)'),
    'all without BUS': (
        ('cdfi', 'ue', 'dceus', 'clinical'),
        '.81 (.07)', '73.45 (7.84)', '71.14 (7.14)', '75.00 (8.33)', '66.01 (9.54)', '68.45 (8.40)'),
    'all': (
        ('bus', 'cdfi', 'ue', 'dceus', 'clinical'),
        '.86 (.01)', '80.06 (2.68)', '80.16 (.28)', '80.00 (4.41)', '73.09 (4.38)', '76.42 (2.48)'),
}
_metrics = ('auc', 'accuracy', 'tpr', 'tnr', 'precision', 'f1')
variants = [
    dict(name=_name, options=dict(modalities=_row[0]), published=dict(zip(_metrics, _row[1:])))
    for _name, _row in _rows.items()
]
