"""A tiny data set on disk, made with other libraries, and a config that trains on it in seconds."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

CONFIG = """
default_scope = 'usmm'
data_root = '{root}'
classes = ('ADC', 'SCC')
positive = 'SCC'
modalities = ('bus', 'ue', 'clip', 'clinical')
max_epochs = None
batch_size = 4
num_workers = 0
seed = 0
work_dir = '{work_dir}'
monitor = 'auc'
schema = dict(
    images=dict(bus='bus', ue='ue'), clips=dict(clip='clip'),
    clinical=[dict(name='age', unit='year', range=(0, 120)), dict(name='side', values='auto')])
split = dict(folds=3, fold=0, seed='${{seed}}', val_ratio=0.25, selection='inner', file='${{work_dir}}/folds.csv')
dataset = dict(
    type='CaseDataset', table='${{data_root}}/cases.csv', schema='${{schema}}', classes='${{classes}}',
    modalities='${{modalities}}', split='${{split}}', seed='${{seed}}')
evaluator = [dict(type='CaseMetrics', classes='${{classes}}', positive='${{positive}}')]
load = [dict(type='LoadImage'), dict(type='LoadClip', modalities=('clip',)), dict(type='Resize', size=32)]
train_pipeline = [*load, dict(type='RandomFlip'), dict(type='PackCase', clinical='${{schema.clinical}}')]
test_pipeline = [*load, dict(type='PackCase', clinical='${{schema.clinical}}')]
model = dict(
    type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}', positive='${{positive}}',
    schema='${{schema}}', data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(
        static=dict(type='GuidedEncoder', guide='bus', guided=('ue',), depth=10, base_channels=4),
        dynamic=dict(type='ClipEncoder', clip='clip', backbone=dict(type='R2Plus1D', depth=10, base_channels=4))),
    fusion=dict(type='TransformerFusion', embed_dims=16, num_layers=1, num_heads=2),
    head=dict(type='LinearHead', losses=[
        dict(type='FocalLoss'), dict(type='DeepSupervisionLoss', loss_weight=0.3),
        dict(type='OrthogonalLoss', loss_weight=0.1)]),
    clinical=dict(type='ClinicalFusionHead'))
stages = [
    dict(name='image', train='all but clinical', optimizer=dict(type='Adam', lr=1e-3), max_epochs=2),
    dict(name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.1), max_epochs=3, cache=True),
]
"""


def write_data(root: Path, cases: int = 19) -> None:
    """`cases` patients, odd ones SCC: brighter images, older; one side only found among the last patients."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(cases):
        level = 90 + 60 * (i % 2)
        for name in ('bus', 'ue'):
            image = np.clip(rng.normal(level, 30, (40, 48, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(image).save(root / f'{i}_{name}.png')
        writer = cv2.VideoWriter(str(root / f'{i}.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 32))
        for t in range(6):
            writer.write(np.clip(rng.normal(level + 5 * t, 20, (32, 32, 3)), 0, 255).astype(np.uint8))
        writer.release()
        side = 'left' if i % 3 else 'right'
        row = dict(case_id=f'c{i}', patient_id=f'p{i}', label=['ADC', 'SCC'][i % 2], bus=f'{i}_bus.png')
        rows.append({**row, 'ue': f'{i}_ue.png', 'clip': f'{i}.avi', 'age': 40 + 10 * (i % 2) + i % 5, 'side': side})
    with (root / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
