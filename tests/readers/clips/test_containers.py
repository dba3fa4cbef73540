"""Clips that are cut where a decoder reports nothing: between two pictures, in containers with and without a length."""

from __future__ import annotations

import struct

import pytest

from usmm.readers import DataError, open_clip, read_clip
from usmm.readers.clips.containers import check_complete, check_count, check_duration

SEGMENT = b'\x18S\x80g'


def frames_of(path):
    with open_clip(path) as clip:
        return len(list(clip.sample()))


def at_a_picture(content, share, start=b'\xff\xd8'):
    """The content up to the beginning of a JPEG picture, so that every picture is whole."""
    return content[: content.index(start, int(len(content) * share))]


@pytest.fixture
def jpegs(make_video):
    """20 JPEG pictures in a container, 2 seconds."""
    return lambda name, **more: make_video(name, 20, codec='mjpeg', pixels='yuvj420p', **more)


@pytest.mark.parametrize('name', ['a.mkv', 'a.webm', 'a.avi'])
@pytest.mark.parametrize('share', [0.2, 0.5, 0.8])
def test_cut_between_two_pictures(make_video, jpegs, cut, name, share):
    path = make_video(name, 20, codec='libvpx') if name.endswith('webm') else jpegs(name)
    assert frames_of(path) == 20
    with pytest.raises(
        DataError, match=r'is cut: its (Matroska segment|RIFF chunk) should end at byte \d+, the file has'
    ):
        read_clip(cut(path, share))


def without_length(path, content=None):
    """The file as a recorder leaves it that cannot go back to write the length of its main part."""
    content = bytearray(path.read_bytes() if content is None else content)
    if content[:4] == b'RIFF':
        content[4:8] = bytes(4)
    else:
        place = content.index(SEGMENT) + 4
        assert content[place] == 1  # a length of eight bytes
        content[place : place + 8] = b'\x01' + b'\xff' * 7
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('name', ['a.mkv', 'a.avi'])
def test_container_without_a_length(jpegs, name):
    whole = jpegs(name).read_bytes()
    path = jpegs(f'b{name}')
    assert frames_of(without_length(path, whole)) == 20
    assert check_complete(path)
    path = without_length(path, at_a_picture(whole, 0.4))
    with (
        open_clip(path) as clip,
        pytest.raises(DataError, match=r'is cut: its header states (20 frames, it holds|2 s, its)'),
    ):
        list(clip.sample(step=1.0))


def test_quicktime_whose_pictures_go_on_to_the_end_of_the_file(jpegs):
    path = jpegs('a.mov', mux={'movflags': 'faststart'})
    content = bytearray(path.read_bytes())
    place = content.index(b'mdat')
    content[place - 4 : place] = bytes(4)  # ISO 14496-12, 4.2: a size of 0
    path.write_bytes(content)
    assert check_complete(path)
    assert frames_of(path) == 20
    path.write_bytes(at_a_picture(bytes(content), 0.6))
    with pytest.raises(DataError, match=r'is cut'):
        frames_of(path)


@pytest.mark.parametrize(
    ('stated', 'present', 'refused'),
    [
        (20, 9, True),
        (20, 18, True),
        (20, 19, False),
        (0, 9, False),
        (1000, 994, True),
        (1000, 996, False),
        (5, 9, False),
    ],
)
def test_tolerance_of_the_number_of_frames(tmp_path, stated, present, refused):
    if refused:
        with pytest.raises(DataError, match=f'is cut: its header states {stated} frames, it holds {present}'):
            check_count(stated, present, tmp_path)
    else:
        check_count(stated, present, tmp_path)


@pytest.mark.parametrize(
    ('stated', 'present', 'refused'),
    [(9.0, 4.0, True), (2.0, 0.9, True), (2.0, 1.1, False), (0.0, 3.0, False), (60.0, 55.0, False), (60.0, 53.0, True)],
)
def test_tolerance_of_the_duration(tmp_path, stated, present, refused):
    if refused:
        with pytest.raises(
            DataError, match=rf'is cut: its header states {stated:.3g} s, its frames end after {present:.3g} s'
        ):
            check_duration(stated, present, tmp_path)
    else:
        check_duration(stated, present, tmp_path)


@pytest.mark.parametrize(
    ('content', 'is_open'),
    [
        (b'\x1aE\xdf\xa3\x84abcd' + SEGMENT + b'\x83abc', False),
        (b'\x1aE\xdf\xa3\x84abcd' + SEGMENT + b'\x83abc' + bytes(9), False),  # padding
        (b'\x1aE\xdf\xa3\x40\x04abcd' + SEGMENT + b'\x01' + b'\xff' * 7 + b'abc', True),
        (b'\x1aE\xdf\xa3\x84abcd' + SEGMENT + b'\xff' + b'abc', True),
        (b'\x1aE\xdf\xa3\x84abcd' + SEGMENT, False),
        (b'\x1aE\xdf\xa3\x00abcd', False),
        (b'RIFF' + struct.pack('<I', 8) + b'AVI abcd', False),
        (b'RIFF\xff\xff\xff\xffAVI abcd', True),
    ],
)
def test_lengths_of_containers(tmp_path, content, is_open):
    (tmp_path / 'a').write_bytes(content)
    assert check_complete(tmp_path / 'a') is is_open


@pytest.mark.parametrize(
    ('content', 'part'),
    [
        (b'\x1aE\xdf\xa3\x84abc', 'Matroska header should end at byte 9, the file has 8'),
        (
            b'\x1aE\xdf\xa3\x84abcd' + SEGMENT + b'\x40\x04abc',
            'Matroska segment should end at byte 19, the file has 18',
        ),
    ],
)
def test_lengths_of_matroska_that_are_too_long(tmp_path, content, part):
    (tmp_path / 'a').write_bytes(content)
    with pytest.raises(DataError, match=f'is cut: its {part}'):
        check_complete(tmp_path / 'a')
