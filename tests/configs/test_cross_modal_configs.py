"""The configs and studies of the contrastive learner: the paper's settings, and rows that differ in what they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config import load_config
from usmm.engine import StudySpec
from usmm.registry import MODELS

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cross_modal_ssl'
PAPER, SMALL = (str(FOLDER / f'mcl_cgc_{name}.py') for name in ('efficientnet_b2', 'small_phantom'))
NAMES = ('t1', 't2', 'oop')


def rows(study: str, config: str = PAPER) -> dict:
    spec = StudySpec.read(FOLDER / 'studies' / f'{study}.py')
    return {v.name: load_config(config, v.options) for v in spec.variants}


def test_settings_of_the_paper():
    config = load_config(PAPER)
    pretrain, finetune = config.stages
    assert pretrain['optimizer'] == dict(type='Adam', lr=3e-4) and finetune['optimizer'] == dict(type='Adam', lr=1e-4)
    assert (pretrain['batch_size'], pretrain['max_epochs']) == (32, 12)
    assert (finetune['batch_size'], finetune['max_epochs']) == (16, 10)
    (warm_up,) = finetune['param_scheduler']
    assert (warm_up['type'], warm_up['end'], warm_up['by_epoch']) == ('LinearLR', 50, False)
    assert pretrain['model']['backbone']['arch'] == 'b2' and pretrain['part'] == 'train'
    assert config.model.head.dropout == 0.3 and config.model.fusion.groups == 8
    assert dict(type='PadToSize', size=200) in config.load
    for name, (mean, std) in {'t1': (0.2962, 0.2527), 't2': (0.2055, 0.1727), 'oop': (0.2, 0.1644)}.items():
        for where in (config.model.data_preprocessor, pretrain['model']['data_preprocessor']):
            assert where['mean'][name] == pytest.approx((255 * mean,) * 3, abs=0.05)
            assert where['std'][name] == pytest.approx((255 * std,) * 3, abs=0.05)


@pytest.mark.parametrize('config', [PAPER, SMALL], ids=['paper', 'small'])
def test_linear_evaluation(config):
    found = rows('linear_evaluation', config)
    assert len(found) == 6 * 3
    for name, row in found.items():
        method, modality = name.split()
        pretrain, linear = row.stages
        assert tuple(row.modalities) == (modality,)
        assert pretrain['model']['type'] == method.rstrip('+')
        data = pretrain['dataset']
        if method.endswith('+'):
            assert (tuple(data['modalities']), data['pairs']) == (NAMES, 'modalities')
        else:
            assert (tuple(data['modalities']), data['pairs']) == ((modality,), 'views')
        assert linear['train'] == ['head'] and row.train_pipeline == row.test_pipeline
        model = MODELS.build(row.model.to_dict()) if config == SMALL else None
        if model is not None:
            assert MODELS.build(pretrain['model']).hand_over(model) == ['encoder.shared', 'fusion.projector']
            model.trainable(linear['train'])
            assert [n for n, p in model.named_parameters() if p.requires_grad] == ['head.fc.weight', 'head.fc.bias']


def test_one_pretraining_serves_all_rows_with_pairs():
    found = [*rows('linear_evaluation').values(), *rows('cgc').values(), *rows('initialisation').values()]
    with_pairs = [r.stages[0] for r in found if r.stages[0]['name'] == 'pretrain' and r.method == 'SimSiam']
    with_pairs = [s for s in with_pairs if s['dataset']['pairs'] == 'modalities']
    assert len(with_pairs) == 3 + 6 + 3 and all(s == with_pairs[0] for s in with_pairs)


def test_initialisation():
    found = rows('initialisation')
    assert len(found) == 4 * 3
    for name, row in found.items():
        way, _, modality = name.rpartition(' ')
        assert tuple(row.modalities) == (modality,)
        assert [s['name'] for s in row.stages] == (
            ['finetune'] if way == 'no pre-training' else ['pretrain', 'finetune']
        )
        if way == 'SCL, equal steps':
            assert row.stages[0]['dataset']['repeats'] * len(row.stages[0]['dataset']['modalities']) == 3


def test_cgc():
    found = rows('cgc')
    kinds = {name: (tuple(row.modalities), row.model.fusion.type) for name, row in found.items()}
    assert kinds['MCL + CGC'] == (NAMES, 'CrossModalityGroupConv')
    assert kinds['MCL + CMC'] == (NAMES, 'CrossModalityConv')
    assert kinds['MCL + concatenation'] == (NAMES, 'PoolFusion')
    assert [kinds[f'MCL {m}'][0] for m in NAMES] == [(m,) for m in NAMES]
    assert [s['name'] for s in found['CGC without pre-training'].stages] == ['finetune']
