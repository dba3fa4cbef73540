"""Every shipped config is read, built, and takes a training step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from usmm.structures import Case, Schema
from usmm.config import files_of, load_config
from usmm.engine.pretraining import build_learner
from usmm.registry import MODELS, TRANSFORMS

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(p for p in (ROOT / 'configs').rglob('*.py') if not {'_base_', 'studies'} & {*p.parts})
BATCH, SIDE, FRAMES = 2, 32, 10


def settle(node):
    """Give every 'auto' category two values, as a run does from its training part."""
    if isinstance(node, dict):
        return {k: ('a', 'b') if k == 'values' and v == 'auto' else settle(v) for k, v in node.items()}
    return [settle(v) for v in node] if isinstance(node, (list, tuple)) else node


def check_pair_step(stage, model) -> None:
    """A stage with a model of its own: a step on pairs, and the classifier takes what it learnt."""
    learner = MODELS.build(stage['model'])
    names = tuple(stage['dataset']['modalities'])
    views = {v: torch.randint(0, 255, (BATCH, 3, SIDE, SIDE), dtype=torch.uint8) for v in ('view1', 'view2')}
    cases = [Case(f'c{i}', f'p{i}', info=dict(views=dict(modalities=(names[0], names[-1])))) for i in range(BATCH)]
    loss = learner(**learner.data_preprocessor(dict(inputs=views, data_samples=cases), True), mode='loss')['loss']
    loss.backward()
    assert torch.isfinite(loss) and any(p.grad is not None and p.grad.abs().sum() > 0 for p in learner.parameters())
    assert learner.hand_over(model)
    assert [TRANSFORMS.build(settle(dict(t))) for key in ('pipeline', 'augment') for t in stage['dataset'][key]]


def check_task_step(stage, model) -> None:
    """A pre-training on tasks: a step on one image of the first and one of the last, and the classifier takes it."""
    learner = build_learner(stage)
    tasks = stage['dataset']['tasks']
    cases = [
        Case(t['name'], 'p', label=len(t['classes']) - 1,
             info=dict(task=dict(name=t['name']), views=dict(modalities=('bus',))))
        for t in (tasks[0], tasks[-1])
    ]  # fmt: skip
    images = torch.randint(0, 255, (BATCH, 3, SIDE, SIDE), dtype=torch.uint8)
    batch = learner.data_preprocessor(dict(inputs=dict(image=images), data_samples=cases), True)
    loss = learner(**batch, mode='loss')['loss']
    loss.backward()
    assert torch.isfinite(loss) and any(p.grad is not None for p in learner.backbone.parameters())
    assert learner.hand_over(model)
    pipelines = [stage['dataset']['pipeline'], *(t['pipeline'] for t in tasks if 'pipeline' in t)]
    assert [TRANSFORMS.build(settle(dict(t))) for p in (*pipelines, stage['dataset']['augment']) for t in p]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_config_builds_and_takes_a_step(path):
    config = load_config(path)
    schema = Schema.of(settle(config.schema.to_dict()))
    model = MODELS.build(settle(config.model.to_dict()) | {'schema': schema})
    side = 96 if 'InceptionMaps' in str(config.model) else SIDE  # its stem takes no smaller images
    shapes = dict.fromkeys(schema.images, (BATCH, 3, side, side))
    shapes |= dict.fromkeys(schema.clips, (BATCH, 3, FRAMES, SIDE, SIDE))
    used = [m for m in config.modalities if m != 'clinical']
    batch = {
        'inputs': {m: torch.randint(0, 255, shapes[m], dtype=torch.uint8) for m in used},
        'present': {m: torch.ones(BATCH, dtype=torch.bool) for m in used},
        'clinical': torch.zeros(BATCH, len(schema.clinical)),
        'data_samples': [Case(f'c{i}', f'p{i}', label=i) for i in range(BATCH)],
    }
    for stage in config.stages:
        if stage.get('model'):
            check = check_task_step if 'tasks' in stage['dataset'] else check_pair_step
            check(stage, model)
            continue
        if not model.resolve(stage['train']):
            continue
        if stage.get('fit'):
            model.fit_table(torch.rand(8, len(schema.clinical)).round(), torch.arange(8) % 2)
            found = model(**model.data_preprocessor(batch), mode='predict')
            assert [f['scores'].sum() for f in found] == pytest.approx([1.0] * BATCH, abs=1e-6)
            continue
        model.trainable(stage['train'])
        if model.learns('clinical'):
            model.clinical.fit(torch.tensor([[0.0] * len(schema.clinical), [1.0] * len(schema.clinical)]))
        for encoder in (model.encoder or {}).values():
            if hasattr(encoder, 'fitted'):
                encoder.fit(torch.tensor([[0.0] * len(schema.clinical), [1.0] * len(schema.clinical)]))
        model.train()
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        total = sum(value for name, value in losses.items() if 'loss' in name)
        assert torch.isfinite(total)
        total.backward()
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    for name in ('train_pipeline', 'test_pipeline'):
        assert [TRANSFORMS.build(settle(dict(t))) for t in config[name]]


def test_the_paper_rows_are_all_there():
    # Table V has 16 rows; 'all' is the main config itself
    names = {p.stem for p in CONFIGS if p.parent.name == 'inputs'}
    assert len(names) == 15
    for path in CONFIGS:
        if path.parent.name == 'inputs':
            assert '_'.join(load_config(path, check=False).modalities) == path.stem.removeprefix('msmfn_')


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_at_most_two_levels_of_inheritance(path):
    assert len(files_of(path)) <= 3


@pytest.mark.parametrize(
    ('path', 'name'),
    [
        ('msmfn/msmfn_r50_r2plus1d', 'load.3.margin'),
        ('fibrosis_al/mmfn_al_r50', 'load.1.size'),
        ('clinical_fusion/breast_clinical', 'box_margin'),
        ('lymph_multitask/resnet152', 'load.2.size'),
    ],
)
def test_the_steps_of_loading_are_set_in_one_place(path, name):
    config = load_config(path, {name: 77}, check=False)
    for pipeline in (config.train_pipeline, config.test_pipeline):
        assert 77 in [value for step in pipeline[0]['transforms'] for value in step.values()]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_settings_reach_everything_that_depends_on_them(path):
    config = load_config(path, {'data_root': '/elsewhere', 'seed': 41, 'work_dir': '/out'}, check=False)
    assert str(config.dataset['table']).startswith('/elsewhere/')
    assert config.dataset['seed'] == 41 and config.dataset['split']['seed'] == 41
    assert config.dataset['split']['file'] == '/out/folds.csv'
    assert tuple(config.model['modalities']) == tuple(config.modalities) == tuple(config.dataset['modalities'])
