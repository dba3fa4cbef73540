from __future__ import annotations

import math
import os
import struct
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from usmm.readers import DataError, limits, open_clip, read_clip
from usmm.readers.clips.containers import check_complete
from usmm.readers.clips.video import Clock, default_threads

KINDS = {
    'a.mp4': dict(codec='libx264'),
    'fast.mp4': dict(codec='libx264', mux={'movflags': 'faststart'}),
    'pieces.mp4': dict(codec='libx264', mux={'movflags': 'frag_keyframe+empty_moov'}, codec_options={'g': '10'}),
    'a.mov': dict(codec='libx264', mux={'movflags': 'faststart'}),
    'a.avi': dict(codec='mpeg4'),
    'jpeg.avi': dict(codec='mjpeg', pixels='yuvj420p', colour_range=2),
    'raw.avi': dict(codec='rawvideo', pixels='bgr24'),
    'a.mpeg': dict(codec='mpeg2video', rate=25),
    'old.mpg': dict(codec='mpeg1video', rate=25),
}


@pytest.mark.parametrize('name', KINDS)
def test_every_kind_gives_all_frames_as_opencv_does(make_video, by_opencv, name):
    path = make_video(name, 30, **KINDS[name])
    frames, times = read_clip(path)
    theirs = by_opencv(path)
    rate = KINDS[name].get('rate', 10)
    assert frames.shape == (30, 64, 96, 3)
    assert frames.dtype == np.uint8
    assert len(theirs) in (29, 30)  # OpenCV drops the last frame of an MPEG stream now and then
    for ours, other in zip(frames, theirs):
        assert np.abs(ours.astype(int) - other).mean() < 2
    np.testing.assert_allclose(times, np.arange(30) / rate, atol=1e-3)
    with open_clip(path) as clip:
        assert (clip.width, clip.height, clip.path) == (96, 64, path)
        assert clip.fps == pytest.approx(rate, rel=1e-3)


def test_colours_are_those_that_were_written(make_video, picture):
    path = make_video('a.mp4', 5, codec_options={'crf': '1'})
    for ours, true in zip(read_clip(path)[0], map(picture, range(5))):
        assert np.abs(ours.astype(int) - true).mean() < 3


@pytest.mark.parametrize('colour_range', [1, 2])
@pytest.mark.parametrize('pixels', ['yuv420p', 'yuv444p', 'nv12'])
def test_grey_equals_the_converted_picture(make_video, picture, colour_range, pixels):
    path = make_video('a.mp4', 3, pixels=pixels, colour_range=colour_range, codec_options={'crf': '1'})
    with open_clip(path) as clip:
        for index, frame in enumerate(clip.sample()):
            true = cv2.cvtColor(picture(index), cv2.COLOR_RGB2GRAY)
            assert frame.grey_mean() == pytest.approx(true.mean(), abs=1)
            assert frame.grey_mean() == pytest.approx(frame.grey().mean(), abs=1e-6)
            # FFmpeg's quick conversion of strong colours to RGB is a little dark; the luma is not.
            assert frame.grey_mean() == pytest.approx(cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2GRAY).mean(), abs=1.5)
            assert np.abs(frame.grey().astype(int) - true).mean() < 2


def test_grey_picture_has_one_mean_whichever_way(make_video, picture):
    grey = [np.repeat(picture(i)[..., :1], 3, axis=2) for i in range(3)]
    with open_clip(make_video('a.mp4', grey, codec_options={'crf': '1'})) as clip:
        for frame, true in zip(clip.sample(), grey):
            assert frame.grey_mean() == pytest.approx(true.mean(), abs=0.6)
            assert frame.grey_mean() == pytest.approx(frame.rgb().mean(), abs=1)


def test_limited_range_reaches_black_and_white(make_video):
    halves = np.zeros((64, 96, 3), np.uint8)
    halves[:, 48:] = 255
    with open_clip(make_video('a.mp4', [halves] * 3, codec_options={'crf': '1'})) as clip:
        grey = next(clip.sample()).grey()
    assert grey[:, :40].max() <= 1
    assert grey[:, 56:].min() >= 254


def test_grey_of_a_clip_without_luma(make_video, picture):
    with open_clip(make_video('raw.avi', 2, **KINDS['raw.avi'])) as clip:
        frame = next(clip.sample())
    np.testing.assert_array_equal(frame.grey(), cv2.cvtColor(picture(0), cv2.COLOR_RGB2GRAY))


def test_width_that_is_no_multiple_of_the_line_size(make_video):
    wide = np.zeros((50, 70, 3), np.uint8)
    wide[:, 60:] = 200
    with open_clip(make_video('a.mp4', [wide] * 2, codec_options={'crf': '1'})) as clip:
        frame = next(clip.sample())
    assert frame.grey().shape == (50, 70)
    assert frame.grey_mean() == pytest.approx(200 / 7, abs=1)


def test_frames_stay_valid_while_held(make_video):
    path = make_video('a.mp4', 60)
    with open_clip(path) as clip:
        held = list(clip.sample())
        early = [frame.rgb() for frame in clip.sample()]
    for frame, then in zip(held, early):
        np.testing.assert_array_equal(frame.rgb(), then)
    assert [frame.index for frame in held] == list(range(60))


def test_pixels_of_frames_not_asked_for_are_not_converted(make_video, monkeypatch):
    path = make_video('a.mp4', 30)
    made = []
    import usmm.readers.clips.video as video

    class Counting(video.VideoFrame):
        def rgb(self):
            made.append(self.index)
            return super().rgb()

    monkeypatch.setattr(video, 'VideoFrame', Counting)
    _, times = read_clip(path, step=1.0)
    assert made == [0, 10, 20]
    np.testing.assert_allclose(times, [0, 1, 2], atol=1e-3)


def test_times_come_from_the_timestamps_not_the_stated_rate(make_video):
    ticks = [500, 600, 900, 1000, 2500, 2540]
    path = make_video('a.mp4', 6, rate=30, ticks=ticks, codec_options={'bf': '0'})
    frames, times = read_clip(path)
    np.testing.assert_allclose(times, [0, 0.1, 0.4, 0.5, 2.0, 2.04], atol=1e-3)
    with open_clip(path) as clip:
        assert clip.fps == pytest.approx(5 / 2.04, rel=1e-3)
        assert [frame.index for frame in clip.sample(0.4)] == [0, 2, 4]
    assert len(frames) == 6


@pytest.mark.parametrize('rotation', [0, 90, 180, -90])
def test_filmed_sideways_is_turned_as_opencv_does(make_video, by_opencv, rotation):
    path = make_video('a.mov', 3, rotation=rotation)
    theirs = by_opencv(path)[0].astype(int)
    with open_clip(path) as clip:
        frame = next(clip.sample())
        assert (clip.height, clip.width) == theirs.shape[:2]
    assert np.abs(frame.rgb() - theirs).mean() < 1
    assert frame.grey().shape == theirs.shape[:2]


def set_matrix(path, a, b, c, d):
    """Put a display matrix into the track header of an MP4 file (ISO 14496-12, 8.3.2), in 16.16 fixed point."""
    content = bytearray(path.read_bytes())
    at = content.index(b'tkhd') + 44
    numbers = [round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)]
    content[at : at + 36] = struct.pack('>9i', *numbers, 2**30)
    path.write_bytes(content)
    return path


# a, b, c, d and what they do to the pixels; ffmpeg (autorotate) and ffplay show the same.
MATRICES = {
    (1, 0, 0, 1): lambda p: p,
    (-1, 0, 0, 1): lambda p: p[:, ::-1],
    (1, 0, 0, -1): lambda p: p[::-1],
    (-1, 0, 0, -1): lambda p: p[::-1, ::-1],
    (0, 1, 1, 0): lambda p: p.swapaxes(0, 1),
    (0, 1, -1, 0): lambda p: p.swapaxes(0, 1)[:, ::-1],
    (0, -1, 1, 0): lambda p: p.swapaxes(0, 1)[::-1],
    (0, -1, -1, 0): lambda p: p.swapaxes(0, 1)[::-1, ::-1],
}


@pytest.mark.parametrize('matrix', MATRICES)
@pytest.mark.parametrize('width', [96, 70])
def test_all_eight_display_matrices(make_video, picture, matrix, width):
    pictures = [picture(i)[:50, :width] for i in range(2)]
    plain = make_video('plain.mp4', pictures)
    stored = next(open_clip(plain).sample()).rgb()
    with open_clip(set_matrix(make_video('a.mp4', pictures), *matrix)) as clip:
        frame = next(clip.sample())
        expected = MATRICES[matrix](stored)
        assert (clip.height, clip.width) == expected.shape[:2]
    np.testing.assert_array_equal(frame.rgb(), expected)
    np.testing.assert_array_equal(frame.grey(), MATRICES[matrix](next(open_clip(plain).sample()).grey()))


@pytest.mark.parametrize('matrix', [(0.866, 0.5, -0.5, 0.866), (0, 0, 0, 0.5), (1, 1, 0, 1)])
def test_other_angles_are_refused(make_video, matrix):
    path = set_matrix(make_video('a.mp4', 2), *matrix)
    with pytest.raises(DataError, match=r'asks to be shown turned by \d+ degrees .* save it upright') as caught:
        open_clip(path)
    assert caught.value.file == path


@pytest.mark.parametrize('name', KINDS)
@pytest.mark.parametrize('share', [0.05, 0.3, 0.6, 0.9])
def test_cut_clips_are_refused(make_video, picture, cut, name, share):
    rng = np.random.default_rng(0)
    grain = [np.clip(picture(i) + rng.normal(0, 12, (64, 96, 1)), 0, 255).astype(np.uint8) for i in range(40)]
    path = make_video(name, grain, **KINDS[name])
    assert len(read_clip(path)[0]) == 40
    if name == 'a.mpeg' and share == 0.9:  # only padding is lost there
        assert len(read_clip(cut(path, share))[0]) == 40
        return
    with pytest.raises(DataError, match=r'is cut|cannot be read as a clip|holds no'):
        read_clip(cut(path, share))


def test_cut_is_seen_even_where_the_sampled_frames_are_whole(make_video, cut):
    path = make_video('fast.mp4', 40, **KINDS['fast.mp4'])
    with pytest.raises(DataError, match='is cut: its mdat box should end at byte'):
        read_clip(cut(path, 0.9), step=100)


def test_gap_within_the_data_is_noticed(make_video):
    path = make_video('jpeg.avi', 20, **KINDS['jpeg.avi'])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 6000] = b'\0' * 6000
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r'damaged|cannot be read as a clip'):
        read_clip(path)


@pytest.mark.parametrize('content', [b'hello', b'#EXTM3U\n#EXTINF:10,\nhttp://localhost/x.ts\n', b'\0' * 5000])
def test_what_is_no_clip_is_refused(tmp_path, content):
    (tmp_path / 'a.mp4').write_bytes(content)
    with pytest.raises(DataError, match=r'cannot be read as a clip'):
        open_clip(tmp_path / 'a.mp4')


def test_playlist_does_not_reach_other_files(make_video, tmp_path):
    secret = make_video('secret.mp4', 3)
    (tmp_path / 'a.mp4').write_text(f"ffconcat version 1.0\nfile '{secret.name}'\n")
    with av.open(str(tmp_path / 'a.mp4')) as container:  # FFmpeg alone follows it
        assert container.format.name == 'concat'
    with pytest.raises(DataError, match='cannot be read as a clip'):
        open_clip(tmp_path / 'a.mp4')


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / 'a.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    with pytest.raises(DataError, match='holds no video'):
        open_clip(path)


def test_stated_size_over_the_limit_is_refused(make_video, monkeypatch):
    path = make_video('a.mp4', 3)
    monkeypatch.setattr(limits, 'MAX_PIXELS', 96 * 64 - 1)
    with pytest.raises(DataError, match='states 96 x 64 pixels, over the limit'):
        open_clip(path)


def test_clip_too_large_for_memory_is_refused_but_streams(make_video, monkeypatch):
    path = make_video('a.mp4', 10)
    monkeypatch.setattr(limits, 'MAX_CLIP_BYTES', 96 * 64 * 3 * 4)
    with pytest.raises(DataError, match=r'holds 5 or more frames .* stream it with open_clip'):
        read_clip(path)
    with open_clip(path) as clip:
        assert sum(1 for _ in clip.sample()) == 10


def test_closed_clip(make_video):
    clip = open_clip(make_video('a.mp4', 3))
    clip.close()
    with pytest.raises(ValueError, match='the clip is closed'):
        clip.sample()


def test_sampling_twice_gives_the_same(make_video):
    with open_clip(make_video('a.mp4', 12)) as clip:
        half = clip.sample()
        next(half)
        assert [f.index for f in clip.sample()] == [f.index for f in clip.sample()] == list(range(12))
        assert [f.index for f in half] == list(range(1, 12))


def test_wrong_arguments(make_video):
    path = make_video('a.mp4', 2)
    with pytest.raises(ValueError, match='fps must be positive'):
        open_clip(path, fps=0)
    with open_clip(path) as clip, pytest.raises(ValueError, match='step must be a positive'):
        clip.sample(-1)


@pytest.mark.parametrize('threads', [None, 0, 1, 2])
def test_threads_change_nothing_but_speed(make_video, threads):
    path = make_video('a.mp4', 20)
    with open_clip(path, threads=threads) as clip:
        means = [frame.grey_mean() for frame in clip.sample()]
    with open_clip(path, threads=1) as clip:
        assert means == [frame.grey_mean() for frame in clip.sample()]


def test_default_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert default_threads() == 3
    monkeypatch.delenv('OMP_NUM_THREADS')
    assert default_threads() == 0


def test_default_threads_of_a_worker_process_are_one(tmp_path):
    script = tmp_path / 'worker.py'
    script.write_text(
        'import multiprocessing\n'
        'from usmm.readers.clips.video import default_threads\n'
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        '        print(pool.apply(default_threads))\n'
    )
    clean = {k: v for k, v in os.environ.items() if k != 'OMP_NUM_THREADS'}
    found = subprocess.run([sys.executable, script], env=clean, capture_output=True, text=True, check=True)
    assert found.stdout.strip().splitlines()[-1] == '1'


@pytest.mark.parametrize(
    ('stamps', 'times'),
    [
        ([5.0, 5.5, 6.0], [0, 0.5, 1.0]),
        ([0.0, 0.1, None, 0.3], [0, 0.1, 0.2, 0.3]),
        ([9.0, 9.1, 0.0, 0.1], [0, 0.1, 0.2, 0.3]),  # joined pieces
        ([0.0, 0.1, 0.1, 0.2], [0, 0.1, 0.2, 0.3]),  # a timestamp twice
        ([None, None, None], [0, 0.04, 0.08]),
        ([-0.2, 0.0], [0, 0.2]),
    ],
)
def test_clock_always_rises(stamps, times):
    clock = Clock()
    np.testing.assert_allclose([clock.read(stamp) for stamp in stamps], times, atol=1e-9)


def test_single_frame_has_no_rate(make_video):
    with open_clip(make_video('a.mp4', 1)) as clip:
        assert math.isnan(clip.fps)
        assert [f.time for f in clip.sample(1.0)] == [0.0]


def test_memory_stays_flat(make_video):
    import resource

    path = make_video(
        'a.mp4',
        [np.full((480, 640, 3), i % 256, np.uint8) for i in range(300)],
        codec_options={'preset': 'ultrafast'},
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_clip(path, threads=1) as clip:
        for frame in clip.sample():
            frame.grey_mean()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60 * 1024  # KiB; the decoded clip is 264 MiB as RGB, 132 MiB as it is decoded


@pytest.mark.real
@pytest.mark.slow
def test_lung_clips_have_the_frames_that_the_container_and_opencv_count(real_data):
    files = sorted(p for p in (real_data / 'lung_clips').iterdir() if p.suffix in ('.mp4', '.mov', '.mpeg'))
    assert len(files) == 44
    for path in files:
        capture = cv2.VideoCapture(str(path))
        theirs = sum(1 for _ in iter(capture.grab, False))
        with open_clip(path) as clip:
            times = [frame.time for frame in clip.sample()]
            assert (clip.width, clip.height) == (capture.get(3), capture.get(4))
            assert clip.fps == pytest.approx((len(times) - 1) / times[-1], rel=1e-3)
            assert 17 < clip.fps < 40
        assert times[0] == 0
        assert (np.diff(times) > 0).all()
        if path.suffix == '.mpeg':  # OpenCV stops up to two frames early there; the stream has one packet a frame
            with av.open(str(path)) as container:
                packets = sum(1 for p in container.demux(video=0) if p.size)
            assert len(times) == packets
            assert 0 <= len(times) - theirs <= 2
        else:
            assert len(times) == theirs == capture.get(cv2.CAP_PROP_FRAME_COUNT)


@pytest.mark.real
@pytest.mark.parametrize('name', ['Reg_pat1Image_132943.mpeg', 'Vir_prospective_file1.mp4'])
@pytest.mark.parametrize('share', [0.1, 0.55, 0.97])
def test_cut_lung_clips_are_refused(real_data, cut, name, share):
    with pytest.raises(DataError, match=r'is cut|cannot be read as a clip'):
        read_clip(cut(real_data / 'lung_clips' / name, share))


def test_check_complete_passes_what_it_does_not_know(tmp_path):
    (tmp_path / 'a').write_bytes(b'something else entirely')
    check_complete(tmp_path / 'a')
