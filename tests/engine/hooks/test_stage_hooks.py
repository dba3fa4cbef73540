"""The hooks of a plain stage: what is fitted before it, and which weights it ends with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, SelectedWeightsHook, TableFitHook
from usmm.engine.scores import build_cached_scores
from usmm.models.staging import build_stage_model
from usmm.registry import DATASETS, MODELS
from usmm.utils.random_state import kept_random_state

RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)


def runner(model: nn.Module, dataset: object, iteration: int = 0) -> SimpleNamespace:
    return SimpleNamespace(model=model, train_dataloader=SimpleNamespace(dataset=dataset), iter=iteration)


def test_the_table_is_fitted_once_on_the_training_cases(tiny_config: Path) -> None:
    experiment = Experiment(load_config(tiny_config), parts=['train'], options=RunOptions(progress=False))
    config, data = experiment.config, experiment.parts['train']
    model, hook = MODELS.build(config.model), TableFitHook(config.schema, 'clinical')
    hook.before_train(runner(model, data, iteration=3))
    assert not model.clinical.fitted  # a run that goes on has it in its checkpoint
    hook.before_train(runner(model, data))
    assert model.clinical.fitted
    ages = torch.tensor([case.clinical['age'] for case in data.cases])
    torch.testing.assert_close(model.clinical.mean[0], ages.mean(), check_dtype=False)


def test_the_table_is_fitted_where_it_learns(tiny_config: Path) -> None:
    experiment = Experiment(load_config(tiny_config), parts=['train'], options=RunOptions(progress=False))
    model = MODELS.build(experiment.config.model)
    hook = TableFitHook(experiment.config.schema, 'all but clinical')
    hook.before_train(runner(model, experiment.parts['train']))
    assert not model.clinical.fitted


def test_hooks_refuse_other_models_and_data() -> None:
    with pytest.raises(TypeError, match='needs a classifier and a data set of cases, got a Linear and a list'):
        TableFitHook({}).before_train(runner(nn.Linear(1, 1), []))
    hook = SelectedWeightsHook('pretrain', classifier=RESNET)
    with pytest.raises(TypeError, match='from a model for pre-training to a classifier, got a Linear and a ResNet'):
        hook._handed_over(nn.Linear(1, 1), RESNET)


def test_scores_are_cached_for_classifiers_alone() -> None:
    with pytest.raises(TypeError, match='CachedScores needs a classifier, got a ResNet'):
        build_cached_scores({}, RESNET)


def test_cached_scores_keep_the_random_state(tiny_config: Path) -> None:
    config = Experiment(load_config(tiny_config), parts=['train'], options=RunOptions(progress=False)).config
    data = {**config.dataset, 'part': 'train', 'pipeline': config.test_pipeline}
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    scores = DATASETS.build(dict(type='CachedScores', dataset=data, model=config.model, seed=4, batch_size=3))
    assert torch.equal(torch.rand(3), expected)
    # weights drawn from the seed, one case at a time
    with kept_random_state():
        torch.manual_seed(4)
        model = build_stage_model(config.model)
    model.freeze_unfitted()
    model.eval()
    case = DATASETS.build(data)[0]
    inputs = {m: case.data[m][None] for m in ('bus', 'ue')}
    alone = model(**model.data_preprocessor(dict(inputs=inputs, data_samples=[case])), mode='tensor').image_logits[0]
    torch.testing.assert_close(scores[0].info['scores']['image_logits'], alone.detach())


def test_a_stage_model_freezes_classifiers_alone() -> None:
    with pytest.raises(TypeError, match=r'StageModel can freeze parts of a classifier, a ResNet lacks'):
        build_stage_model(RESNET, train='all')


def test_a_stage_model_takes_the_preprocessor_of_the_runner() -> None:
    plain = dict(type='mmpretrain.ImageClassifier', backbone=RESNET)
    own = build_stage_model({**plain, 'data_preprocessor': dict(mean=[1.0] * 3, std=[1.0] * 3)},
                            data_preprocessor=dict(mean=[2.0] * 3, std=[1.0] * 3))  # fmt: skip
    other = build_stage_model(plain, data_preprocessor=dict(mean=[2.0] * 3, std=[1.0] * 3))
    assert own.data_preprocessor.mean.flatten().tolist() == [1, 1, 1]
    assert other.data_preprocessor.mean.flatten().tolist() == [2, 2, 2]
