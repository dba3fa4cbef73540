"""Image and table on BrEaST (Pawlowska et al., Sci. Data 2024; CC BY 4.0): a small ResNet on the lesion's box.

Make the case table with `usmm convert breast_lesions_usg SRC data/breast`. The inputs are what is known of
the patient before the image is read; BI-RADS, interpretation and diagnosis hold the answer and stay out.
"""

_base_ = './bmode_blood_mobilenet_v2.py'

data_root = 'data/breast'
table = 'cases.csv'
ignore_labels = ('normal',)  # four cases without a lesion
batch_size = 8
image_size = 96
box_margin = 0.2  # a breast lesion is judged by its border
backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=16, stem_channels=16)
epochs = 30
lr = 1e-3
# 252 patients: a fifth of the training part chooses an epoch badly, so all of it trains and the last epoch counts
split = dict(folds=5, selection='last')

no_yes = ('no', 'yes')
schema = dict(
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
    ]
)
