"""Pictures of what was read: small, spread over a clip, blanked, with the facts of the file."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from usmm.phantoms.write_dicom import region, write_still
from usmm.readers import DataError, Region, read_clip
from usmm.server.decode.previews import Shown, as_png, as_uris, show_file, shown, type_of
from usmm.structures import Case


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """90 frames of 10 a second; the level of a frame is its number, twice."""
    path = tmp_path / 'a.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for i in range(90):
        writer.write(np.full((48, 64, 3), 2 * i, np.uint8))
    writer.release()
    return path


def test_a_clip_is_shown_by_frames_spread_over_it(clip: Path) -> None:
    pictures, facts = show_file(clip, True, False)
    assert len(pictures) == 8
    levels = pictures.mean((1, 2, 3)) / 2
    assert levels[0] == pytest.approx(0, abs=2) and levels[-1] >= 84
    assert np.diff(levels).min() > 8 and np.diff(levels).max() < 17
    assert (facts['frames'], facts['fps'], facts['seconds'], facts['type']) == (90, 10.0, 8.9, 'AVI')


def test_real_clips_state_what_their_reader_counts(real_data: Path) -> None:
    file = real_data / 'lung_clips' / 'Reg_pat1Image_132943.mpeg'
    frames, times = read_clip(file)
    _, facts = show_file(file, True, True)
    assert facts['frames'] == len(frames) and facts['seconds'] == pytest.approx(times[-1], abs=1e-3)
    assert (facts['height'], facts['width']) == frames.shape[1:3] and facts['type'] == 'MPEG'


def test_large_pictures_are_made_small() -> None:
    pictures, facts = shown(np.full((600, 1024, 3), 9, np.uint8), {'file': __file__, 'kept': 1, 'blanked': 'none'})
    assert pictures.shape == (1, 300, 512, 3) and facts['scale'] == 2.0
    assert (facts['width'], facts['height']) == (1024, 600)


def test_facts_of_dicom_files_hold_nothing_of_the_patient(tmp_path: Path) -> None:
    write_still(
        tmp_path / 'a.dcm',
        np.full((40, 60, 3), 99, np.uint8),
        'SECRET',
        (0.1, 0.2),
        [region((0, 0, 29, 39), (0.1, 0.2))],
    )
    pictures, facts = show_file(tmp_path / 'a.dcm', False, False)
    assert facts['spacing_mm'] == [0.1, 0.2] and facts['kept'] == 0.5 and facts['blanked'] == 'stated'
    assert 'SECRET' not in str(facts) and not pictures[:, :, 30:].any() and pictures[:, :, :30].all()
    clip_pictures, clip_facts = show_file(tmp_path / 'a.dcm', True, False)
    assert np.array_equal(clip_pictures, pictures) and clip_facts['spacing_mm'] == [0.1, 0.2]


@pytest.mark.parametrize(
    ('suffix', 'name'),
    [('png', 'PNG'), ('jpg', 'JPEG'), ('bmp', 'BMP'), ('tif', 'TIFF'), ('gif', 'GIF')],
)
def test_types_are_told_by_content(tmp_path: Path, suffix: str, name: str) -> None:
    file = tmp_path / f'a.{suffix}'
    Image.new('L', (8, 8)).save(file)
    assert type_of(file.rename(tmp_path / 'b')) == name


def test_other_types(tmp_path: Path) -> None:
    for content, name in ((b'\0\0\0\x18ftypisom', 'MP4'), (b'\0\0\0\x14ftypqt  ', 'MOV'), (b'<svg>', 'other')):
        (tmp_path / 'a').write_bytes(content)
        assert type_of(tmp_path / 'a') == name


def test_a_box_becomes_an_outline_where_it_has_to(tmp_path: Path) -> None:
    for masks, expected in (((), 0), (('bus',), 6)):
        case = Case('c', 'p', data={'bus': np.full((20, 30, 3), 9, np.uint8)}, boxes={'bus': (1, 2, 4, 4)})
        case.info['bus'] = {'file': __file__}
        out = Shown(False, masks)(case)
        assert out.masks.get('bus', np.zeros(1)).sum() == expected
    case.boxes['bus'] = (0, 0, 31, 4)
    with pytest.raises(DataError, match='leaves its image of 30x20'):
        Shown(False)(case)


def test_a_modality_is_looked_at_once() -> None:
    watch = Shown(False)
    case = Case('c', 'p', data={'bus': np.full((20, 30, 3), 9, np.uint8)})
    case.info['bus'] = {'file': __file__, 'regions': (Region(0, 0, 10, 20, 'tissue'),)}
    case = watch(case)
    case.data['bus'] = np.full((5, 5, 3), 7, np.uint8)  # cut and scaled since
    case = watch(case)
    assert case.data['bus'].all()
    facts, pictures = watch.found()
    assert pictures['bus'].shape == (1, 20, 30, 3) and facts['bus']['kept'] == pytest.approx(1 / 3)


def test_pictures_as_addresses() -> None:
    image = np.zeros((4, 5, 4), np.uint8)
    image[1, 2] = (200, 100, 50, 25)
    content = base64.b64decode(as_png(image).removeprefix('data:image/png;base64,'))
    assert np.array_equal(
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]], image
    )
    (uri,) = as_uris(np.full((1, 8, 8, 3), (200, 100, 50), np.uint8))
    content = base64.b64decode(uri.removeprefix('data:image/jpeg;base64,'))
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[0, 0, ::-1]
    assert np.abs(found.astype(int) - (200, 100, 50)).max() < 6
