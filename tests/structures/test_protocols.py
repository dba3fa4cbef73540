"""The models satisfy the protocols: mypy checks the types in this file, the tests that the members exist."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import nn

from usmm.models import (
    BYOL,
    BoostedTableHead,
    ClinicalEncoder,
    ClinicalFusionHead,
    ImageEncoder,
    MultiModalClassifier,
    MultiTaskLearner,
    Outputs,
    SimCLR,
    SimSiam,
    TableClassifier,
)
from usmm.models.losses import CrossEntropyLoss, DeepSupervisionLoss
from usmm.structures import Variable, protocols
from usmm.structures.protocols import (
    Classifier,
    ClassifierOutputs,
    ContrastiveLearner,
    FittedOnce,
    FittedToTable,
    HeadLoss,
    Learner,
    StackedHead,
    TableHead,
    Trainable,
    ValidatedLearner,
    WeightedHead,
)

BACKBONE = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
AGE = [Variable('age')]
TASKS = dict(breast=('benign', 'malignant'))


def multi_modal(clinical: bool = False) -> MultiModalClassifier:
    return MultiModalClassifier(
        ('bus', 'clinical') if clinical else ('bus',),
        ('ADC', 'SCC'),
        encoder=dict(bus=dict(type='ImageEncoder', modality='bus', backbone=BACKBONE)),
        clinical=dict(type='ClinicalFusionHead') if clinical else None,
        schema=dict(clinical=[dict(name='age')]) if clinical else None,
    )


def table() -> TableClassifier:
    return TableClassifier(('clinical',), ('ADC', 'SCC'), schema=dict(clinical=[dict(name='age')]))


def test_types() -> None:
    """Each assignment is checked by mypy against the signatures; at run time the members exist."""
    classifiers: list[Classifier] = [multi_modal(), table()]
    heads: list[TableHead] = [ClinicalFusionHead(AGE), BoostedTableHead(AGE)]
    trained: WeightedHead = ClinicalFusionHead(AGE)
    once: list[FittedOnce] = [table(), BoostedTableHead(AGE)]
    stacked: StackedHead = BoostedTableHead(AGE)
    encoder: FittedToTable = ClinicalEncoder(AGE)
    placed: protocols.ImageEncoder = ImageEncoder('bus', BACKBONE)
    learners: list[Learner] = [SimSiam(BACKBONE, 8, 4), MultiTaskLearner(TASKS, BACKBONE)]
    validated: ValidatedLearner = MultiTaskLearner(TASKS, BACKBONE)
    contrastive: list[ContrastiveLearner] = [SimSiam(BACKBONE, 8, 4), BYOL(BACKBONE, 8, 4), SimCLR(BACKBONE, 8, 4)]
    losses: list[HeadLoss] = [CrossEntropyLoss(), DeepSupervisionLoss()]
    outputs: ClassifierOutputs = Outputs(torch.zeros(1, 2))
    assert all(isinstance(x, Classifier) and isinstance(x, Trainable) for x in classifiers)
    assert all(isinstance(x, TableHead) for x in heads)
    assert isinstance(trained, WeightedHead)
    assert all(isinstance(x, FittedOnce) for x in once)
    assert isinstance(stacked, StackedHead)
    assert isinstance(encoder, FittedToTable)
    assert placed.place('conv1.weight') == ('backbone.conv1.weight',)
    assert all(isinstance(x, Learner) for x in learners)
    assert isinstance(validated, ValidatedLearner)
    assert all(isinstance(x, ContrastiveLearner) for x in contrastive)
    assert all(isinstance(x, HeadLoss) for x in losses)
    assert outputs.vector is None and outputs.image_logits is None


@pytest.mark.parametrize('clinical', [False, True])
def test_the_members_of_a_classifier(clinical: bool) -> None:
    model: Classifier = multi_modal(clinical)
    assert model.encoder is not None and model.fusion is not None and model.head is not None
    assert isinstance(model.clinical, TableHead) is clinical
    assert model.cam_layers() == {'bus': 'encoder.bus.backbone.layer2'}
    assert model.missing_modalities(['bus']) == ['bus']


def test_the_members_of_a_table_classifier() -> None:
    model: Classifier = table()
    assert (model.encoder, model.fusion, model.head, model.clinical) == (None, None, None, None)
    assert (model.joint, model.readers, model.cam_layers(), model.missing_modalities(['bus'])) == (False, {}, {}, [])
    model.freeze_unfitted()
    assert isinstance(model, TableClassifier) and model.learns('estimator')


@pytest.mark.parametrize(
    ('make', 'protocol'),
    [
        (lambda: nn.Linear(1, 1), Classifier),
        (lambda: nn.Linear(1, 1), Learner),
        (lambda: nn.Linear(1, 1), TableHead),
        (lambda: nn.CrossEntropyLoss(), HeadLoss),
        (multi_modal, Learner),
        (multi_modal, FittedOnce),
        (lambda: SimSiam(BACKBONE, 8, 4), Classifier),
        (lambda: SimSiam(BACKBONE, 8, 4), ValidatedLearner),
        (lambda: MultiTaskLearner(TASKS, BACKBONE), ContrastiveLearner),
        (lambda: ClinicalFusionHead(AGE), FittedOnce),
        (lambda: BoostedTableHead(AGE), WeightedHead),
        (table, StackedHead),
        (lambda: ImageEncoder('bus', BACKBONE), FittedToTable),
    ],
)
def test_what_does_not_fit(make: Callable[[], nn.Module], protocol: type) -> None:
    assert not isinstance(make(), protocol)


@pytest.mark.parametrize(
    ('protocol', 'classes'),
    [
        (Classifier, [MultiModalClassifier, TableClassifier]),
        (WeightedHead, [ClinicalFusionHead]),
        (StackedHead, [BoostedTableHead]),
        (FittedOnce, [TableClassifier]),
        (FittedToTable, [ClinicalEncoder]),
        (ContrastiveLearner, [SimSiam, BYOL, SimCLR]),
    ],
)
def test_methods_take_the_arguments_of_the_protocol(protocol: type, classes: list[type]) -> None:
    own = {n: f for base in protocol.__mro__ for n, f in vars(base).items() if inspect.isfunction(f) and n[0] != '_'}
    assert own
    for cls in classes:
        for name, function in own.items():
            wanted = [p for p in inspect.signature(function).parameters.values() if p.name != 'self']
            arguments = dict.fromkeys(p.name for p in wanted)
            inspect.signature(getattr(cls, name)).bind(None, *arguments.values())
            if name != 'to':  # torch takes *args there
                inspect.signature(getattr(cls, name)).bind(None, **arguments)
