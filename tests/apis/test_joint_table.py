"""Models whose table is a stream, and boosted trees on the image score, behind the Predictor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from usmm.apis import Predictor
from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, read_predictions

IMAGE = dict(
    type='ImageEncoder',
    modality='bus',
    backbone=dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4),
)
TRAIN = dict(name='joint', train='all but clinical', optimizer=dict(type='Adam', lr=1e-3), max_epochs=1)
COMMON: dict[str, Any] = {
    'modalities': ('bus', 'clinical'),
    'model.head': dict(_delete_=True, type='LinearHead'),
    'model.clinical': None,
    'model.encoder': dict(_delete_=True, image=IMAGE, clinical=dict(type='ClinicalEncoder', hidden_channels=4)),
    'stages': [TRAIN],
}
ROWS: dict[str, dict[str, Any]] = {
    'gated': {'model.fusion': dict(_delete_=True, type='GatedFusion', embed_dims=8)},
    'film': {'model.fusion': dict(_delete_=True, type='FiLMFusion', embed_dims=8)},
    'trees': {
        'model.encoder': dict(_delete_=True, image=IMAGE),
        'model.fusion': dict(_delete_=True, type='PoolFusion'),
        'model.clinical': dict(_delete_=True, type='BoostedTableHead', options=dict(min_samples_leaf=2, max_iter=5)),
        'stages': [TRAIN, dict(name='trees', train='clinical', fit=True, out_of_fold=2)],
    },
}


@pytest.fixture(scope='module', params=ROWS)
def trained(request, write_tiny_config: Callable[[Path], Path], tmp_path_factory) -> tuple[str, Path]:
    torch.set_num_threads(1)
    config = load_config(write_tiny_config(tmp_path_factory.mktemp(request.param)), {**COMMON, **ROWS[request.param]})
    experiment = Experiment(config, options=RunOptions(progress=False))
    experiment.train()
    return request.param, experiment.work_dir


def record(data: Path, i: int = 3) -> dict[str, Any]:
    return dict(case_id=f'c{i}', bus=str(data / f'{i}_bus.png'), age=40 + 10 * (i % 2) + i % 5, side='right')


def test_the_raw_row_is_enough(trained: tuple[str, Path], tiny_data: Path) -> None:
    rows = {r['case_id']: r['prob_SCC'] for r in read_predictions(trained[1] / 'predictions.csv')}
    found = Predictor(trained[1], device='cpu').predict(tiny_data / 'cases.csv', batch_size=4)
    assert {p.case_id: p.probabilities['SCC'] for p in found if p.case_id in rows} == pytest.approx(rows, abs=1e-5)
    assert all(('image' in p.stages) == (trained[0] == 'trees') for p in found)


def test_a_case_without_its_image(trained: tuple[str, Path], tiny_data: Path) -> None:
    (found,) = Predictor(trained[1], device='cpu').predict({**record(tiny_data), 'bus': None})
    if trained[0] == 'trees':
        assert found.error is not None and 'lacks bus' in found.error
    else:
        assert found.error is None and 'made without bus' in found.warnings


def test_heat_maps_and_shares(trained: tuple[str, Path], tiny_data: Path) -> None:
    (found,) = Predictor(trained[1], device='cpu').predict(record(tiny_data), explain=True)
    assert found.error is None and found.heat['bus'].shape == (32, 32)
    assert found.contributions is not None and set(found.contributions) == {'bus', 'clinical'}
    total = found.baseline + sum(found.contributions.values())
    assert total == pytest.approx(max(found.probabilities.values()), abs=1e-5)
