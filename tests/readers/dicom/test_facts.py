from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.examples import get_path

from usmm.readers import DataError, Region, read_dicom, read_regions
from usmm.readers.dicom.facts import regions_of, spacing_of, times_of


def region(x0, y0, x1, y1, spatial=1, kind=1, units=3, delta=0.02):
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
    item.RegionSpatialFormat, item.RegionDataType = spatial, kind
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta, delta * 2
    return item


def header(*regions, **elements):
    dataset = Dataset()
    dataset.Rows, dataset.Columns = 100, 200
    if regions:
        dataset.SequenceOfUltrasoundRegions = list(regions)
    for key, value in elements.items():
        setattr(dataset, key, value)
    return dataset


def test_regions_become_slices_in_millimetres():
    found = regions_of(header(region(10, 20, 99, 79), region(110, 20, 199, 79, kind=2)))
    assert found == (
        Region(10, 20, 100, 80, 'tissue', (pytest.approx(0.4), pytest.approx(0.2))),
        Region(110, 20, 200, 80, 'color flow', (pytest.approx(0.4), pytest.approx(0.2))),
    )


@pytest.mark.parametrize(
    ('spatial', 'kind', 'name'),
    [
        (1, 0, 'image'),
        (1, 0xE, 'color bar'),
        (1, 0x10, 'other'),
        (2, 1, 'm-mode'),
        (3, 3, 'spectral'),
        (4, 10, 'waveform'),
    ],
)
def test_kinds(spatial, kind, name):
    assert regions_of(header(region(0, 0, 9, 9, spatial, kind)))[0].kind == name


def test_regions_are_cut_to_the_image_and_lose_their_scale():
    found = regions_of(header(region(150, 50, 400, 300), region(300, 0, 400, 99)))
    assert found == (Region(150, 50, 200, 100, 'tissue', None),)


def test_region_without_corners_or_units():
    broken = region(0, 0, 9, 9)
    del broken.RegionLocationMaxX1
    assert regions_of(header(broken)) == ()
    assert regions_of(header(region(0, 0, 9, 9, units=4)))[0].spacing is None


def test_spacing_of_the_image_comes_first():
    assert spacing_of(header(region(0, 0, 99, 99), PixelSpacing=['0.3', '0.25'])) == (0.3, 0.25)
    assert spacing_of(header(region(0, 0, 99, 99, spatial=3), region(0, 0, 99, 99))) == pytest.approx((0.4, 0.2))
    assert spacing_of(header()) is None


@pytest.mark.parametrize(
    ('elements', 'times'),
    [
        ({'FrameTime': '40'}, [0, 0.04, 0.08]),
        ({'FrameTimeVector': ['0', '40', '60'], 'FrameTime': '1'}, [0, 0.04, 0.1]),
        ({'FrameTimeVector': ['0', '40'], 'FrameTime': '50'}, [0, 0.05, 0.1]),
        ({'FrameTimeVector': '0', 'FrameTime': '50'}, [0, 0.05, 0.1]),
        ({'CineRate': '20'}, [0, 0.05, 0.1]),
        ({'RecommendedDisplayFrameRate': '10'}, [0, 0.1, 0.2]),
        ({'FrameTime': '0', 'CineRate': '0'}, None),
        ({}, None),
    ],
)
def test_times(elements, times):
    found = times_of(header(**elements), 3)
    assert (found is None) if times is None else np.allclose(found, times)


@pytest.mark.parametrize(
    'vector', [['0'] * 3, ['0', '40', '-40'], ['0', '-40', '-40'], ['0', '40', '0'], ['0', '40'], ['40'] * 4]
)
def test_vector_that_cannot_be_true(vector):
    wrong = dict(FrameTimeVector=vector)
    np.testing.assert_allclose(times_of(header(**wrong, FrameTime='50', CineRate='20'), 3), [0, 0.05, 0.1])
    np.testing.assert_allclose(times_of(header(**wrong, FrameTime='33.3', CineRate='30'), 3), [0, 0.0333, 0.0666])
    np.testing.assert_allclose(times_of(header(**wrong, CineRate='20', FrameTime='0'), 3), [0, 0.05, 0.1])
    np.testing.assert_allclose(times_of(header(**wrong, RecommendedDisplayFrameRate='10'), 3), [0, 0.1, 0.2])
    with pytest.raises(DataError, match=r'has FrameTimeVector \(0018,1065\) .* no other element states the time'):
        times_of(header(**wrong), 3)
    with pytest.raises(DataError, match=r'FrameTime \(0018,1063\) 20 frames/s, CineRate \(0018,0040\) 15 frames/s'):
        times_of(header(**wrong, FrameTime='50', CineRate='15'), 3)


def test_words_for_a_vector():
    with pytest.raises(DataError, match='of 2 values for 3 frames'):
        times_of(header(FrameTimeVector=['0', '40']), 3)
    with pytest.raises(DataError, match='with 1 steps that are not above 0, the first is -40 ms at frame 3'):
        times_of(header(FrameTimeVector=['0', '40', '-40']), 3)


def test_pointer_to_the_frame_time_comes_before_the_vector():
    both = dict(FrameTimeVector=['0', '40', '60'], FrameTime='50')
    assert times_of(header(**both), 3).tolist() == [0, 0.04, 0.1]
    assert times_of(header(**both, FrameIncrementPointer=0x00181063), 3).tolist() == [0, 0.05, 0.1]
    assert times_of(header(**both, FrameIncrementPointer=0x00181065), 3).tolist() == [0, 0.04, 0.1]


def test_vector_of_a_still_does_not_matter():
    assert times_of(header(FrameTimeVector=['0', '0']), 1) is None


@pytest.mark.parametrize('keyword', ['FrameTime', 'CineRate', 'RecommendedDisplayFrameRate'])
def test_negative_times(keyword):
    with pytest.raises(DataError, match=rf'has {keyword} \(\w+,\w+\) of -3, expected a positive number'):
        times_of(header(**{keyword: '-3'}), 3)


def test_example_files():
    found = read_regions(get_path('palette_color'))
    assert found == (Region(120, 60, 800, 350, 'tissue', None),)  # its second region lies below the image
    assert read_regions(get_path('rgb_color')) == ()
    assert read_dicom(get_path('palette_color')).regions == found


def test_other_files_have_no_regions(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'x')
    assert read_regions(tmp_path / 'a.png') == ()
    with pytest.raises(DataError, match='does not exist'):
        read_regions(tmp_path / 'b.png')
