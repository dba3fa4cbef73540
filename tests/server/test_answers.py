"""A prediction as plain data: heat that is clear where it is cold, frames with their times."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest

from usmm.apis import Prediction
from usmm.server.answer_types import Seconds
from usmm.server.answers import answer_of, explanation_of, heat_colours, preview_of
from usmm.server.decode.replies import Reply


def pixels(uri: str) -> np.ndarray:
    content = np.frombuffer(base64.b64decode(uri.partition(',')[2]), np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)


def explained(frames: int = 3, side: int = 8) -> Prediction:
    heat = np.linspace(0, 1, frames, dtype=np.float32)[:, None, None].repeat(side, 1).repeat(side, 2)
    clip = (np.arange(frames, dtype=np.uint8))[:, None, None, None] * np.ones((1, side, side, 3), np.uint8)
    return Prediction(
        'c', 'p', {'A': 0.25, 'B': 0.75}, 'B', heat={'clip': heat}, heat_notes={'bus': 'not used'},
        pictures={'clip': clip, 'bus': clip[0]}, contributions={'clip': 0.2, 'bus': 0.05}, baseline=0.5,
    )  # fmt: skip


def test_heat_is_clear_where_it_is_cold() -> None:
    colours = heat_colours(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert colours[0, :, 3].tolist() == [0, 100, 200, 0]
    assert colours[0, 2, 0] > colours[0, 2, 2] and colours[0, 0, 2] > colours[0, 0, 0]  # hot is red, cold is blue


def test_frames_stand_beside_their_heat_and_times() -> None:
    found = explanation_of(explained(), {'clip': [0.0, None, 2.0], 'bus': None})
    assert found is not None and found['class'] == 'B' and found['baseline'] == 0.5
    assert [pixels(uri)[0, 0, 0] for uri in found['pictures']['clip']] == [0, 1, 2]
    assert [pixels(uri)[0, 0, 3] for uri in found['heat']['clip']] == [0, 100, 200]
    assert found['times'] == {'clip': [0.0, None, 2.0], 'bus': None} and len(found['pictures']['bus']) == 1
    assert list(found['heat']) == ['clip'] and found['heat_notes'] == {'bus': 'not used'}


def test_long_clips_and_large_pictures_are_cut_down() -> None:
    found = explanation_of(explained(100, 600), {'clip': [i / 10 for i in range(100)]})
    assert found is not None and len(found['pictures']['clip']) == len(found['heat']['clip']) == 32
    levels = [int(pixels(uri)[0, 0, 0]) for uri in found['pictures']['clip']]
    assert (levels[0], levels[-1]) == (0, 99) and found['times']['clip'] == [level / 10 for level in levels]
    assert pixels(found['pictures']['clip'][0]).shape == (512, 512, 3)
    assert pixels(found['heat']['clip'][0]).shape == (512, 512, 4)


def test_nothing_explained_is_none() -> None:
    assert explanation_of(Prediction('c', 'p', {'A': 1.0}, 'A'), {}) is None


def test_an_answer_has_no_id_of_a_patient() -> None:
    made = Prediction('SECRET', 'SECRET', {'A': 0.5, 'B': 0.5}, 'A', calibrated={'A': 0.4, 'B': 0.6}, warnings=('w',))
    seconds: Seconds = {'wait': 0.0, 'read': 0.12345, 'predict': 1, 'total': 2}
    found = answer_of('m', made, Reply({}), {'age': 4.0, 'sex': None}, seconds)
    assert 'SECRET' not in str(found) and found['calibrated'] == {'A': 0.4, 'B': 0.6}
    assert found['seconds']['read'] == 0.123 and found['values'] == {'age': 4.0, 'sex': None}
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00', found['made']) and found['warnings'] == ['w']
    other = answer_of('m', made, Reply({}), {}, seconds)
    assert re.fullmatch('[0-9a-f]{16}', found['request']) and found['request'] != other['request']


def test_a_preview_has_its_name_and_pictures() -> None:
    found = preview_of(({'kind': 'image'}, np.zeros((2, 4, 4, 3), np.uint8)), 'bus')
    assert found['name'] == 'bus' and found['kind'] == 'image' and len(found['pictures']) == 2


def test_shapes_that_do_not_fit_are_not_hidden() -> None:
    with pytest.raises(IndexError):
        explanation_of(explained(), {'clip': [0.0]})
