"""Overlays, sheets, bars and moving pictures: colours and places that can be told by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from usmm.visualization.figures.overlays import (
    BARS,
    ExplainedCase,
    contribution_bars,
    heat_sheet,
    outlined,
    overlay,
    pairs,
    save_moving,
)
from usmm.visualization.figures.sheets import LINE


def grey(level: int, *shape: int) -> np.ndarray:
    return np.full((*shape, 3), level, np.uint8)


def test_cold_is_blue_hot_is_red_and_the_picture_shines_through() -> None:
    heat = np.array([[0.0, 1.0]])
    cold, hot = overlay(grey(100, 1, 2), heat, 0.5)[0].astype(int)
    # the colour map runs from (0, 0, 128) to (128, 0, 0), half of it on half of the grey
    np.testing.assert_allclose(cold, [50, 50, 114], atol=1)
    np.testing.assert_allclose(hot, [114, 50, 50], atol=1)
    np.testing.assert_array_equal(overlay(grey(100, 1, 2), heat, 0.0), grey(100, 1, 2))


def test_without_heat_a_picture_is_grey() -> None:
    colour = np.zeros((2, 3, 3), np.uint8)
    colour[..., 0] = 200
    np.testing.assert_array_equal(overlay(colour, None), grey(round(0.299 * 200), 2, 3))


def test_frames_get_their_own_heat() -> None:
    heat = np.zeros((2, 4, 4))
    heat[1] = 1
    first, second = overlay(grey(80, 2, 4, 4), heat)
    assert first[..., 2].min() > first[..., 0].max() and second[..., 0].min() > second[..., 2].max()


@pytest.mark.parametrize('heat', [np.zeros((3, 3)), np.full((2, 2), 1.2), np.full((2, 2), -0.1)])
def test_heat_that_does_not_fit(heat: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'expected heat from 0 to 1 of shape \(2, 2\)'):
        overlay(grey(0, 2, 2), heat)


def test_the_border_of_the_mask_is_drawn() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:7, 2:7] = True
    drawn = (outlined(grey(10, 9, 9), mask) == 255).all(-1)
    border = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3))).astype(bool)
    np.testing.assert_array_equal(drawn, border)
    assert np.array_equal(outlined(grey(10, 9, 9), np.ones((3, 3), bool)), grey(10, 9, 9))


def test_pairs_show_the_picture_above_the_heat() -> None:
    case = ExplainedCase('c', dict(clip=grey(100, 3, 10, 20), ue=None), dict(clip=np.ones((3, 10, 20))))
    found = pairs(case, 'clip', 10)
    assert len(found) == 3 and found[0].shape == (20, 20, 3) and pairs(case, 'ue', 10) == []
    assert (found[0][:10] == 100).all() and (found[0][10:, :, 0] > found[0][10:, :, 2]).all()


def test_the_sheet_has_a_row_a_case_and_a_column_a_picture() -> None:
    pictures = dict(bus=grey(100, 32, 32), clip=grey(100, 5, 32, 32), ue=None)
    case = ExplainedCase('c', pictures, dict(bus=np.zeros((32, 32)), clip=np.zeros((5, 32, 32))))
    for frames, count in ((None, 6), (2, 3)):
        sheet = heat_sheet([case, case], height=32, frames=frames)
        assert (sheet == 100).all(-1).sum() == 2 * count * 32 * 32
    assert heat_sheet([case], 32).shape[0] < heat_sheet([case, case], 32).shape[0]


def test_notes_captions_bars_and_extras_are_drawn() -> None:
    plain = ExplainedCase('c', dict(bus=grey(100, 32, 32)))
    full = ExplainedCase(
        'c', dict(bus=grey(100, 32, 32)), notes=dict(bus='not used'), captions=dict(bus=['3 s']),
        contributions=dict(bus=0.5, ue=-0.1), extra={'curve': grey(77, 20, 40)},
    )  # fmt: skip
    one, two = heat_sheet([plain], 32), heat_sheet([full], 32)
    assert (two == BARS[0]).all(-1).any() and (two == BARS[1]).all(-1).any()
    assert abs(int((two == 77).all(-1).sum()) - 64 * 128) < 64  # and a few pixels of letters
    top, bottom = slice(LINE, 2 * LINE + 6), slice(-LINE, None)
    assert (two[top] < 200).sum() > (one[top] < 200).sum() and (two[bottom] < 200).sum() > (one[bottom] < 200).sum()


def test_lengths_of_bars_are_the_values() -> None:
    bars = contribution_bars(dict(a=0.4, b=-0.2, c=0.0), 90, 400)
    right, left = ((bars == colour).all(-1) for colour in BARS)
    wide, narrow = np.ptp(np.nonzero(right[:30])[1]), np.ptp(np.nonzero(left)[1])
    assert wide == pytest.approx(2 * narrow, abs=2)
    assert np.nonzero(right[:30])[1].mean() > np.nonzero(left)[1].mean()
    assert contribution_bars(dict(a=0.0), 20).shape == (20, 190, 3)


def test_moving_pictures(tmp_path: Path) -> None:
    path = save_moving([grey(level, 8, 8) for level in (0, 120, 250)], tmp_path / 'a' / 'b.gif', 200)
    with Image.open(path) as image:
        assert (image.n_frames, image.info['duration'], image.info['loop']) == (3, 200, 0)
        levels = []
        for i in range(3):
            image.seek(i)
            levels.append(np.asarray(image.convert('RGB'))[0, 0, 0])
    np.testing.assert_allclose(levels, [0, 120, 250], atol=3)
    assert [p.name for p in path.parent.iterdir()] == ['b.gif']
    with pytest.raises(ValueError, match='one frame or more'):
        save_moving([], tmp_path / 'c.gif')
