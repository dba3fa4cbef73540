"""Costs against closed forms and the paper's counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from usmm.models import MultiModalClassifier
from usmm.models.complexity import classifier_complexity, complexity, count_parameters

NAMES = ('t1', 't2', 'oop')


def test_closed_forms():
    net = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 25, 7))
    found = complexity(net, lambda: net(torch.zeros(1, 4, 5, 5)), repeats=3)
    assert found.parameters == 6 * 2 * 9 + 6 + 150 * 7 + 7
    assert found.multiply_adds == 25 * 6 * 2 * 9 + 150 * 7
    assert found.seconds > 0 and net.training


def test_costs_of_the_paper():
    encoder = dict(shared=dict(type='SharedEncoder'))
    model = MultiModalClassifier(NAMES, ('I', 'II'), encoder=encoder, fusion=dict(type='CrossModalityGroupConv'))
    found = classifier_complexity(model, {n: torch.zeros(1, 3, 200, 200) for n in NAMES})
    assert found['encoder'].parameters == 7_700_994
    assert found['encoder'].multiply_adds / 3e6 == pytest.approx(589, abs=0.5)
    assert found['fusion'].parameters == 1_486_848 + 4 * 2 * 1408  # and the batch norms
    assert found['fusion'].multiply_adds / 1e6 == pytest.approx(72.86, abs=0.005)
    assert found['head'].multiply_adds == 2 * 1408
    assert found['all'].parameters == sum(found[p].parameters for p in ('encoder', 'fusion', 'head'))
    assert count_parameters(model) == found['all'].parameters


def test_what_cannot_be():
    with pytest.raises(ValueError, match='repeats must be 0 or more, got -1'):
        complexity(nn.Identity(), lambda: None, -1)
    table = MultiModalClassifier(
        ('clinical',), ('A', 'B'), clinical=dict(type='ClinicalFusionHead'), schema=dict(clinical=[dict(name='age')])
    )
    with pytest.raises(ValueError, match=r"a model of \('clinical',\) has no encoder whose cost could be measured"):
        classifier_complexity(table, {})
