"""MSMFN's B-mode branch and clinical step on BrEaST (Pawlowska et al., Sci. Data 2024; CC BY 4.0).

Make the case table with `usmm convert breast_lesions_usg SRC data/breast`. The inputs are what is known of
the patient before the image is read; BI-RADS, interpretation and diagnosis hold the answer and stay out.
"""

_base_ = './msmfn_r50_r2plus1d.py'

data_root = 'data/breast'
table = 'cases.csv'
classes = ('benign', 'malignant')
positive = 'malignant'
ignore_labels = ('normal',)  # four cases without a lesion
modalities = ('bus', 'clinical')
batch_size = 8

no_yes = ('no', 'yes')
schema = dict(
    _delete_=True,
    images=dict(bus='bus'),
    masks='{modality}_mask',
    clinical=[
        dict(name='age', unit='year', range=(0, 120)),
        dict(name='tissue', values='auto'),
        dict(name='palpable', values=no_yes),
        dict(name='skin_retraction', values=no_yes),
        dict(name='nipple_retraction', values=no_yes),
        dict(name='redness', values=no_yes),
        dict(name='warmth', values=no_yes),
        dict(name='breast_scar', values=no_yes),
        dict(name='family_history', values=no_yes),
        dict(name='personal_history', values=no_yes),
        dict(name='hormones', values=no_yes),
        dict(name='nipple_discharge', values=no_yes),
    ])

# 252 patients and no pre-trained weights: a small network, trained faster than the paper's
static_net = dict(depth=18)
model = dict(
    head=dict(losses=[dict(type='FocalLoss', gamma=2.0, alpha=(0.4, 0.6))]))
stages = [
    dict(name='image', train='all but clinical', optimizer=dict(type='Adam', lr=3e-4), max_epochs=40),
    dict(name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.03), max_epochs=50, cache=True),
]
