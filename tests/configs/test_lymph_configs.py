"""The configs and studies of the lymph node networks: the paper's settings, widths, and rows that differ as named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from usmm.config import load_config
from usmm.engine import StudySpec
from usmm.engine.pretraining import build_learner
from usmm.models.building import build
from usmm.models.encoders.feature_maps import probe
from usmm.models.heads.mlp import MLPHead
from usmm.registry import MODELS

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'lymph_multitask'
FAMILIES = ('convnext', 'efficientnet', 'resnet', 'vit')
PAPER = dict(convnext_l=1536, efficientnet_b7=2560, resnet152=2048, vit_b16=768)


def config(name: str, options: dict | None = None):
    return load_config(FOLDER / f'{name}.py', options)


def rows(study: str, name: str) -> dict:
    spec = StudySpec.read(FOLDER / 'studies' / f'{study}.py')
    return {v.name: config(name, v.options) for v in spec.variants}


@pytest.mark.parametrize('name', PAPER)
def test_settings_of_the_paper(name):
    found = config(name)
    pretrain, finetune = found.stages
    for stage in (pretrain, finetune):
        assert stage['optimizer'] == dict(type='Adam', lr=5e-5) and stage['batch_size'] == 16
        assert stage['early_stop'] == dict(patience=5)
    assert finetune['monitor'] == 'loss' and finetune['oversample'] and finetune['train'] == 'all'
    data = pretrain['dataset']
    assert data['order'] == 'sequential' and 'val_ratio' not in data  # a fifth, the default
    assert [task['name'] for task in data['tasks']] == ['auli', 'ocau', 'busi', 'ddti', 'echonet']
    assert pretrain['model']['hidden_channels'] == found.model.head.hidden_channels == 256
    assert dict(type='Resize', size=384) in found.load
    assert tuple(found.classes) == ('benign', 'lymphoma', 'metastatic') and found.split.folds == 5
    assert found.split.selection == 'inner'


@pytest.mark.parametrize('name', PAPER)
def test_widths_of_the_paper(name):
    backbone = config(name).backbone
    cfg = {**backbone, 'init_cfg': None} | ({'drop_path_rate': 0.0} if name == 'convnext_l' else {})
    assert probe(build(cfg), 64) == (PAPER[name],)
    if name == 'vit_b16':
        assert backbone['img_size'] == 384 and backbone['patch_size'] == 16


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('name', ['small_phantom', 'breast_lung_transfer'])
def test_small_networks_are_small_and_take_what_was_learnt(name, family):
    found = config(name, {'backbone': f'${{families.{family}}}'})
    model = MODELS.build(found.model.to_dict())
    assert build_learner(found.stages[0]).hand_over(model) == ['encoder.bus']
    assert sum(p.numel() for p in model.parameters()) < 5e6
    assert isinstance(model.head, MLPHead) and model.head.fc.out_features == len(found.classes)
    size = found.image_size
    assert model.eval()(dict(bus=torch.rand(2, 3, size, size))).logits.shape == (2, len(found.classes))
    # there is a map for each heat-map
    assert model.encoder['bus'](dict(bus=torch.rand(1, 3, size, size)))[-1].ndim == 4


@pytest.mark.parametrize('name', ['resnet152', 'small_phantom', 'breast_lung_transfer'])
def test_rows_with_and_without_pretraining(name):
    found = rows('pretraining', name)
    assert list(found) == [f'{family}{more}' for family in FAMILIES for more in ('', ', pre-trained')]
    for row, cfg in found.items():
        names = [stage['name'] for stage in cfg.stages]
        assert names == (['pretrain', 'finetune'] if 'pre-trained' in row else ['finetune'])
        assert cfg.backbone == cfg.families[row.partition(',')[0]] == cfg.model.encoder.bus.backbone
        assert cfg.stages[-1] == found['resnet'].stages[-1]  # one schedule for all
        assert 'pretrain' not in names or cfg.stages[0]['model']['backbone'] == cfg.backbone


@pytest.mark.parametrize('name', ['resnet152', 'small_phantom'])
def test_rows_of_the_modalities(name):
    found = rows('modalities', name)
    assert {row: tuple(cfg.modalities) for row, cfg in found.items()} == {
        'bus': ('bus',), 'cdfi': ('cdfi',), 'ue': ('ue',), 'fused': ('bus', 'cdfi', 'ue'),
    }  # fmt: skip
    assert all(cfg.stages == found['bus'].stages for cfg in found.values())  # one pre-training serves all


def test_three_modalities_fused():
    found = config('small_phantom', {'modalities': ['bus', 'cdfi', 'ue']})
    model = MODELS.build(found.model.to_dict())
    assert build_learner(found.stages[0]).hand_over(model) == ['encoder.bus', 'encoder.cdfi', 'encoder.ue']
    assert model.head.hidden[0].in_features == 3 * model.encoder['bus'].out_channels[-1]


def test_tasks_of_the_real_data():
    assert [t['name'] for t in config('small_phantom').stages[0]['dataset']['tasks']] == ['breast', 'lung']
    (task,) = config('breast_lung_transfer').stages[0]['dataset']['tasks']
    assert (task['name'], task['schema']['label'], tuple(task['classes'])) == ('lung', 'disease', ('no', 'yes'))


def test_rows_of_the_teachers():
    found = rows('teachers', 'small_phantom')
    assert [stage['name'] for stage in found['from nothing'].stages] == ['finetune']
    tasks, kept = {}, {}
    for name in list(found)[1:]:
        stage = found[name].stages[0]
        tasks[name] = [task['name'] for task in stage['dataset']['tasks']]
        kept[name] = stage.get('selection', 'inner'), bool(stage['early_stop'])
    organs, phantoms = ['breast', 'lung'], ['bus', 'cdfi', 'ue']
    assert tasks == {
        'BrEaST and lung': organs,
        'BrEaST and lung, the last epoch': organs,
        'phantoms': phantoms,
        'phantoms, the last epoch': phantoms,
        "the target's own kind": ['lymph'],
    }
    assert kept == {name: ('last', False) if name.endswith('last epoch') else ('inner', True) for name in tasks}
    # everything but the pre-training is the same
    assert len({str(found[name].stages[-1]) for name in found}) == 1
