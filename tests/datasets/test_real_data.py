"""From a table to batches on real examinations: B-mode with masks and a clinical table, and clips."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader

from usmm.datasets import CaseDataset, CaseSampler
from usmm.datasets.transforms import collate_cases

pytestmark = pytest.mark.real


def test_breast_images_with_masks_and_table(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / 'breast_lesions_usg'
    images = folder / 'BrEaST-Lesions_USG-images_and_masks'
    frame = pd.read_excel(next(folder.glob('*.xlsx')), dtype=str).iloc[:24]
    frame['image'] = [str(images / name) for name in frame['Image_filename']]  # absolute paths
    masks = zip(frame['Mask_tumor_filename'], frame['Mask_other_filename'])
    named = [[m for cell in pair if isinstance(cell, str) for m in cell.split('&')] for pair in masks]
    frame['image_mask'] = [';'.join(str(images / m) for m in names) for names in named]
    frame.to_csv(tmp_path / 'cases.csv', index=False)
    clinical = [dict(name='age', column='Age', range=(0, 120)), dict(name='halo', column='Halo', values=('no', 'yes'))]
    schema = dict(case_id='CaseID', label='Classification', images=dict(image='image'), clinical=clinical)
    load = [dict(type='LoadImage'), dict(type='LoadMask'), dict(type='CropLesion', fallback='error')]
    dataset = CaseDataset(
        tmp_path / 'cases.csv', schema, ('benign', 'malignant'), part='train', split=dict(folds=3),
        ignore_labels=('normal',), modalities=('image', 'clinical'),
        pipeline=[
            dict(type='Cached', transforms=[*load, dict(type='Resize', size=64)], cache_dir=str(tmp_path / 'cache')),
            dict(type='RandomFlip'), dict(type='RandomRotate', degrees=15), dict(type='PackCase', clinical=clinical),
        ],
    )  # fmt: skip
    sampler = CaseSampler(dataset, seed=0)
    seen: list[dict[str, torch.Tensor]] = []
    for workers in (0, 2):
        loader = DataLoader(dataset, 4, sampler=sampler, num_workers=workers, collate_fn=collate_cases)
        batches = list(loader)
        assert {b['inputs']['image'].shape[1:] for b in batches} == {(3, 64, 64)}
        seen.append({c.case_id: x for b in batches for c, x in zip(b['data_samples'], b['inputs']['image'])})
    assert len(seen[0]) == len(dataset)
    assert all(torch.equal(seen[0][c], seen[1][c]) for c in seen[0])
    assert batches[0]['clinical'].shape == (4, 2)
    assert all(image.float().std() > 1 for image in seen[0].values())


def test_lung_clips_with_key_frames(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / 'lung_clips'
    frame = pd.read_csv(folder / 'clips.csv', dtype=str)
    assert len(frame) == 44
    frame['patient'] = frame['patient'].fillna(frame['file'])  # a patient of each clip whose own is not known
    frame['clip'] = [str(folder / name) for name in frame['file']]
    frame.to_csv(tmp_path / 'cases.csv', index=False)
    schema = dict(case_id='file', patient_id='patient', clips=dict(clip='clip'))
    classes = sorted(frame['label'].unique())
    key_frames = dict(type='KeyFrames', modality='clip', num_frames=4, step=0.5, cache_dir=str(tmp_path / 'cache'))
    options = dict(
        schema=schema, classes=classes, split=dict(folds=3, file=str(tmp_path / 'folds.csv')),
        pipeline=[key_frames, dict(type='Resize', size=32), dict(type='PackCase')],
    )  # fmt: skip
    parts = [
        CaseDataset(tmp_path / 'cases.csv', part='test', **{**options, 'split': {**options['split'], 'fold': k}})
        for k in range(3)
    ]
    patients = [{c.patient_id for c in p.cases} for p in parts]
    assert sum(map(len, parts)) == 44
    assert not patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2]
    batch = collate_cases([parts[0][0], parts[0][1]])
    assert batch['inputs']['clip'].shape == (2, 3, 4, 32, 32)
    assert batch['clinical'] is None
    assert (tmp_path / 'folds.csv').read_text().startswith('case_id,patient_id,label,fold\n')
