"""Colour jitter against other libraries, and what must never change."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from usmm.datasets.transforms import ColourJitter
from usmm.datasets.transforms.colour import scale_grey, turn_hue
from usmm.structures import Case


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (12, 14, 3), dtype=np.uint8)


@pytest.mark.parametrize('factor', [0.5, 0.9, 1.3])
def test_brightness_and_contrast_equal_pillow(factor: float) -> None:
    image = picture()
    for ours, enhance in (
        (scale_grey(image, factor, 1.0), ImageEnhance.Brightness),
        (scale_grey(image, 1.0, factor), ImageEnhance.Contrast),
    ):
        theirs = np.asarray(enhance(Image.fromarray(image)).enhance(factor)).astype(int)
        assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize('hue', [-0.5, -0.3, -0.01, 0.0, 0.2, 0.5])
def test_hue_equals_the_standard_library_also_below_zero(hue: float) -> None:
    image = picture(1)
    expected = np.empty(image.shape)
    for at in np.ndindex(image.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*(image[at] / 255))
        expected[at] = np.multiply(colorsys.hsv_to_rgb((h + hue) % 1, s, v), 255)
    assert np.abs(turn_hue(image, hue, 1.0) - expected).max() <= 8  # hue has 256 steps here
    assert np.abs(turn_hue(image, hue, 1.0) - expected).mean() < 1.5


@pytest.mark.parametrize('saturation', [0.0, 0.5, 1.4])
def test_saturation_scales_the_distance_to_grey(saturation: float) -> None:
    image = picture(2)
    out = turn_hue(image, 0.0, saturation).astype(float)
    spread = image.max(-1).astype(float) - image.min(-1)
    expected = np.minimum(spread * saturation, image.max(-1))
    assert np.abs((out.max(-1) - out.min(-1)) - expected).max() <= 3
    assert (out.max(-1) == image.max(-1)).all()


def test_black_stays_black_and_grey_stays_grey() -> None:
    grey = np.repeat(picture()[..., :1], 3, -1)
    out = ColourJitter(0.5, 0.5, 0.5, 0.5, prob=1.0)(Case('c', 'p', data={'bus': grey.copy()})).data['bus']
    assert (out == out[..., :1]).all()
    assert (scale_grey(np.zeros((4, 4, 3), np.uint8), 1.4, 0.6) == 0).all()


def test_by_default_colours_keep_their_hue() -> None:
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[0, 0], colours[0, 1], colours[1, 0] = (200, 0, 0), (0, 150, 0), (0, 0, 100)
    jitter = ColourJitter()
    params = jitter.draw(np.random.default_rng(0))
    assert (params['hue'], params['saturation']) == (0.0, 1.0)
    out = jitter.apply(colours, dict(params, contrast=1.0))
    assert (np.argmax(out[:2, :1], -1) == np.argmax(colours[:2, :1], -1)).all()
    assert ((out > 0) == (colours > 0)).all()


def test_modalities_are_drawn_apart_and_frames_together() -> None:
    image = picture()
    data = {'bus': image, 'cdfi': image.copy(), 'ue': image.copy(), 'dceus': np.stack([image] * 3)}
    case = ColourJitter(0.5, 0.5, modalities=('bus', 'cdfi', 'dceus'), prob=1.0)(Case('c', 'p', data=data))
    assert (case.data['bus'] != case.data['cdfi']).any()
    assert (case.data['ue'] == image).all()
    assert (case.data['dceus'] == case.data['dceus'][:1]).all()
    assert set(case.info['draws']) == {'ColourJitter/bus', 'ColourJitter/cdfi', 'ColourJitter/dceus'}


def test_draws_stay_in_their_range() -> None:
    jitter, rng = ColourJitter(0.1, 0.2, 0.3, 0.4), np.random.default_rng(0)
    drawn = [jitter.draw(rng) for _ in range(500)]
    for name, middle, width in (('brightness', 1, 0.1), ('contrast', 1, 0.2), ('saturation', 1, 0.3), ('hue', 0, 0.4)):
        values = [d[name] for d in drawn]
        assert middle - width <= min(values) < middle - 0.95 * width
        assert middle + 0.95 * width < max(values) <= middle + width


@pytest.mark.parametrize('options', [dict(hue=0.6), dict(contrast=-0.1), dict(saturation=1.5)])
def test_ranges_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r'must lie in 0 to 1 and hue in 0 to 0.5'):
        ColourJitter(**options)
