"""Contact sheets: pictures stand where they should, at their size."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from usmm.visualization.figures import sheets
from usmm.visualization.figures.sheets import OUTLINE, SheetRow, draw_sheet

RED, BLUE = (255, 0, 0), (0, 0, 255)


def plain(colour: tuple[int, int, int], *shape: int) -> np.ndarray:
    return np.full((*shape, 3), colour, np.uint8)


def area(sheet: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Number of pixels of a colour, and height and width of the box around them."""
    rows, columns = np.nonzero((sheet == colour).all(axis=2))
    return len(rows), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_example() -> None:
    assert doctest.testmod(sheets).failed == 0


def test_pictures_have_the_height_asked_for_and_keep_their_shape() -> None:
    sheet = draw_sheet([SheetRow('case', pictures=dict(bus=plain(RED, 50, 100), ue=plain(BLUE, 200, 100)))], height=80)
    assert area(sheet, RED) == (80 * 160, 80, 160)
    assert area(sheet, BLUE) == (80 * 40, 80, 40)
    red, blue = ((sheet == colour).all(axis=2).any(axis=0).argmax() for colour in (RED, BLUE))
    assert red < blue
    assert sheet.dtype == np.uint8


def test_a_clip_is_a_strip_in_time_order() -> None:
    frames = np.stack([plain((10 * n, 0, 200), 20, 20) for n in range(5)])
    sheet = draw_sheet([SheetRow('case', pictures=dict(dceus=frames), captions=dict(dceus=['0.0 s']))], height=40)
    starts = [int((sheet == (10 * n, 0, 200)).all(axis=2).any(axis=0).argmax()) for n in range(5)]
    assert np.diff(starts).tolist() == [42] * 4


def test_a_missing_modality_is_a_grey_square() -> None:
    sheet = draw_sheet([SheetRow('case', pictures=dict(ue=None))], height=32)
    grey = (sheet == 225).all(axis=2).sum(axis=1)  # letters may have a pixel of this grey
    assert (grey == 32).sum() == 32


def test_outline_follows_the_mask() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:20, 5:35] = True
    row = SheetRow('case', pictures=dict(bus=plain(BLUE, 40, 40)), outlines=dict(bus=mask))
    assert area(draw_sheet([row], height=40), OUTLINE) == (2 * 30 + 2 * 8, 10, 30)
    other = SheetRow('case', pictures=dict(bus=plain(BLUE, 40, 40)), outlines=dict(bus=mask[:20]))
    assert not (draw_sheet([other], height=40) == OUTLINE).all(axis=2).any()


def test_rows_stand_below_one_another_with_room_for_text() -> None:
    one = SheetRow('one', pictures=dict(bus=plain(RED, 20, 20)))
    two = SheetRow('two', text='word ' * 100, pictures=dict(bus=plain(BLUE, 20, 900)))
    sheet = draw_sheet([one, two], height=20)
    assert sheet.shape[1] > 900
    assert np.nonzero((sheet == RED).all(axis=2))[0].max() < np.nonzero((sheet == BLUE).all(axis=2))[0].min()
    assert draw_sheet([two], 20).shape[0] > draw_sheet([SheetRow('two', pictures=two.pictures)], 20).shape[0]
    assert draw_sheet([SheetRow('bare')]).shape[1] == sheets.MIN_WIDTH


@pytest.mark.parametrize(
    ('rows', 'height', 'words'),
    [
        ([], 100, 'a sheet needs one row or more'),
        ([SheetRow('a')], 8, 'height must be 16 or more, got 8'),
        (
            [SheetRow('a', pictures=dict(bus=np.zeros((3, 9, 9), np.uint8)))],
            20,
            r'bus: expected .* got \(3, 9, 9\) uint8',
        ),
        ([SheetRow('a', pictures=dict(ue=np.zeros((9, 9, 3))))], 20, r'ue: expected .* got \(9, 9, 3\) float64'),
    ],
)
def test_refuses(rows: list[SheetRow], height: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw_sheet(rows, height)
