"""SimSiam, BYOL, SimCLR: their losses written out, whom gradients reach, the moving target, the spread."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from usmm.models import BYOL, MultiModalClassifier, SimCLR, SimSiam
from usmm.models.learners.contrastive import ContrastiveLearner, spread_of
from usmm.weights import read_checkpoint

RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
SMALL = dict(backbone=RESNET, hidden_channels=16, embed_dims=8)


def views(rows: int = 4) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return dict(view1=torch.randn(rows, 3, 32, 32), view2=torch.randn(rows, 3, 32, 32))


def distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((F.normalize(x) - F.normalize(y)) ** 2).sum(1).mean()


@pytest.mark.parametrize('method', [SimSiam, BYOL, SimCLR])
def test_sizes_of_the_paper(method):
    learner = method()
    assert sum(p.numel() for p in learner.backbone.parameters()) == 7_700_994
    first, last = learner.projector[0], learner.projector[-1]
    assert (first.in_features, first.out_features, last.out_features) == (1408, 1792, 256)
    if method is not SimCLR:
        first, last = learner.predictor[0], learner.predictor[-1]
        assert (first.in_features, first.out_features, last.out_features) == (256, 1792, 256)


def test_simsiam_is_equation_3():
    learner, x = SimSiam(**SMALL), views()
    z1, z2 = learner(x)
    p1, p2 = learner.predictor(z1), learner.predictor(z2)
    found = learner(x, mode='loss')
    torch.testing.assert_close(found['loss'], distance(p1, z2) + distance(p2, z1))
    cosine = (F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean()) / 2
    torch.testing.assert_close(found['loss'], 4 + 4 * -cosine)  # four times the loss of Chen and He, plus four


def test_simsiam_stops_the_gradient_of_the_view_that_is_foretold():
    learner, x = SimSiam(**SMALL), views()
    learner(x, mode='loss')['loss'].backward()
    found = [p.grad.clone() for p in learner.projector.parameters()]
    learner.zero_grad()
    z1, z2 = learner(x)
    both = distance(learner.predictor(z1), z2.detach()) + distance(learner.predictor(z2), z1.detach())
    both.backward()
    for one, other in zip(found, [p.grad for p in learner.projector.parameters()]):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_simclr_is_nt_xent_at_a_tenth():
    learner, x = SimCLR(**SMALL), views()
    z = F.normalize(torch.cat(learner(x)), dim=1)
    near = (z @ z.T / 0.1).exp()
    total = sum(-torch.log(near[i, (i + 4) % 8] / (near[i].sum() - near[i, i])) for i in range(8)) / 8
    torch.testing.assert_close(learner(x, mode='loss')['loss'], total, rtol=1e-4, atol=1e-4)
    assert not hasattr(learner, 'predictor')


def test_the_target_of_byol_moves_slowly_after_the_network():
    learner, x = BYOL(**SMALL, momentum=0.9), views()
    learner.init_weights()
    optimizer = torch.optim.SGD([p for p in learner.parameters() if p.requires_grad], 0.1)
    expected = None
    for _ in range(3):
        current = learner.projector[0].weight.detach().clone()
        expected = current if expected is None else 0.9 * expected + 0.1 * current
        optimizer.zero_grad()
        learner(x, mode='loss')['loss'].backward()
        torch.testing.assert_close(learner.target.module['projector'][0].weight, expected)
        optimizer.step()
    assert all(p.grad is None and not p.requires_grad for p in learner.target.parameters())
    assert BYOL(**SMALL).target.momentum == pytest.approx(0.004)


def test_byol_foretells_the_target_not_itself():
    learner, x = BYOL(**SMALL), views()
    learner(x, mode='loss')  # the first step copies the weights
    torch.nn.init.normal_(learner.target.module['projector'][-1].weight)
    learner.train(False)
    z, t = learner(x), [learner.target_project(v) for v in x.values()]
    p1, p2 = (learner.predictor(v) for v in z)
    torch.testing.assert_close(learner(x, mode='loss')['loss'], distance(p1, t[1]) + distance(p2, t[0]))


@pytest.mark.parametrize('method', [SimSiam, BYOL, SimCLR])
def test_a_step_reaches_encoder_and_projector(method):
    learner = method(**SMALL)
    learner(views(), mode='loss')['loss'].backward()
    for name in ('backbone.conv1.weight', 'projector.0.weight'):
        assert learner.get_parameter(name).grad.abs().sum() > 0


def test_the_spread_of_outputs():
    # on the sphere of D dimensions a coordinate has the standard deviation 1 / sqrt(D)
    torch.manual_seed(0)
    assert float(spread_of(torch.randn(20_000, 64))) == pytest.approx(1.0, abs=0.01)
    assert float(spread_of(torch.ones(8, 64) * torch.rand(8, 1))) == pytest.approx(0.0, abs=1e-5)
    found = SimSiam(**SMALL)(views(), mode='loss')
    assert 0 < float(found['spread']) < 1.5 and not found['spread'].requires_grad


def test_pretrained_weights_are_taken(tmp_path: Path):
    donor = SimSiam(**SMALL)
    torch.save({'state_dict': donor.backbone.state_dict()}, tmp_path / 'donor.pth')
    assert read_checkpoint(tmp_path / 'donor.pth')
    cfg = dict(RESNET, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'donor.pth')))
    learner = SimSiam(**{**SMALL, 'backbone': cfg})
    learner.init_weights()
    assert torch.equal(learner.backbone.conv1.weight, donor.backbone.conv1.weight)


def test_an_encoder_takes_all_or_nothing():
    learner = SimSiam(**SMALL)
    encoder = dict(
        shared=dict(type='SharedEncoder', modalities=('t1', 't2'), backbone=RESNET),
        other=dict(type='ImageEncoder', modality='bus', backbone=dict(RESNET, base_channels=8, stem_channels=8)),
    )
    model = MultiModalClassifier(('t1', 't2', 'bus'), ('A', 'B'), encoder=encoder, fusion=dict(type='PoolFusion'))
    before = copy.deepcopy(model.encoder['other'].state_dict())
    assert learner.hand_over(model) == ['encoder.shared']
    assert all(torch.equal(v, before[k]) for k, v in model.encoder['other'].state_dict().items())
    assert torch.equal(model.encoder['shared'].backbone.conv1.weight, learner.backbone.conv1.weight)


def test_what_cannot_be():
    with pytest.raises(ValueError, match=r"SimSiam learns from pairs of views, and \['view2'\] is not in \['view1'\]"):
        SimSiam(**SMALL)(dict(view1=torch.rand(2, 3, 32, 32)))
    with pytest.raises(ValueError, match=r'momentum of BYOL must be at least 0\.5 and below 1, got 1'):
        BYOL(**SMALL, momentum=1)
    other = MultiModalClassifier(
        ('bus',), ('A', 'B'), encoder=dict(bus=dict(type='ImageEncoder', backbone=dict(RESNET, depth=34)))
    )
    with pytest.raises(ValueError, match=r"no encoder of the model can take .* \['ImageEncoder'\].* is a ResNet"):
        SimSiam(**{**SMALL, 'backbone': dict(RESNET, depth=50)}).fits(other)
    encoder = dict(bus=dict(type='ImageEncoder', backbone=RESNET))
    fusion = dict(type='ProjectedFusion', hidden_channels=16, embed_dims=9)
    with pytest.raises(ValueError, match='the projector of the fusion and that of the pre-training have different'):
        SimSiam(**SMALL).fits(MultiModalClassifier(('bus',), ('A', 'B'), encoder=encoder, fusion=fusion))
    with pytest.raises(NotImplementedError):
        ContrastiveLearner(**SMALL)(views(), mode='loss')
