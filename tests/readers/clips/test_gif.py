from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from usmm.readers import DataError, limits, open_clip, read_clip
from usmm.readers.clips.containers import check_complete


@pytest.fixture
def make_gif(tmp_path, picture):
    def make(frames=6, duration=200, **options):
        images = [Image.fromarray(picture(i)).quantize(64) for i in range(frames)]
        images[0].save(tmp_path / 'a.gif', save_all=True, append_images=images[1:], duration=duration, **options)
        return tmp_path / 'a.gif'

    return make


def test_frames_and_times(make_gif, by_opencv):
    path = make_gif(6, [100, 200, 300, 100, 100, 100])
    frames, times = read_clip(path)
    np.testing.assert_allclose(times, [0, 0.1, 0.3, 0.6, 0.7, 0.8])
    theirs = by_opencv(path)
    assert len(theirs) == 6
    for ours, other in zip(frames, theirs):
        assert np.abs(ours.astype(int) - other).mean() < 1
    with open_clip(path) as clip:
        assert (clip.width, clip.height) == (96, 64)
        assert clip.fps == pytest.approx(5 / 0.8)
        held = list(clip.sample(0.3))
    assert [f.index for f in held] == [0, 2, 3]
    np.testing.assert_array_equal(held[0].rgb(), frames[0])


@pytest.mark.parametrize('duration', [0, 10])
def test_empty_durations_count_as_browsers_count_them(make_gif, duration):
    np.testing.assert_allclose(read_clip(make_gif(3, duration))[1], [0, 0.1, 0.2])


def test_single_picture_is_a_clip_of_one_frame(make_gif):
    frames, times = read_clip(make_gif(1))
    assert frames.shape == (1, 64, 96, 3)
    assert times.tolist() == [0]


def test_transparent_pixels_are_black(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), 'P')
    image.putpalette([255, 255, 255, 10, 20, 30])
    image.save(tmp_path / 'a.gif', transparency=0)
    assert read_clip(tmp_path / 'a.gif')[0].tolist() == [[[[0, 0, 0], [10, 20, 30]]]]


@pytest.mark.parametrize('share', [0.01, 0.2, 0.5, 0.8, 0.999])
def test_cut_files_are_refused(make_gif, cut, share):
    path = make_gif(8)
    check_complete(path)
    with pytest.raises(DataError, match=r'is cut: a GIF ends with a trailer'):
        open_clip(cut(path, share))


def test_damaged_blocks_are_refused(make_gif):
    path = make_gif(2)
    content = path.read_bytes()
    place = content.index(b'\x21\xf9')
    path.write_bytes(content[:place] + b'\x77' + content[place + 1 :])
    with pytest.raises(DataError, match='is damaged: GIF block 0x77'):
        open_clip(path)


def test_stated_size_over_the_limit(make_gif, monkeypatch):
    path = make_gif(2)
    monkeypatch.setattr(limits, 'MAX_PIXELS', 100)
    with pytest.raises(DataError, match='over the limit of 100 pixels'):
        open_clip(path)


def test_frame_that_leaves_the_screen_is_refused(make_gif):
    path = make_gif(3)
    content = bytearray(path.read_bytes())
    place = content.index(b'\x2c', content.index(b'\x21\xf9', content.index(b'\x2c') + 2000))  # the second picture
    content[place + 5 : place + 7] = (200).to_bytes(2, 'little')
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r'changes its size from \(96, 64\) to'):
        read_clip(path)
