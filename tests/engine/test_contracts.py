"""Models and data sets that do not offer what the engine needs are refused with the members that they lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import BaseMetric
from torch import nn
from torch.utils.data import Dataset

from usmm.cli.benchmark_steps import plain_training, random_batch
from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, collect_scores, pretraining
from usmm.engine.table_fit import check_fit, fit_clinical, fit_encoders
from usmm.models import MultiModalClassifier, MultiTaskLearner
from usmm.registry import DATASETS, METRICS, MODELS


@contextmanager
def warnings_of(module: str) -> Iterator[list[str]]:
    """What a module logs while the block runs."""
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f'{module}.print_log', lambda text, *_: lines.append(text))
        yield lines


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch):
    """Register classes for one test."""

    def register(registry, cls: type) -> type:
        monkeypatch.setitem(registry._module_dict, cls.__name__, cls)
        return cls

    return register


def test_a_model_that_cannot_be_trained_in_stages_is_refused(registered, tiny_config: Path) -> None:
    class AlmostClassifier(nn.Module):
        modalities, classes, positive = ('bus',), ('A', 'B'), 1

        def init_weights(self) -> None:
            raise AssertionError('a model that is refused is not initialised')

    registered(MODELS, AlmostClassifier)
    config = load_config(tiny_config)
    config.model = dict(type='AlmostClassifier')
    lacks = r"\['cam_layers', .*'freeze_unfitted', .*'trainable'\]"
    with pytest.raises(ValueError, match=rf'a AlmostClassifier cannot be trained in stages, it lacks {lacks}'):
        Experiment(config)


def test_an_mmpretrain_classifier_is_refused(tiny_config: Path) -> None:
    config = load_config(tiny_config)
    backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
    config.model = dict(type='mmpretrain.ImageClassifier', backbone=backbone)
    with pytest.raises(ValueError, match='a ImageClassifier cannot be trained in stages, it lacks'):
        Experiment(config)


def test_a_data_set_of_other_samples_is_refused(registered, tiny_config: Path) -> None:
    class Numbers(Dataset):
        def __init__(self, **settings: object) -> None:
            self.cases: list[object] = []

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return index

    registered(DATASETS, Numbers)
    config = load_config(tiny_config)
    config.dataset = dict(type='Numbers')
    lacks = r"\['labels', 'leave_out', 'modalities', 'pipeline'\]"
    with pytest.raises(ValueError, match=rf'a Numbers is not a data set of cases, it lacks {lacks}'):
        Experiment(config)


def test_scores_of_images_need_a_model_that_reads_images(tiny_config: Path) -> None:
    data = Experiment(load_config(tiny_config), parts=['train']).parts['train']

    class Blind(nn.Module):
        data_preprocessor = staticmethod(lambda batch: batch)

        def forward(self, **batch: object) -> SimpleNamespace:
            return SimpleNamespace(image_logits=None)

    with pytest.raises(ValueError, match='scores of the images are cached, but a Blind reads none'):
        collect_scores(Blind(), data, 4, 0)


def test_a_benchmark_needs_a_model_with_images(tiny_config: Path) -> None:
    config = load_config(tiny_config)
    clinical = dict(type='ClinicalFusionHead', variables=[dict(name='age')])
    model = MultiModalClassifier(('clinical',), ('A', 'B'), clinical=clinical, schema=dict(clinical=[dict(name='age')]))
    config.image_size = config.clip_size = 32
    with pytest.raises(ValueError, match='a benchmark needs a model with images'):
        plain_training(model, random_batch(config, 2), 'cpu')
    assert torch.is_grad_enabled()


class OwnHead(nn.Module):
    """A clinical head without `select` and `weights`: it reads the first column."""

    use_image, variables = True, ()

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('fitted', torch.tensor(False))

    def fit(self, clinical: torch.Tensor) -> None:
        self.fitted.fill_(True)


def test_a_clinical_head_of_ones_own_is_fitted() -> None:
    head = OwnHead()
    assert fit_clinical(head, torch.zeros(3, 1), []) == {}
    assert bool(head.fitted)


def test_a_clinical_head_that_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a Linear cannot be fitted to the clinical table, it lacks \['fit', 'fitted'\]"
    ):
        fit_clinical(nn.Linear(1, 1), torch.zeros(3, 1), [])


def test_an_encoder_that_cannot_be_fitted_is_refused(tiny_config: Path) -> None:
    class Unfit(nn.Module):
        fitted = torch.tensor(False)

    model = SimpleNamespace(encoder={'table': Unfit()})
    with pytest.raises(ValueError, match='a Unfit states that it is not fitted, but has no method fit'):
        fit_encoders(model, {}, [])


def test_a_fitted_head_that_reads_images_needs_their_scores() -> None:
    class Stacked(nn.Module):
        use_image, fitted = True, torch.tensor(False)

        def fit_table(self, clinical: torch.Tensor, labels: torch.Tensor, seed: int = 0) -> None:
            raise AssertionError('a head that is refused is not fitted')

    model = SimpleNamespace(clinical=Stacked(), resolve=lambda spec: ('clinical',))
    spec = dict(name='trees', train='clinical', fit=True, out_of_fold=3)
    with pytest.raises(ValueError, match=r"stage 'trees': Stacked has use_image=True, but lacks \['image_scores'\]"):
        check_fit(spec, model)


def test_a_learner_that_is_validated_needs_a_validation_part(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = MultiTaskLearner(
        dict(breast=('benign', 'malignant')),
        dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4),
    )
    spec = dict(name='tasks', model={}, dataset={})
    message = r"stage 'tasks': a list has no validation part, it lacks \['cases', 'decides', 'held_out', 'verify'\]"
    with pytest.raises(ValueError, match=message):
        pretraining._learn(None, spec, learner, [], Path(), RunOptions(), False)


def test_a_metric_of_ones_own_may_keep_rows_and_without_any_there_is_a_warning(registered, tiny_config: Path) -> None:
    class Nothing(BaseMetric):
        def process(self, data_batch: object, data_samples: object) -> None:
            self.results.append(0)

        def compute_metrics(self, results: list) -> dict[str, float]:
            return {'zero': 0.0}

    class Keeps(Nothing):
        def compute_metrics(self, results: list) -> dict[str, float]:
            self.last_rows = [dict(case_id='c', patient_id='p', label=0, scores=[0.25, 0.75])]
            return {'one': 1.0}

    for cls in (Nothing, Keeps):
        registered(METRICS, cls)
    for evaluator, count in (([dict(type='Nothing')], 0), ([dict(type='Nothing'), dict(type='Keeps')], 1)):
        config = load_config(tiny_config)
        config.evaluator = evaluator
        experiment = Experiment(config, parts=['test'], options=RunOptions(progress=False))
        experiment.model.freeze_unfitted()  # the images decide
        with warnings_of('usmm.engine.experiment') as lines:
            metrics, rows = experiment.evaluate()
        assert metrics['test']['zero'] == 0.0 and len(rows) == count
        text = 'no metric of the evaluator keeps rows, so there are no predictions of the test part'
        assert (text in lines) is (count == 0)
