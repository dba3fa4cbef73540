"""The configs of liver fibrosis: sizes of the published network, and every row of the study."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from usmm.config import load_config
from usmm.phantoms import PRESETS, make_phantom
from usmm.engine import Study, StudySpec
from usmm.registry import DATASETS, MODELS

RESNET50 = 23_508_032  # torchvision's ResNet-50 (25,557,032) without its layer for 1000 classes
STUDY = Path(__file__).resolve().parents[2] / 'configs' / 'fibrosis_al' / 'studies' / 'modalities.py'


@pytest.mark.parametrize('modalities', [('lste', 'lus'), ('lste', 'sste', 'lstq', 'lus')])
def test_parameters_of_the_published_network(modalities: tuple[str, ...]) -> None:
    config = load_config('mmfn_al_r50', {'modalities': modalities})
    model = MODELS.build(config.model)
    excitation = 256 * 16 + 16 + 16 * 256 + 256
    stream = RESNET50 + 2048 * 256 + 2 * 256 + excitation
    count = sum(p.numel() for p in model.parameters())
    assert count == len(modalities) * (stream + 256 * 5) + 5
    assert model.head.dropout.p == 0.5


def test_the_mono_modal_baseline_is_a_resnet_and_a_linear_layer() -> None:
    model = MODELS.build(load_config('resnet50_mono').model)
    assert sum(p.numel() for p in model.parameters()) == RESNET50 + 2048 * 5 + 5


@pytest.mark.parametrize('config', [None, 'mmfn_al_small_phantom'])
def test_every_row_of_the_study_is_a_model(config: str | None, tmp_path: Path) -> None:
    spec = StudySpec.read(STUDY)
    spec = spec if config is None else dataclasses.replace(spec, config=config)
    for name, plan in Study(spec, tmp_path).plans.items():
        loaded = plan.load()
        assert name.startswith(loaded.modalities[0].upper())
        if config is not None:
            assert MODELS.build(loaded.model).modalities == loaded.modalities


def test_the_phantom_fits_the_small_config(tmp_path: Path) -> None:
    out = make_phantom(tmp_path / 'p', 12, preset='fibrosis', workers=1, modalities=['lste', 'sste'])
    options = {
        'data_root': str(out),
        'modalities': ('lste', 'sste'),
        'cache_dir': str(tmp_path / 'c'),
        'split.folds': 2,
    }
    config = load_config('mmfn_al_small_phantom', {**options, 'work_dir': str(tmp_path / 'w')})
    assert config.classes == PRESETS['fibrosis'].classes
    train = DATASETS.build({**config.dataset, 'part': 'train', 'pipeline': config.train_pipeline})
    assert len(train) == 400 and train[(1, 399)].data['lste'].shape == (3, 64, 64)
    assert train.verify() == {}
    images = sum(len(files) for case in train.cases for files in case.files.values())
    assert len([*(tmp_path / 'c').rglob('*.npz')]) == images  # one entry an image
