"""The clinical head with a choice of its indicators."""

from __future__ import annotations

import io

import pytest
import torch

from usmm.models import ClinicalFusionHead
from usmm.structures import Variable

VARIABLES = [Variable('age'), Variable('side', values=('left', 'right')), Variable('size')]
TABLE = torch.tensor([[40.0, 0, 12], [60, 1, 18], [50, 1, 24]])
SCORES = torch.tensor([[0.2], [0.6], [0.9]])


def head(selected: list[bool], **options: bool) -> ClinicalFusionHead:
    torch.manual_seed(0)
    result = ClinicalFusionHead(VARIABLES, select=0.05, **options)
    result.fit(TABLE, selected)
    return result


def test_what_is_not_selected_changes_nothing() -> None:
    model = head([True, False, False])
    other = TABLE.clone()
    other[:, 1:] = torch.tensor([[1.0, 99], [float('nan'), -5], [0, 1e6]])
    assert torch.equal(model(SCORES, TABLE), model(SCORES, other))
    other[0, 0] = 90
    assert not torch.equal(model(SCORES, TABLE)[0], model(SCORES, other)[0])


def test_equals_a_head_whose_weights_of_the_others_are_0() -> None:
    model = head([False, True, False])
    torch.manual_seed(0)
    plain = ClinicalFusionHead(VARIABLES)
    plain.fit(TABLE)
    with torch.no_grad():
        plain.fc.weight[:, [1, 3]] = 0  # the image is column 0
    torch.testing.assert_close(model(SCORES, TABLE), plain(SCORES, TABLE))
    assert model.weights() == plain.weights() and model.weights()['age'] == 0
    assert model.not_selected == ['age', 'size'] and plain.not_selected == []


def test_no_gradient_reaches_what_is_not_selected() -> None:
    model = head([True, False, True])
    model(SCORES, TABLE).square().sum().backward()
    assert model.fc.weight.grad is not None
    assert model.fc.weight.grad[:, 2].eq(0).all() and model.fc.weight.grad[:, [0, 1, 3]].ne(0).all()
    assert all(p.grad is None or p.grad.eq(0).all() for p in model.encode.parameters())


def test_none_selected_leaves_the_image_score() -> None:
    model = head([False, False, False])
    assert torch.equal(model(SCORES[:1], TABLE[:1]), model(SCORES[:1], TABLE[1:2]))
    with pytest.raises(ValueError, match='none of the clinical variables is selected, and there is no image score'):
        head([False, False, False], use_image=False)


def test_the_choice_is_part_of_the_checkpoint() -> None:
    model, buffer = head([False, True, False]), io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = ClinicalFusionHead(VARIABLES, select=0.05)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert other.not_selected == ['age', 'size'] and torch.equal(other(SCORES, TABLE), model(SCORES, TABLE))
    assert 'selected' not in ClinicalFusionHead(VARIABLES).state_dict()  # weights without a choice load as before


@pytest.mark.parametrize('select', [0, 1, 5, -0.1])
def test_select_is_a_p_value(select: float) -> None:
    with pytest.raises(ValueError, match='the largest p value that is kept, between 0 and 1, got'):
        ClinicalFusionHead(VARIABLES, select=select)


def test_a_choice_where_it_belongs() -> None:
    with pytest.raises(ValueError, match=r'ClinicalFusionHead\(select=0.05\) was told to keep None'):
        ClinicalFusionHead(VARIABLES, select=0.05).fit(TABLE)
    with pytest.raises(ValueError, match=r'ClinicalFusionHead\(select=None\) was told to keep \[True\]'):
        ClinicalFusionHead(VARIABLES).fit(TABLE, [True])
    with pytest.raises(ValueError, match='one choice for each of 3 variables, got 1'):
        ClinicalFusionHead(VARIABLES, select=0.05).fit(TABLE, [True])
