"""Curves of clips with known grey values, and the kinetics that phantoms were drawn with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from usmm.datasets.transforms import lesion_curve
from usmm.evaluation.stats.time_intensity import time_intensity
from usmm.phantoms.rendering import contrast
from usmm.phantoms.rendering.scene import draw_scene
from usmm.phantoms.write import write_clip
from usmm.readers import DataError

SIZE = (360, 440)


@pytest.fixture
def clip(tmp_path: Path) -> tuple[Path, Path]:
    """20 frames a tenth of a second apart: the lesion has grey value 5 t, the rest is white."""
    file, mask = tmp_path / 'clip.avi', np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 255
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*'FFV1'), 10, (64, 48))
    for t in range(20):
        frame = np.full((48, 64, 3), 255, np.uint8)
        frame[mask > 0] = 5 * t
        writer.write(frame)
    writer.release()
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    return file, tmp_path / 'mask.png'


def test_grey_values_and_times(clip: tuple[Path, Path]) -> None:
    times, grey = lesion_curve(clip[0], [clip[1]], time_factor=10)
    np.testing.assert_allclose(times, np.arange(20), atol=0.02)
    np.testing.assert_allclose(grey, 5 * np.arange(20), atol=1.5)
    assert len(lesion_curve(clip[0], [clip[1]], step=0.5)[0]) == 4


def test_what_is_refused(clip: tuple[Path, Path], tmp_path: Path) -> None:
    for name, mask in (('small', np.full((4, 4), 255, np.uint8)), ('empty', np.zeros((48, 64), np.uint8))):
        Image.fromarray(mask).save(tmp_path / f'{name}.png')
    with pytest.raises(DataError, match=r'the mask is 4x4, the clip 64x48 \(width x height\)'):
        lesion_curve(clip[0], [tmp_path / 'small.png'])
    with pytest.raises(DataError, match='the mask is empty'):
        lesion_curve(clip[0], [tmp_path / 'empty.png'])
    with pytest.raises(ValueError, match='time_factor must be positive, got 0'):
        lesion_curve(*clip[:1], [clip[1]], time_factor=0)


def test_kinetics_of_phantoms_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six patients, from weak to strong enhancement: what was drawn is measured through the video file."""
    planted = []
    original = contrast._kinetics

    def spy(rng, latent):
        planted.append(original(rng, latent))
        return planted[-1]

    monkeypatch.setattr(contrast, '_kinetics', spy)
    peaks, levels = [], []
    for i, latent in enumerate((-2.0, -1.0, 0.0, 1.0, 2.0, 3.0)):
        scene = draw_scene(np.random.default_rng(i))
        mask = scene.mask(SIZE, contrast.ZOOM)
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f'{i}.png')
        frames = contrast.draw_contrast(scene, latent, SIZE, np.random.default_rng(i), 180)
        write_clip(tmp_path / f'{i}.mp4', frames, 20.0, contrast.gold())
        found = time_intensity(*lesion_curve(tmp_path / f'{i}.mp4', [tmp_path / f'{i}.png'], time_factor=10))
        node = planted[-1][1]
        assert node.arrival < found.arrival < node.arrival + node.rise / 2
        assert found.time_to_peak == pytest.approx(node.arrival + node.rise, abs=2)
        # the display turns dB into grey values, and its colours into about 0.9 of them; dark voids do not fall further
        assert -found.wash_out_slope == pytest.approx(node.washout * contrast.GREY_PER_DB, rel=0.3)
        peaks.append(found.peak_intensity)
        levels.append(node.peak + scene.gain)
    assert spearmanr(peaks, levels).statistic > 0.9
