"""Key frames against a naive loop, on made and on real clips."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

from usmm.datasets.transforms import KeyFrames, key_frames, keyframes, lesion_curve
from usmm.datasets.transforms.keyframes import BestFrames
from usmm.readers import DataError, open_clip, read_clip
from usmm.structures import Case


class Frame:
    """A frame of one grey, which counts how often its pixels are asked for."""

    def __init__(self, index: int, grey: float, converted: list[int] | None = None) -> None:
        self.index, self.time, self.value, self.converted = index, float(index), grey, converted

    def grey_mean(self) -> float:
        return self.value

    def grey(self) -> np.ndarray:
        if self.converted is not None:
            self.converted.append(self.index)
        return np.full((4, 5), round(self.value), np.uint8)


def naive(means: Sequence[float], k: int) -> list[int]:
    """Take the largest change again and again; an earlier frame wins a tie, the first frame is a last resort."""
    change = [-1.0] + [abs(means[t] - means[t - 1]) for t in range(1, len(means))]
    taken: list[int] = []
    while len(taken) < min(k, len(means)):
        best = None
        for t in range(len(means)):
            if t not in taken and (best is None or change[t] > change[best]):
                best = t
        taken.append(best)  # type: ignore[arg-type]
    return sorted(taken)


def stream(means: Sequence[float], k: int, change: str = 'mean_of_frame') -> keyframes.Selection:
    best = BestFrames(k, change)
    for i, grey in enumerate(means):
        best.add(Frame(i, grey))  # type: ignore[arg-type]
    return best.selection()


@pytest.mark.parametrize('seed', range(40))
def test_streaming_equals_a_naive_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    means = rng.integers(0, 8 if seed % 2 else 250, int(rng.integers(1, 90))).astype(float).tolist()  # odd: many ties
    k = int(rng.integers(1, 15))
    expected = naive(means, k)
    selection = stream(means, k)
    assert selection.indices.tolist() == expected + [expected[-1]] * (k - len(expected))
    assert selection.times.tolist() == [float(i) for i in selection.indices]
    assert selection.frames[:, 0, 0].tolist() == [means[i] for i in selection.indices]
    assert selection.sampled == len(means)
    by_pixel = stream(means, k, 'mean_abs_difference')  # frames of one grey: both readings agree
    assert by_pixel.indices.tolist() == selection.indices.tolist()


@pytest.mark.parametrize(
    ('means', 'expected'),
    [
        ([5.0], [0, 0, 0]),  # one frame: repeated
        ([5.0, 9.0], [0, 1, 1]),  # two: both, the last repeated
        ([5.0, 9.0, 9.0], [0, 1, 2]),
        ([5.0, 9.0, 9.0, 9.0], [1, 2, 3]),  # enough others: the first frame is no candidate
        ([0.0, 5.0, 0.0, 5.0, 0.0], [1, 2, 3]),  # ties: the earlier ones
        ([7.0] * 6, [1, 2, 3]),
    ],
)
def test_short_clips_and_ties(means: list[float], expected: list[int]) -> None:
    assert stream(means, 3).indices.tolist() == expected


def test_the_readings_differ_where_brightness_only_moves() -> None:
    class Half(Frame):
        def grey(self) -> np.ndarray:
            out = np.zeros((4, 4), np.uint8)
            out[:, :2] = 200 if self.value else 0
            out[:, 2:] = 0 if self.value else 200
            return out

        def grey_mean(self) -> float:
            return 100.0

    sides = [0, 0, 0, 1, 1, 0]
    best = BestFrames(2, 'mean_abs_difference')
    for i, side in enumerate(sides):
        best.add(Half(i, side))  # type: ignore[arg-type]
    assert best.selection().indices.tolist() == [3, 5]


def test_few_frames_are_converted_and_held() -> None:
    converted: list[int] = []
    best = BestFrames(10)
    greys = np.random.default_rng(0).uniform(0, 255, 2000)
    for i, grey in enumerate(greys):
        best.add(Frame(i, float(grey), converted))  # type: ignore[arg-type]
        assert len(best._heap) <= 10
    assert len(converted) < 120  # k (1 + ln(n / k)) = 63 are expected of a random order
    assert set(best.selection().indices.tolist()) <= set(converted)


def write_clip(path: Path, greys: Sequence[int], rate: int, size: tuple[int, int] = (32, 48), noise: int = 0) -> Path:
    rng = np.random.default_rng(0)
    with av.open(str(path), 'w') as container:
        out = container.add_stream('mpeg4', rate=rate)
        out.height, out.width, out.pix_fmt, out.bit_rate = *size, 'yuv420p', 4_000_000
        for grey in greys:
            pixels = np.full((*size, 3), grey, np.uint8)
            if noise:
                pixels[:] = np.clip(grey + rng.integers(-noise, noise + 1, (*size, 1)), 0, 255)
            container.mux(out.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')))
        container.mux(out.encode())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """20 s at 4 frames a second: jumps of the grey at 5 s, 9 s and 14 s, none between."""
    greys = [20 if t < 5 else 100 if t < 9 else 60 if t < 14 else 200 for t in np.arange(80) / 4]
    return write_clip(tmp_path / 'clip.mp4', greys, 4)


def test_the_jumps_of_a_clip_are_found(clip: Path) -> None:
    case = KeyFrames('dceus', num_frames=3)(Case('1', 'p', files={'dceus': (clip,)}))
    frames = case.data['dceus']
    assert frames.shape == (3, 32, 48, 3)
    assert frames.dtype == np.uint8
    assert (frames == frames[..., :1]).all()
    assert np.allclose(frames.mean((1, 2, 3)), [100, 60, 200], atol=4)
    info = case.info['dceus']
    assert np.allclose(info['times'], [5, 9, 14])
    assert info['key_indices'].tolist() == [5, 9, 14]
    assert (info['sampled'], info['file']) == (20, str(clip))


def test_frames_between_samples_are_not_converted(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from usmm.readers.clips import video

    converted = []
    monkeypatch.setattr(video, '_luma', lambda frame, luma=video._luma: converted.append(frame.time) or luma(frame))
    key_frames(clip, num_frames=3, step=1.0)
    assert {t % 1 for t in converted} == {0.0}
    assert len(set(converted)) == 20


def test_memory_is_flat_however_long_the_clip(tmp_path: Path) -> None:
    greys = np.random.default_rng(0).integers(0, 256, 900).tolist()
    peaks = []
    for n in (100, 900):
        path = write_clip(tmp_path / f'{n}.mp4', greys[:n], 10)
        key_frames(path, step=0.1)  # what is loaded on first use does not count
        tracemalloc.start()
        key_frames(path, step=0.1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20 * 32 * 48  # twenty frames; 800 more were streamed


def test_a_case_without_the_clip_is_left_alone() -> None:
    assert KeyFrames('dceus')(Case('1', 'p')).data == {}


def test_errors_name_the_case(tmp_path: Path) -> None:
    bad = tmp_path / 'bad.mp4'
    bad.write_bytes(b'nothing')
    for cache_dir in (None, tmp_path / 'cache'):
        with pytest.raises(DataError, match=r'bad\.mp4, case c7, modality dceus'):
            KeyFrames('dceus', cache_dir=cache_dir)(Case('c7', 'p', files={'dceus': (bad,)}))
    with pytest.raises(DataError, match=r'gone\.mp4, case c7'):
        KeyFrames('dceus', cache_dir=tmp_path)(Case('c7', 'p', files={'dceus': (tmp_path / 'gone.mp4',)}))


def test_a_clip_without_frames_is_an_error(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        def __enter__(self) -> Empty:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def sample(self, step: float) -> list[Frame]:
            return []

    monkeypatch.setattr(keyframes, 'open_clip', lambda file, fps=None, window=None: Empty())
    with pytest.raises(DataError, match='the clip has no frame'):
        key_frames(clip)


class TestCache:
    def test_frames_are_chosen_once(self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = []
        monkeypatch.setattr(keyframes, 'open_clip', lambda *a, **k: calls.append(a) or open_clip(*a, **k))
        transform = KeyFrames('dceus', num_frames=3, cache_dir=tmp_path / 'cache')
        first, second = (transform(Case('1', 'p', files={'dceus': (clip,)})) for _ in range(2))
        assert len(calls) == 1
        assert (first.data['dceus'] == second.data['dceus']).all()
        assert first.info['dceus'].keys() == second.info['dceus'].keys()
        assert first.info['dceus']['times'].tolist() == second.info['dceus']['times'].tolist()
        copied = tmp_path / 'copy.mp4'
        copied.write_bytes(clip.read_bytes())
        transform.select(copied)  # the same content elsewhere
        assert len(calls) == 1
        for other in (
            dict(num_frames=4),
            dict(num_frames=3, step=0.5),
            dict(num_frames=3, change='mean_abs_difference'),
        ):
            KeyFrames('dceus', cache_dir=tmp_path / 'cache', **other).select(clip)
        assert len(calls) == 4

    def test_another_content_under_the_same_name(self, clip: Path, tmp_path: Path) -> None:
        transform = KeyFrames('dceus', num_frames=3, cache_dir=tmp_path / 'cache')
        before = transform.select(clip)
        write_clip(clip, [0] * 40 + [250] * 40, 4)
        assert transform.select(clip).times.tolist() != before.times.tolist()

    @pytest.mark.parametrize('damage', ['cut', 'flip', 'empty'])
    def test_a_damaged_entry_is_made_anew(
        self, clip: Path, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        transform = KeyFrames('dceus', num_frames=3, cache_dir=tmp_path / 'cache')
        good = transform.select(clip)
        entry = next((tmp_path / 'cache').rglob('*.npz'))
        content = bytearray(entry.read_bytes())
        content[len(content) // 3] ^= 255  # inside the frames
        entry.write_bytes({'cut': content[:-100], 'flip': content, 'empty': b''}[damage])
        with caplog.at_level(logging.WARNING):
            again = transform.select(clip)
        assert (again.frames == good.frames).all()
        assert (transform.select(clip).frames == good.frames).all()


def test_options_are_checked_and_named() -> None:
    with pytest.raises(ValueError, match=r"change must be one of .*, got 'mean'"):
        KeyFrames('dceus', change='mean')
    with pytest.raises(ValueError, match='must be positive, got 0 and 1'):
        KeyFrames('dceus', num_frames=0)
    with pytest.raises(ValueError, match='must be positive, got 10 and 0'):
        KeyFrames('dceus', step=0)
    expected = "KeyFrames(modality='dceus', num_frames=10, step=1.0, change='mean_of_frame', fps=None, window=None)"
    assert repr(KeyFrames('dceus')) == expected


def test_a_window_holds_for_key_frames_and_curves_of_a_dicom_cine(tmp_path: Path) -> None:
    values = np.stack([np.full((8, 8), level, np.uint16) for level in (0, 800, 3000, 4000)])
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, 'MONOCHROME2', 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.FrameTime = 16, 12, 11, '1000'
    dataset.PixelData = values.tobytes()
    dataset['PixelData'].VR = 'OW'
    file = tmp_path / 'cine.dcm'
    dataset.save_as(file, enforce_file_format=True)
    case = KeyFrames('dceus', num_frames=4, window=(0, 2000))(Case('1', 'p', files={'dceus': (file,)}))
    assert case.data['dceus'][:, 0, 0, 0].tolist() == [0, 102, 255, 255]
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / 'mask.png')
    times, grey = lesion_curve(file, [tmp_path / 'mask.png'], window=(0, 4000))
    assert times.tolist() == [0, 1, 2, 3] and grey.round().tolist() == [0, 51, 191, 255]
    with pytest.raises(ValueError, match='window must be two finite numbers that rise'):
        KeyFrames('dceus', window=(3, 1))


@pytest.mark.real
@pytest.mark.parametrize('name', ['Reg_Image_18122_crop.mp4', 'Reg_pat1Image_132943.mpeg', 'Vir_whitelung_h1n1.mp4'])
def test_real_clips_against_all_frames_in_memory(real_data: Path, name: str) -> None:
    file = real_data / 'lung_clips' / name
    step, k = 0.25, 10
    with open_clip(file) as clip:
        greys = [frame.grey() for frame in clip.sample(step)]
    _, times = read_clip(file, step)
    expected = naive([float(g.mean()) for g in greys], k)
    selection = key_frames(file, k, step)
    assert selection.indices.tolist() == expected
    assert selection.times.tolist() == [times[i] for i in expected]
    assert (selection.frames == np.stack([greys[i] for i in expected])).all()
    grey_rgb = read_clip(file, step)[0].astype(float) @ [0.299, 0.587, 0.114]  # the luma is the grey of the RGB frame
    assert np.abs(selection.frames - grey_rgb[expected]).mean() < 2
