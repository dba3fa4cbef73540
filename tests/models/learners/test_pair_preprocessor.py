"""Each row of a view is normalised by its own modality."""

from __future__ import annotations

import pytest
import torch

from usmm.models import PairPreprocessor
from usmm.structures import Case

MEAN = dict(t1=(75.0,) * 3, t2=(52.0, 50.0, 48.0))
STD = dict(t1=(64.0,) * 3, t2=(44.0,) * 3)


def case(*drawn: str) -> Case:
    return Case('c', 'p', info=dict(views=dict(modalities=drawn)))


def test_rows_are_normalised_by_their_modality():
    x = {view: torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8) for view in ('view1', 'view2')}
    cases = [case('t1', 't2'), case('t2', 't1')]
    found = PairPreprocessor(MEAN, STD)(dict(inputs=x, data_samples=cases))
    assert found['data_samples'] == cases
    for view, place in (('view1', 0), ('view2', 1)):
        for row in (0, 1):
            name = cases[row].info['views']['modalities'][place]
            for c in range(3):
                expected = (x[view][row, c].float() - MEAN[name][c]) / STD[name][c]
                torch.testing.assert_close(found['inputs'][view][row, c], expected)


def test_one_mean_for_all():
    x = torch.full((1, 3, 2, 2), 30, dtype=torch.uint8)
    found = PairPreprocessor((10.0,) * 3, (5.0,) * 3)(
        dict(inputs=dict(view1=x, view2=x), data_samples=[case('a', 'b')])
    )
    assert found['inputs']['view2'].unique().tolist() == [4.0]


def test_batches_that_cannot_be():
    x = dict(view1=torch.zeros(1, 3, 2, 2, dtype=torch.uint8), view2=torch.zeros(1, 3, 2, 2, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r'PairPreprocessor expects a collated batch .* got list'):
        PairPreprocessor()([x])
    with pytest.raises(ValueError, match='expects a batch of PairedViews, whose cases name their modalities'):
        PairPreprocessor()(dict(inputs=x, data_samples=[Case('c', 'p')]))
    with pytest.raises(ValueError, match=r"no mean for modality 'oop'; it has \['t1', 't2'\]"):
        PairPreprocessor(MEAN, STD)(dict(inputs=x, data_samples=[case('t1', 'oop')]))
