"""The configs of image and table: sizes of the published network, every row of the studies, the phantom."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from usmm.config import load_config
from usmm.phantoms import PRESETS, make_phantom
from usmm.engine import Experiment, RunOptions, Study, StudySpec
from usmm.models import MultiModalClassifier
from usmm.registry import DATASETS, MODELS

MOBILENET_V2 = 2_223_872  # torchvision's mobilenet_v2 (3,504,872) without its layer for 1000 classes
FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'clinical_fusion'
CONFIGS = ('bmode_blood_mobilenet_v2', 'bmode_blood_small_phantom', 'breast_clinical')
VARIABLES = ('age', 'sex', 'ast', 'alt', 'platelets', 'albumin')


def test_parameters_of_the_published_network() -> None:
    model = MODELS.build(load_config('bmode_blood_mobilenet_v2').model)
    columns = 5 * 2 + 3  # five numbers with their flags; F, M, unknown
    expected = MOBILENET_V2 + (1280 * 64 + 64) + (columns * 32 + 32) + (96 * 2 + 2)
    assert sum(p.numel() for p in model.parameters()) == expected
    assert [v.name for v in model.encoder['clinical'].variables if v.log] == ['ast', 'alt', 'platelets']


def test_the_ladder_reads_more_and_more() -> None:
    spec = StudySpec.read(FOLDER / 'studies' / 'ladder.py')
    found = []
    for variant in spec.variants:
        model = MODELS.build(load_config('bmode_blood_small_phantom', variant.options).model)
        found.append([v.name for v in model.encoder['clinical'].variables] if model.joint else [])
    assert found == [[], [*VARIABLES[:2]], [*VARIABLES[:4]], [*VARIABLES[:5]], [*VARIABLES]]
    assert [v.published['auc'] for v in spec.variants] == ['.721', '.803', '.955', '.982', '.994']


@pytest.mark.parametrize('config', CONFIGS)
def test_every_row_of_the_fusions_is_a_model(config: str, tmp_path: Path) -> None:
    spec = dataclasses.replace(StudySpec.read(FOLDER / 'studies' / 'fusions.py'), config=config)
    fusions = set()
    for plan in Study(spec, tmp_path).plans.values():
        loaded = plan.load()
        if config == 'breast_clinical':  # as a run settles it
            loaded.schema.clinical[1]['values'] = ('a', 'b')
            loaded.model['schema'] = loaded.schema
        model = MODELS.build(loaded.model)
        assert model.modalities == loaded.modalities
        fusions |= {type(model.fusion).__name__} if isinstance(model, MultiModalClassifier) else {'no network'}
    assert fusions == {'PoolFusion', 'GatedFusion', 'FiLMFusion', 'TransformerFusion', 'no network'}


def test_eight_tenths_train(tmp_path: Path) -> None:
    out = make_phantom(tmp_path / 'p', 40, preset='liver_blood', workers=1)
    given = {'data_root': str(out), 'cache_dir': str(tmp_path / 'c'), 'work_dir': str(tmp_path / 'w')}
    config = load_config('bmode_blood_mobilenet_v2', given)
    assert config.classes == PRESETS['liver_blood'].classes
    parts = {p: DATASETS.build({**config.dataset, 'part': p, 'pipeline': ()}) for p in ('train', 'val', 'test')}
    assert {p: len(data) for p, data in parts.items()} == dict(train=32, val=4, test=4)
    small = load_config('bmode_blood_small_phantom', {**given, 'work_dir': str(tmp_path / 'small')})
    train = DATASETS.build({**small.dataset, 'part': 'train', 'pipeline': small.train_pipeline})
    assert train[(0, 0)].data['bus'].shape == (3, 64, 64) and train.verify() == {}


def test_the_rival_runs_on_the_phantom(tmp_path: Path) -> None:
    out = make_phantom(tmp_path / 'p', 30, preset='liver_blood', workers=1)
    spec = StudySpec.read(FOLDER / 'studies' / 'fusions.py')
    options = next(v.options for v in spec.variants if v.name == 'boosted trees, table and image score')
    given = {'data_root': str(out), 'cache_dir': str(tmp_path / 'c'), 'work_dir': str(tmp_path / 'w'), 'max_epochs': 1}
    config = load_config('bmode_blood_small_phantom', {**given, **options, 'backbone.base_channels': 4,
                                                       'backbone.stem_channels': 4})  # fmt: skip
    torch.set_num_threads(1)
    metrics = Experiment(config, options=RunOptions(progress=False)).train()
    assert metrics['stages']['trees']['out_of_fold'] == 3 and 'image/auc' in metrics['test']
