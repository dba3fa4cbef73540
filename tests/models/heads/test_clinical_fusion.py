from __future__ import annotations

import io
import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from usmm.models import ClinicalFusionHead
from usmm.structures import Variable

NAN = float('nan')
AGE, SIDE, SIZE = Variable('age'), Variable('side', values=('left', 'right', 'both')), Variable('size', unit='mm')
TABLE = torch.tensor([[40.0, 0, 12], [60, 1, NAN], [50, 2, 18], [NAN, NAN, 24]])


def fitted(**options: Any) -> ClinicalFusionHead:
    head = ClinicalFusionHead([AGE, SIDE, SIZE], **options)
    head.fit(TABLE)
    return head


def naive(head: ClinicalFusionHead, score: float, row: list[float]) -> list[float]:
    """Step 3 by hand, with mean and standard deviation of TABLE written out."""
    age = 0.0 if math.isnan(row[0]) else (row[0] - 50) / math.sqrt(200 / 3)
    size = 0.0 if math.isnan(row[2]) else (row[2] - 18) / math.sqrt(24)
    slot = int(row[1]) if row[1] in (0, 1, 2) else 3
    layer = head.encode[0]
    side = float(layer.weight[0, slot] + layer.bias[0])
    inputs = [score, age, max(side, 0.0) if head.relu else side, size]
    return [sum(w * x for w, x in zip(head.fc.weight[k].tolist(), inputs)) + float(head.fc.bias[k]) for k in range(2)]


@pytest.mark.parametrize('relu', [True, False])
@pytest.mark.parametrize('row', [[45.0, 1, 20], [NAN, 2, NAN], [70, NAN, 3], [70, 9, 3], [70, -1, 3]])
@torch.no_grad()
def test_equals_step_3_by_hand(relu: bool, row: list[float]) -> None:
    head = fitted(relu=relu)
    ours = head(torch.tensor([[0.7]]), torch.tensor([row]))
    torch.testing.assert_close(ours[0], torch.tensor(naive(head, 0.7, row)))


def test_the_papers_head_has_seven_numbers() -> None:
    """One image score, three numbers, three categories."""
    categories = [Variable('gender', values=('F', 'M')), SIDE, Variable('level', values=('2', '3', '4', '5', '6'))]
    head = ClinicalFusionHead([AGE, SIZE, Variable('TD'), *categories])
    assert head.fc.weight.shape == (2, 7)
    assert [layer.in_features for layer in head.encode] == [3, 4, 6]


@torch.no_grad()
def test_weights_are_the_positive_classs_row() -> None:
    head = fitted(positive=0)
    rows = head.fc.weight.tolist()
    names = ['image', 'age', 'side', 'size']
    assert head.weights() == dict(zip(names, rows[0]))
    difference = dict(zip(names, (a - b for a, b in zip(*rows))))
    assert head.weights(contrast=True) == pytest.approx(difference)


def test_the_image_score_is_the_positive_classs_probability() -> None:
    probabilities = torch.tensor([[0.2, 0.8]])
    assert fitted(positive=0).image_scores(probabilities).tolist() == [pytest.approx([0.2])]
    assert fitted(positive=1).image_scores(probabilities).tolist() == [pytest.approx([0.8])]


def test_more_classes_than_two_give_all_probabilities() -> None:
    head = fitted(num_classes=3, positive=2)
    probabilities = torch.tensor([[0.2, 0.3, 0.5]])
    assert torch.equal(head.image_scores(probabilities), probabilities)
    assert head(probabilities, TABLE[:1]).shape == (1, 3)
    assert list(head.weights()) == ['image_0', 'image_1', 'image_2', 'age', 'side', 'size']


def test_without_images() -> None:
    head = fitted(use_image=False)
    assert head(None, TABLE).shape == (4, 2)
    assert list(head.weights()) == ['age', 'side', 'size']


def test_a_constant_or_empty_column_stays_finite() -> None:
    head = ClinicalFusionHead([AGE, SIZE])
    head.fit(torch.tensor([[50.0, NAN], [50.0, NAN]]))
    assert head.std.tolist() == [1, 1]
    assert bool(head(torch.zeros(1, 1), torch.tensor([[80.0, 3.0]])).isfinite().all())


@pytest.mark.parametrize('seed', range(20))
def test_no_category_starts_dead(seed: int) -> None:
    torch.manual_seed(seed)
    head = ClinicalFusionHead([SIDE, Variable('gender', values=('F', 'M'))])
    for layer in head.encode:
        assert bool((layer.weight + layer.bias > 0).all())


def test_loss_is_the_cross_entropy() -> None:
    head, target = fitted(), torch.tensor([0, 1, 0, 1])
    logits = head(torch.rand(4, 1), TABLE)
    torch.testing.assert_close(head.loss(logits, target)['loss_clinical'], F.cross_entropy(logits, target))


def test_stays_float32_under_autocast() -> None:
    head, scores = fitted(), torch.rand(4, 1)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = head(scores.bfloat16().float(), TABLE)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, head(scores.bfloat16().float(), TABLE))


def test_the_fit_survives_a_safe_checkpoint() -> None:
    buffer = io.BytesIO()
    head = fitted()
    torch.save(head.state_dict(), buffer)
    buffer.seek(0)
    other = ClinicalFusionHead([AGE, SIDE, SIZE])
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(other(torch.ones(4, 1), TABLE), head(torch.ones(4, 1), TABLE))


def test_must_be_fitted() -> None:
    with pytest.raises(ValueError, match='ClinicalFusionHead is not fitted: call fit'):
        ClinicalFusionHead([AGE])(torch.ones(1, 1), torch.ones(1, 1))


@pytest.mark.parametrize(('use_image', 'scores'), [(True, None), (False, torch.ones(4, 1))])
def test_image_scores_as_built_for(use_image: bool, scores: torch.Tensor | None) -> None:
    with pytest.raises(ValueError, match=rf'use_image={use_image}\) got image scores'):
        fitted(use_image=use_image)(scores, TABLE)


def test_width_of_the_table() -> None:
    with pytest.raises(ValueError, match=r"\(B, 3\) for \['age', 'side', 'size'\], got \(4, 2\)"):
        fitted()(torch.ones(4, 1), TABLE[:, :2])


def test_needs_variables() -> None:
    with pytest.raises(ValueError, match='needs one clinical variable or more'):
        ClinicalFusionHead([])


def test_needs_the_categories() -> None:
    with pytest.raises(ValueError, match=r"values='auto' of \['side'\] must be replaced"):
        ClinicalFusionHead([dict(name='side', values='auto')])


def test_reads_its_own_columns_of_a_wider_table() -> None:
    torch.manual_seed(0)
    alone = ClinicalFusionHead([SIZE, SIDE])
    wide = ClinicalFusionHead([SIZE, SIDE], columns=[2, 1])
    wide.load_state_dict(alone.state_dict())
    alone.fit(TABLE[:, [2, 1]])
    wide.fit(TABLE)
    score = torch.tensor([[0.3], [0.6], [0.1], [0.9]])
    torch.testing.assert_close(wide(score, TABLE), alone(score, TABLE[:, [2, 1]]))
    assert float(wide.mean) == 18
