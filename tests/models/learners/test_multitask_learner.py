"""Multi-task learner: its losses and predictions by task, and whom it hands its backbone to."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from usmm.models import MultiModalClassifier, MultiTaskLearner
from usmm.structures import Case

BACKBONE = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
TASKS = dict(breast=('benign', 'malignant'), organs=('liver', 'kidney', 'spleen'))


def batch(*tasks: str) -> tuple[dict, list[Case]]:
    cases = [Case(f'c{i}', f'p{i}', label=i % 2, info=dict(task=dict(name=t))) for i, t in enumerate(tasks)]
    return dict(image=torch.rand(len(tasks), 3, 64, 64)), cases


def test_each_task_has_a_head_of_two_layers() -> None:
    learner = MultiTaskLearner(TASKS, BACKBONE)
    shapes = {name: [tuple(m.weight.shape) for m in head if hasattr(m, 'weight')] for name, head in
              learner.heads.items()}  # fmt: skip
    assert shapes == {'breast': [(256, 32), (2, 256)], 'organs': [(256, 32), (3, 256)]}
    assert type(learner.heads['breast'][1]).__name__ == 'ReLU'


@pytest.mark.parametrize('tasks', [('breast',) * 4, ('organs', 'breast', 'organs', 'breast')])
def test_the_loss_is_the_mean_cross_entropy_of_the_own_heads(tasks: tuple[str, ...]) -> None:
    learner = MultiTaskLearner(TASKS, BACKBONE).eval()
    inputs, cases = batch(*tasks)
    losses = learner(inputs, cases, mode='loss')
    each = []
    for i, case in enumerate(cases):  # one by one
        vector = learner.backbone(inputs['image'][i : i + 1])[-1].mean((2, 3))
        each.append(F.cross_entropy(learner.heads[tasks[i]](vector), torch.tensor([case.label])))
    torch.testing.assert_close(losses['loss'], torch.stack(each).mean())
    for name in set(tasks):
        own = torch.stack([e for e, task in zip(each, tasks, strict=True) if task == name])
        torch.testing.assert_close(losses[f'{name}_ce'], own.mean())
    assert set(losses) == {'loss', *(f'{name}_ce' for name in tasks)}


def test_a_head_learns_from_its_own_task_alone() -> None:
    learner = MultiTaskLearner(TASKS, BACKBONE)
    learner(*batch('breast', 'breast', 'breast'), mode='loss')['loss'].backward()
    assert all(p.grad is not None for p in learner.parameters())  # none is missing, for distributed training
    assert sum(float(p.grad.abs().sum()) for p in learner.heads['organs'].parameters()) == 0
    for part in (learner.heads['breast'], learner.backbone):
        assert sum(float(p.grad.abs().sum()) for p in part.parameters()) > 0


def test_predictions_are_in_the_order_of_the_cases() -> None:
    learner = MultiTaskLearner(TASKS, BACKBONE).eval()
    inputs, cases = batch('organs', 'breast', 'organs')
    found = learner(inputs, cases, mode='predict')
    assert [(f['case_id'], f['task'], f['label'], f['scores'].shape) for f in found] == [
        ('c0', 'organs', 0, (3,)), ('c1', 'breast', 1, (2,)), ('c2', 'organs', 0, (3,)),
    ]  # fmt: skip
    assert all(f['scores'].sum() == pytest.approx(1, abs=1e-6) for f in found)
    logits = learner(inputs, cases)
    assert {task: tuple(x.shape) for task, x in logits.items()} == {'organs': (2, 3), 'breast': (1, 2)}


def test_the_batch_of_the_data_set_is_normalised_by_modality() -> None:
    processor = dict(type='PairPreprocessor', mean=dict(us=(100,) * 3, clip=(50,) * 3), std=(50.0,) * 3)
    learner = MultiTaskLearner(TASKS, BACKBONE, data_preprocessor=processor)
    cases = [Case(m, m, info=dict(views=dict(modalities=(m,)))) for m in ('us', 'clip')]
    data = dict(inputs=dict(image=torch.full((2, 3, 4, 4), 100, dtype=torch.uint8)), data_samples=cases)
    image = learner.data_preprocessor(data)['inputs']['image']
    assert [x.unique().tolist() for x in image] == [[0.0], [1.0]]


def test_every_encoder_of_the_backbone_takes_it() -> None:
    torch.manual_seed(0)
    learner = MultiTaskLearner(TASKS, BACKBONE)
    encoder = {m: dict(type='ImageEncoder', modality=m, backbone=BACKBONE) for m in ('bus', 'ue')}
    model = MultiModalClassifier(('bus', 'ue'), ('a', 'b', 'c'), encoder=encoder, fusion=dict(type='PoolFusion'))
    assert learner.hand_over(model) == ['encoder.bus', 'encoder.ue']
    for name, value in learner.backbone.state_dict().items():
        assert torch.equal(value, model.encoder['ue'].backbone.state_dict()[name])


def test_a_classifier_of_another_backbone_is_refused() -> None:
    encoder = dict(bus=dict(type='ImageEncoder', modality='bus', backbone=dict(BACKBONE, base_channels=8)))
    model = MultiModalClassifier(('bus',), ('a', 'b'), encoder=encoder)
    with pytest.raises(ValueError, match=r"no encoder of the model can take .* has \['ImageEncoder'\]"):
        MultiTaskLearner(TASKS, BACKBONE).fits(model)


@pytest.mark.parametrize(
    ('tasks', 'message'),
    [({}, r'needs tasks whose names are words, got \[\]'),
     ({'a b': ('x', 'y')}, r"needs tasks whose names are words, got \['a b'\]"),
     ({'train': ('x', 'y')}, 'needs tasks whose names are words'),
     ({'one': ('x',)}, r"tasks \['one'\] have fewer than two classes")],
)  # fmt: skip
def test_tasks_that_make_no_sense(tasks: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskLearner(tasks, BACKBONE)


@pytest.mark.parametrize(
    ('inputs', 'cases', 'message'),
    [(*batch('lung', 'lung'), r"got the tasks \['lung'\] and the inputs \['image'\]"),
     (*batch(), r'got the tasks \[\]'),
     (dict(view1=torch.rand(1, 3, 64, 64)), batch('breast')[1], r"and the inputs \['view1'\]"),
     (batch('breast')[0], [Case('c', 'p')], r"got the tasks \['None'\]")],
)  # fmt: skip
def test_batches_of_something_else(inputs: dict, cases: list, message: str) -> None:
    with pytest.raises(ValueError, match=f'expects a batch of MultiTaskDataset with the tasks .*{message}'):
        MultiTaskLearner(TASKS, BACKBONE)(inputs, cases, mode='loss')
