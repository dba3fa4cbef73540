"""A training of seconds: a tiny data set, a config with two stages, a hook that says where the training is."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

CASES = 26

CONFIG = """
default_scope = 'usmm'
custom_imports = dict(imports=['proof_moments'])
data_root = {root!r}
classes = ('benign', 'malignant')
positive = 'malignant'
modalities = ('bus', 'ue', 'clinical')
batch_size = 4
num_workers = 0
seed = 3
work_dir = 'unused'
monitor = 'auc'
max_epochs = None
schema = dict(images=dict(bus='bus', ue='ue'), clinical=[dict(name='age', unit='year', range=(0, 120))])
split = dict(folds=4, fold=0, seed='${{seed}}', val_ratio=0.25, selection='inner', file='${{work_dir}}/folds.csv')
dataset = dict(
    type='CaseDataset', table='${{data_root}}/cases.csv', schema='${{schema}}', classes='${{classes}}',
    modalities='${{modalities}}', split='${{split}}', seed='${{seed}}')
evaluator = [dict(type='CaseMetrics', classes='${{classes}}', positive='${{positive}}')]
load = [dict(type='LoadImage'), dict(type='Resize', size=32)]
train_pipeline = [*load, dict(type='RandomFlip'), dict(type='PackCase', clinical='${{schema.clinical}}')]
test_pipeline = [*load, dict(type='PackCase', clinical='${{schema.clinical}}')]
model = dict(
    type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}', positive='${{positive}}',
    schema='${{schema}}', data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(static=dict(type='GuidedEncoder', guide='bus', guided=('ue',), depth=10, base_channels=4)),
    fusion=dict(type='TransformerFusion', embed_dims=16, num_layers=1, num_heads=2),
    head=dict(type='LinearHead', dropout=0.3, losses=[dict(type='FocalLoss')]),
    clinical=dict(type='ClinicalFusionHead'))
moments = dict(type='ProofMoments')
stages = [
    dict(name='image', train='all but clinical', max_epochs=4, custom_hooks=[moments],
         optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3))),
    dict(name='clinical', train='clinical', max_epochs=4, cache=True, checkpoint_interval=2, custom_hooks=[moments],
         optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1))),
]
"""

HOOK = """
from pathlib import Path
from mmengine.hooks import Hook
from mmengine.dist import is_main_process
from usmm.registry import HOOKS


def say(moment):
    if is_main_process():
        print('@moment', moment, flush=True)


@HOOKS.register_module()
class ProofMoments(Hook):
    priority = 'HIGHEST'

    def before_train(self, runner):
        if Path(runner.work_dir).name == 'image':
            say('fold')

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        say('step')

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        say('validate')

    def before_save_checkpoint(self, runner, checkpoint):
        say('save')

    def after_train(self, runner):
        say('between')
"""


def write_task(folder: Path, lines: Sequence[str] = ()) -> Path:
    """Write data, config and hook into a folder; returns the config, which ends with `lines`."""
    rng = np.random.default_rng(0)
    with (folder / 'cases.csv').open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['case_id', 'patient_id', 'label', 'bus', 'ue', 'age'])
        for i in range(CASES):
            for name in ('bus', 'ue'):
                pixels = rng.normal(100 + 8 * (i % 2), 30, (40, 48, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f'{i}_{name}.png')
            label = ('benign', 'malignant')[i % 2]
            writer.writerow([f'c{i}', f'p{i}', label, f'{i}_bus.png', f'{i}_ue.png', 40 + 3 * (i % 2) + i % 7])
    (folder / 'proof_moments.py').write_text(HOOK, encoding='utf-8')
    config = folder / 'proof.py'
    config.write_text('\n'.join([CONFIG.format(root=str(folder)), *lines, '']), encoding='utf-8')
    return config
