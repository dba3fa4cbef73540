"""One file: sizes and digests of good ones, an error and no exception for bad ones."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pydicom.examples
import pytest

from usmm.datasets.checks.file_facts import Look, examine, examine_all


@pytest.fixture(scope='module')
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def write_clip(path: Path, frames: int = 12, fps: int = 4) -> Path:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mpeg4', rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        rng = np.random.default_rng(1)
        for _ in range(frames):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'bmp', 'tif'])
def test_image(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    path = write(tmp_path / f'a.{suffix}', picture)
    fact = examine(path, 'image')
    digest = subprocess.run(['sha256sum', str(path)], capture_output=True, text=True, check=True).stdout.split()[0]
    assert (fact.error, fact.width, fact.height, fact.sha256) == (None, 60, 40, digest)
    assert fact.bytes == len(path.read_bytes())


def test_mask(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[3:7, 10:20] = 255
    fact = examine(write(tmp_path / 'm.png', mask), 'mask')
    assert (fact.error, fact.width, fact.height, fact.lesion) == (None, 60, 40, 40)


def test_clip_counts_decoded_frames(tmp_path: Path) -> None:
    fact = examine(write_clip(tmp_path / 'c.mp4', frames=12, fps=4), 'clip')
    assert (fact.error, fact.width, fact.height, fact.frames) == (None, 64, 48, 12)
    assert fact.fps == pytest.approx(4)
    assert fact.seconds == pytest.approx(3)


def test_dicom_cine() -> None:
    path = Path(pydicom.examples.get_path('ybr_color'))
    header = pydicom.dcmread(path, stop_before_pixels=True)
    fact = examine(path, 'clip')
    assert (fact.error, fact.width, fact.height, fact.frames) == (
        None,
        header.Columns,
        header.Rows,
        header.NumberOfFrames,
    )


@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'c.mp4', 'c.avi'])
@pytest.mark.parametrize('share', [0.3, 0.7, 0.98])
def test_a_file_that_was_cut_off(tmp_path: Path, picture: np.ndarray, name: str, share: float) -> None:
    role = 'image' if name[0] == 'a' else 'clip'
    path = write(tmp_path / name, picture) if role == 'image' else write_clip(tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    fact = examine(path, role)
    assert fact.kind == 'unreadable'
    assert fact.error
    assert fact.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_empty_and_absent_and_wrong(tmp_path: Path) -> None:
    (tmp_path / 'a.png').touch()
    (tmp_path / 'b.png').write_text('<html>')
    assert (examine(tmp_path / 'a.png', 'image').kind, examine(tmp_path / 'a.png', 'image').error) == (
        'empty',
        'the file is empty',
    )
    assert examine(tmp_path / 'b.png', 'image').kind == 'unreadable'
    assert examine(tmp_path / 'c.png', 'image').kind == 'unreadable'
    with pytest.raises(ValueError, match=r"role must be one of \['image', 'clip', 'mask'\], got 'sound'"):
        examine(tmp_path / 'a.png', 'sound')


def test_an_unforeseen_error_is_a_result(tmp_path: Path, picture: np.ndarray) -> None:
    def fail(path: Path, pixels: np.ndarray) -> str:
        raise RuntimeError('decoder gave up')

    fact = examine(write(tmp_path / 'a.png', picture), 'image', Look(describe_panels=fail))
    assert (fact.kind, fact.error) == ('unreadable', 'RuntimeError: decoder gave up')


def test_panels_see_the_brightest_value_over_time(tmp_path: Path, picture: np.ndarray) -> None:
    seen: list[np.ndarray] = []

    def describe(path: Path, pixels: np.ndarray) -> str:
        seen.append(pixels)
        return 'two'

    assert examine(write(tmp_path / 'a.png', picture), 'image', Look(describe_panels=describe)).panels == 'two'
    assert examine(write_clip(tmp_path / 'c.mp4', frames=12), 'clip', Look(describe_panels=describe)).panels == 'two'
    assert seen[0].shape == (40, 60, 3)
    assert seen[1].shape == (48, 64, 3)
    assert seen[1].mean() > 150  # noise has a mean of 127; the brightest of three frames is brighter


def test_all_files_in_parallel(tmp_path: Path, picture: np.ndarray) -> None:
    files = [(write(tmp_path / f'{n}.png', picture[: 10 + n]), 'image') for n in range(9)]
    found = {fact.path: fact.height for fact in examine_all([*files, (tmp_path / 'gone.png', 'image')], workers=3)}
    assert found == {path: 10 + n for n, (path, _) in enumerate(files)} | {tmp_path / 'gone.png': 0}
