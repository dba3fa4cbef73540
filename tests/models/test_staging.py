from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.logging import MMLogger
from torch import nn

from usmm.models.staging import StagedModel


class Toy(StagedModel):
    def __init__(self, clinical: bool = True) -> None:
        super().__init__(nn.Identity())
        self.encoder = nn.ModuleDict(
            {s: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)) for s in ('static', 'dynamic')}
        )
        self.head = nn.Linear(4, 2)
        self.clinical = nn.Linear(2, 2) if clinical else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        maps = self.encoder['static'](x) + self.encoder['dynamic'](x)
        logits = self.head(maps.mean((2, 3)))
        return logits if self.clinical is None else self.clinical(logits)


def learning(model: Toy) -> set[str]:
    return {'.'.join(name.split('.')[:2]) for name, p in model.named_parameters() if p.requires_grad}


ENCODERS = {'encoder.static', 'encoder.dynamic'}
HEAD, CLINICAL = {'head.weight', 'head.bias'}, {'clinical.weight', 'clinical.bias'}


@pytest.mark.parametrize(
    ('spec', 'expected'),
    [
        ('all', ENCODERS | HEAD | CLINICAL),
        ('clinical', CLINICAL),
        ('all but clinical', ENCODERS | HEAD),
        (['head'], HEAD),
        (['encoder.static', 'clinical'], {'encoder.static'} | CLINICAL),
    ],
)
def test_what_a_stage_trains(spec: Any, expected: set[str]) -> None:
    model = Toy()
    model.trainable(spec)
    assert learning(model) == expected
    model.train()
    for name, module in model.encoder.named_modules():
        if isinstance(module, nn.BatchNorm2d | nn.Dropout):
            assert module.training == (f'encoder.{name.split(".")[0]}' in expected)
    assert model.eval().training is False
    assert not any(m.training for m in model.modules())


def test_stages_follow_each_other() -> None:
    model = Toy()
    for spec, expected in (
        ('clinical', CLINICAL),
        ('all but clinical', ENCODERS | HEAD),
        ('all', ENCODERS | HEAD | CLINICAL),
    ):
        model.trainable(spec)
        assert learning(model) == expected


def test_a_frozen_part_is_bit_equal_after_training() -> None:
    model = Toy()
    model.trainable(['head', 'encoder.dynamic'])
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(4, 3, 8, 8)).square().sum().backward()
        optimizer.step()
    changed = {'.'.join(k.split('.')[:2]) for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {'encoder.dynamic'} | HEAD


def test_freeze_adds_to_what_is_frozen() -> None:
    model = Toy()
    model.freeze(['encoder.static'])
    model.freeze(['head'])
    model.train()
    assert learning(model) == {'encoder.dynamic'} | CLINICAL
    assert not model.encoder['static'].training
    assert model.encoder['dynamic'].training


def test_freezing_forgets_gradients() -> None:
    model = Toy()
    model(torch.randn(2, 3, 8, 8)).sum().backward()
    model.trainable('clinical')
    assert model.head.weight.grad is None
    assert model.clinical is not None
    assert model.clinical.weight.grad is not None


def test_parameters_that_a_backbone_froze_itself_stay_frozen() -> None:
    model = Toy()
    model.encoder['static'][0].weight.requires_grad_(False)
    model.trainable('clinical')
    model.trainable('all')
    assert not model.encoder['static'][0].weight.requires_grad
    assert model.encoder['static'][0].bias.requires_grad


def test_learns() -> None:
    model = Toy(clinical=False)
    assert (model.learns('head'), model.learns('clinical'), model.learns('fusion')) == (True, False, False)
    model.freeze(['head'])
    assert not model.learns('head')


def test_resolve_is_empty_where_a_model_has_no_such_part() -> None:
    assert Toy(clinical=False).resolve('clinical') == ()
    assert Toy(clinical=False).resolve('all but clinical') == ('encoder', 'head')


def test_nothing_to_train() -> None:
    with pytest.raises(ValueError, match=r"nothing to train: 'clinical' .* parts are \('encoder', 'head'\)"):
        Toy(clinical=False).trainable('clinical')


def test_unknown_spec() -> None:
    with pytest.raises(ValueError, match=r"must be one of .* got 'everything'"):
        Toy().trainable('everything')


@pytest.mark.parametrize('method', ['trainable', 'freeze'])
def test_unknown_part(method: str) -> None:
    with pytest.raises(ValueError, match=r"this model has no part \['neck'\]"):
        getattr(Toy(), method)(['head', 'neck'])


def test_initialisation_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(MMLogger, 'info', lambda self, line, *args: lines.append(line))
    Toy().init_weights()
    assert lines == []
