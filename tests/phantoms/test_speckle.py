from __future__ import annotations

import cv2
import numpy as np
import pytest

from usmm.phantoms.rendering.contrast import Kinetics
from usmm.phantoms.rendering.scene import CANVAS, draw_scene
from usmm.phantoms.rendering.speckle import (
    RAYLEIGH_LOG_MEAN,
    compress,
    envelope_db,
    point_spread,
    scatterers,
    smooth_noise,
    smoothed,
)


def flat_speckle() -> np.ndarray:
    return envelope_db(np.random.default_rng(0), np.zeros((600, 500), np.float32))


def test_speckle_is_fully_developed():
    # a Rayleigh envelope: mean / std = sqrt(pi / (4 - pi)) = 1.913; in dB mean -2.51, std 5.57
    db = flat_speckle()
    amplitude = 10 ** (db / 20)
    assert amplitude.mean() / amplitude.std() == pytest.approx(1.913, abs=0.06)
    assert db.std() == pytest.approx(5.57, abs=0.2)
    assert db.mean() == pytest.approx(-10 * np.log10(np.e) * np.euler_gamma, abs=0.25)
    assert pytest.approx(-10 * np.log10(np.e) * np.euler_gamma, abs=0.01) == RAYLEIGH_LOG_MEAN


def width(db: np.ndarray, axis: int) -> float:
    """Correlation of the intensity of neighbours two pixels apart: the wider the speckle, the higher."""
    power = 10 ** (db / 10)
    a, b = (power[2:], power[:-2]) if axis == 0 else (power[:, 2:], power[:, :-2])
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_point_spread_widens_with_depth_and_lies_across_the_beam():
    db = flat_speckle()
    near, focus, deep = db[:60], db[250:310], db[-60:]
    assert width(deep, 1) > width(near, 1) + 0.05 > width(focus, 1) + 0.1
    for part in (near, focus, deep):
        assert width(part, 1) > width(part, 0)


def test_echo_level_moves_the_speckle_by_as_many_db():
    level = np.zeros((300, 300), np.float32)
    level[:, 150:] = -12
    db = envelope_db(np.random.default_rng(1), level)
    assert db[:, :140].mean() - db[:, 160:].mean() == pytest.approx(12, abs=0.5)


def test_point_spread_keeps_the_power():
    field = point_spread(scatterers(np.random.default_rng(0), (400, 400)), 1.5, 2.5)
    assert (field**2).sum(-1).mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize('sigma', [(0.8, 9), (4, 4), (20, 60)])
def test_smooth_noise_has_unit_variance_and_the_asked_grain(sigma):
    noise = smooth_noise(np.random.default_rng(2), (300, 400), sigma)
    assert noise.shape == (300, 400)
    assert noise.mean() == pytest.approx(0, abs=1e-4)
    assert noise.std() == pytest.approx(1, abs=1e-3)
    step = max(1, int(sigma[1] / 2))
    assert np.corrcoef(noise[:, step:].ravel(), noise[:, :-step].ravel())[0, 1] > 0.6


def test_compress_and_smooth():
    db = np.array([[20.0, 0.0, -8.0, -36.0, -90.0]])
    assert compress(db, top=0.0, dynamic_range=36.0).tolist() == [[255, 255, 198, 0, 0]]
    noisy = flat_speckle()
    assert smoothed(noisy).std() < 0.8 * noisy.std()
    assert smoothed(noisy).mean() == pytest.approx(noisy.mean(), abs=0.05)
    assert smoothed(noisy, 0.0) == pytest.approx(noisy)


def test_kinetics_rise_peak_and_fall():
    curve = Kinetics(arrival=10, rise=14, washout=0.1, peak=3.0).level(np.array([0.0, 10, 17, 24, 34, 84]))
    assert curve[0] == curve[1] == 3.0 - 26
    assert curve[2] == pytest.approx(3 - 13)  # half way up an S
    assert curve[3] == pytest.approx(3)
    assert curve[4:] == pytest.approx([2, -3])


def test_scenes_differ_and_stay_inside_the_field():
    scenes = [draw_scene(np.random.default_rng(i)) for i in range(12)]
    assert len({round(s.center[0], 6) for s in scenes}) == 12
    for scene in scenes:
        points = scene.polygon(CANVAS)
        assert (points > np.array([120, 60])).all() and (points < np.array([660, 560])).all()
        assert cv2.contourArea(points) == pytest.approx(scene.mask(CANVAS).sum(), rel=0.02)
        assert 20 < scene.spacing(CANVAS)[0] * CANVAS[1] < 60  # mm
    assert any(s.vessel is None for s in scenes) and any(s.vessel is not None for s in scenes)
