from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from usmm.export import OnnxModel, random_batches
from usmm.export.cases import picture, random_row
from usmm.structures import Variable


@pytest.fixture
def model(saved: Callable[..., Path]) -> OnnxModel:
    return OnnxModel(saved(), threads=1)


@pytest.mark.parametrize(('count', 'sizes'), [(1, [1]), (2, [1, 1]), (9, [1, 4, 4]), (12, [1, 4, 4, 3])])
def test_sizes_of_the_batches(model: OnnxModel, count: int, sizes: list[int]) -> None:
    batches = list(random_batches(model, count, batch_size=4))
    assert [len(b['clinical']) for b in batches] == sizes
    assert [b['inputs']['clip'].shape for b in batches] == [(s, 3, 2, 4, 4) for s in sizes]


@pytest.mark.parametrize('kwargs', [dict(count=0), dict(count=3, batch_size=0)])
def test_numbers_below_one(model: OnnxModel, kwargs: dict) -> None:
    with pytest.raises(ValueError, match='count and batch_size must be 1 or more'):
        next(random_batches(model, **kwargs))


def test_every_case_keeps_a_stream_and_some_lack_one(model: OnnxModel) -> None:
    (_, batch) = random_batches(model, 401, batch_size=400)
    bus, clip = batch['present']['bus'], batch['present']['clip']
    assert np.all(bus | clip) and 0 < np.sum(~bus) < 200 and 0 < np.sum(~clip) < 200
    assert not batch['inputs']['bus'][~bus].any()
    assert 0.1 < np.isnan(batch['clinical']).mean() < 0.2


def test_a_model_that_needs_everything_gets_everything(saved: Callable[..., Path]) -> None:
    model = OnnxModel(saved(optional=False), threads=1)
    assert all(b['present'] is None for b in random_batches(model, 20))


def test_the_seed_decides(model: OnnxModel) -> None:
    a, b, c = (next(random_batches(model, 1, seed))['inputs']['bus'] for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_pictures_cover_the_range() -> None:
    rng = np.random.default_rng(0)
    pixels = np.stack([picture((3, 16, 24), rng) for _ in range(20)])
    assert pixels.dtype == np.uint8 and pixels.shape == (20, 3, 16, 24)
    assert (pixels.min(), pixels.max()) == (0, 255) and pixels.mean((1, 2, 3)).std() > 5


def test_rows_are_within_range_and_categories() -> None:
    rng = np.random.default_rng(0)
    variables = [Variable('age', range=(20, 30)), Variable('side', values=('l', 'r'))]
    rows = np.stack([random_row(variables, rng) for _ in range(200)])
    known = rows[~np.isnan(rows).any(1)]
    assert known[:, 0].min() >= 20 and known[:, 0].max() <= 30 and set(known[:, 1]) == {0.0, 1.0}
