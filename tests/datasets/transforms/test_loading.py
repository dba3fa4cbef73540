"""Loading of real files made on the spot, and of real examinations."""

from __future__ import annotations

import pickle
from pathlib import Path

import av
import numpy as np
import pydicom.examples
import pytest
from PIL import Image

from usmm.datasets.transforms import LoadClip, LoadImage, LoadMask
from usmm.readers import DataError
from usmm.structures import Case


def save(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return [save(tmp_path / f'{i}.png', np.full((6, 8, 3), 40 * i, np.uint8)) for i in range(1, 5)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """3 s at 10 frames a second; each frame has its own grey."""
    path = tmp_path / 'c.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mpeg4', rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 32, 16, 'yuv420p', 4_000_000
        for i in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32, 3), 8 * i, np.uint8), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(('pick', 'index'), [('first', 0), ('last', 3)])
def test_one_of_several_images(images: list[Path], pick: str, index: int) -> None:
    case = LoadImage('bus', pick=pick)(Case('1', 'p', files={'bus': tuple(images), 'ue': (images[0],)}))
    assert list(case.data) == ['bus']
    assert case.data['bus'].shape == (6, 8, 3)
    assert (case.data['bus'] == 40 * (index + 1)).all()
    assert case.info['bus'] == dict(regions=(), spacing=None, file=str(images[index]), file_index=index)


def test_a_random_image_depends_on_epoch_and_case_only(images: list[Path]) -> None:
    load = LoadImage('bus', pick='random')
    assert load.random
    assert not LoadImage('bus').random
    seen = [load(Case('1', 'p', files={'bus': tuple(images)}, epoch=e)).info['bus']['file_index'] for e in range(20)]
    again = [load(Case('1', 'p', files={'bus': tuple(images)}, epoch=e)).info['bus']['file_index'] for e in range(20)]
    assert seen == again
    assert set(seen) == {0, 1, 2, 3}


def test_by_default_images_and_clips_are_told_apart(images: list[Path], clip: Path) -> None:
    files = {'bus': (images[0],), 'dceus': (clip,)}
    by_suffix = LoadClip(num_frames=3)(LoadImage()(Case('1', 'p', files=files)))
    by_table = LoadClip(num_frames=3)(LoadImage()(Case('1', 'p', files=files, info={'table': {'clips': ('dceus',)}})))
    for case in (by_suffix, by_table):
        assert {m: a.ndim for m, a in case.data.items()} == {'bus': 3, 'dceus': 4}


def test_a_clip_by_step_and_by_number_of_frames(clip: Path) -> None:
    def load(**options: object) -> tuple[np.ndarray, np.ndarray]:
        case = LoadClip('dceus', **options)(Case('1', 'p', files={'dceus': (clip,)}))
        return case.data['dceus'].mean((1, 2, 3)), case.info['dceus']['times']

    greys, times = load(step=1.0)
    assert np.allclose(greys, [0, 80, 160], atol=4)
    assert np.allclose(times, [0, 1, 2])
    greys, times = load(num_frames=4)
    assert np.allclose(times, [0, 1.0, 1.9, 2.9])  # 0, 9.67, 19.33, 29 rounded, at 10 a second
    assert np.allclose(greys, [0, 80, 152, 232], atol=4)
    assert len(load()[0]) == 30
    assert len(load(step=1.0, num_frames=7)[0]) == 7  # more than there are: some twice


def test_masks_are_united(tmp_path: Path) -> None:
    left, right = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint8)
    left[:, :2], right[:, -1:] = 255, 1
    files = save(tmp_path / 'l.png', left), save(tmp_path / 'r.png', right)
    case = LoadMask()(Case('1', 'p', mask_files={'bus': files}))
    assert case.masks['bus'].dtype == bool
    assert (case.masks['bus'] == ((left > 0) | (right > 0))).all()


def test_as_many_masks_as_images_belong_to_their_images(tmp_path: Path, images: list[Path]) -> None:
    masks = []
    for i in range(2):
        array = np.zeros((6, 8), np.uint8)
        array[i] = 255
        masks.append(save(tmp_path / f'm{i}.png', array))
    case = Case('1', 'p', files={'bus': tuple(images[:2])}, mask_files={'bus': tuple(masks)})
    case = LoadMask()(LoadImage('bus', pick='last')(case))
    assert np.flatnonzero(case.masks['bus'].any(1)).tolist() == [1]


@pytest.mark.parametrize('sizes', [[(5, 8)], [(6, 8), (5, 8)]])
def test_a_mask_of_another_size_is_refused(tmp_path: Path, images: list[Path], sizes: list[tuple[int, int]]) -> None:
    files = tuple(save(tmp_path / f'm{i}.png', np.full(s, 255, np.uint8)) for i, s in enumerate(sizes))
    case = LoadImage('bus')(Case('c7', 'p', files={'bus': (images[0],)}, mask_files={'bus': files}))
    with pytest.raises(DataError, match=r'the mask is 8x5, .* 8x6 \(width x height\).*case c7, modality bus'):
        LoadMask()(case)


@pytest.mark.parametrize('load', [LoadImage('bus'), LoadMask('bus'), LoadClip('bus')])
def test_errors_name_file_case_and_modality_and_cross_processes(tmp_path: Path, load: object) -> None:
    bad = tmp_path / 'bad.png'
    bad.write_bytes(b'not an image')
    with pytest.raises(DataError) as caught:
        load(Case('c7', 'p', files={'bus': (bad,)}, mask_files={'bus': (bad,)}))  # type: ignore[operator]
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.case, error.modality, Path(error.file).name) == ('c7', 'bus', 'bad.png')


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'does not exist.*none\.png.*case c7'):
        LoadImage('bus')(Case('c7', 'p', files={'bus': (tmp_path / 'none.png',)}))


def test_dicom_keeps_regions_and_refuses_a_cine_as_an_image() -> None:
    still, cine = (Path(pydicom.examples.get_path(n)) for n in ('rgb_color', 'ybr_color'))
    case = LoadImage('bus')(Case('1', 'p', files={'bus': (still,)}))
    assert case.data['bus'].shape == (240, 320, 3)  # Rows, Columns of the header
    assert isinstance(case.info['bus']['regions'], tuple)
    with pytest.raises(DataError, match='expected a still image, got 30 frames'):
        LoadImage('bus')(Case('1', 'p', files={'bus': (cine,)}))
    clip = LoadClip('bus')(Case('1', 'p', files={'bus': (cine,)}))
    assert clip.data['bus'].shape == (30, 240, 320, 3)


def test_options_are_checked_and_named() -> None:
    with pytest.raises(ValueError, match=r"pick must be one of .* got 'middle'"):
        LoadImage('bus', pick='middle')
    with pytest.raises(ValueError, match='num_frames must be 1 or more, got 0'):
        LoadClip('bus', num_frames=0)
    assert (
        repr(LoadImage(['bus'], 'last'))
        == "LoadImage(modalities=('bus',), pick='last', depth=DepthOptions(windows=(), bits=()))"
    )


@pytest.mark.real
def test_a_breast_image_with_its_mask(real_data: Path) -> None:
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    case = Case('1', '1', files={'bus': (folder / 'case001.png',)}, mask_files={'bus': (folder / 'case001_tumor.png',)})
    case = LoadMask()(LoadImage()(case))
    with Image.open(folder / 'case001_tumor.png') as image:
        expected = np.asarray(image.convert('L')) > 0
    assert case.data['bus'].shape == (*expected.shape, 3)
    assert (case.masks['bus'] == expected).all()
