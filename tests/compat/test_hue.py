from __future__ import annotations

import inspect
from typing import Any

import cv2
import mmcv
import numpy as np
import pytest
from mmcv.image import photometric

from usmm.compat.hue import negative_hue

PLACES = (mmcv, mmcv.image, photometric)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Any:
    """mmcv's own function, also where the mend has been applied before."""
    original = inspect.unwrap(photometric.adjust_hue)
    for place in PLACES:
        monkeypatch.setattr(place, 'adjust_hue', original)
    return original


def turned(picture: np.ndarray, levels: int) -> np.ndarray:
    """The picture with its hue turned by so many of 256 levels, counted in wide integers."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV_FULL).astype(int)
    hsv[..., 0] = (hsv[..., 0] + levels) % 256
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR_FULL)


@pytest.mark.parametrize(
    ('factor', 'levels'), [(-0.5, -127), (-0.1, -25), (-0.001, 0), (0.0, 0), (0.1, 25), (0.5, 127)]
)
def test_a_turn_either_way_is_that_many_levels(picture: np.ndarray, upstream: Any, factor: float, levels: int) -> None:
    negative_hue()
    for place in PLACES:
        np.testing.assert_array_equal(place.adjust_hue(picture, factor), turned(picture, levels))


def test_it_was_broken_before_and_pillow_is_mended_too(upstream: Any) -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 2] = 255
    if np.lib.NumpyVersion(np.__version__) >= '2.0.0':
        with pytest.raises(OverflowError, match='out of bounds'):
            upstream(red, -1 / 3, backend='pillow')
    negative_hue()
    # a third of the circle backwards from red is blue
    np.testing.assert_allclose(mmcv.adjust_hue(red, -1 / 3, backend='pillow')[0, 0], [255, 0, 0], atol=6)
    np.testing.assert_allclose(mmcv.adjust_hue(red, -1 / 3, backend='cv2')[0, 0], [255, 0, 0], atol=6)


def test_a_factor_out_of_range_is_still_an_error(picture: np.ndarray, upstream: Any) -> None:
    negative_hue()
    with pytest.raises(ValueError, match='not in'):
        mmcv.adjust_hue(picture, -0.6)


def test_a_function_that_wraps_round_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def healthy(img: np.ndarray, hue_factor: float, backend: str | None = None) -> np.ndarray:
        return img

    monkeypatch.setattr(mmcv, 'adjust_hue', healthy)
    assert negative_hue() is False
    assert mmcv.adjust_hue is healthy
