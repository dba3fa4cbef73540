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


TIMES = {
    3: ['0', '50', '100'],
    4: ['9000', '9050', '9100', '9150'],  # by a clock
    6: ['0', '50', '100', '150', '200', '250'],
    7: ['10', '43', '77', '110', '143', '177', '210'],
}


@pytest.mark.parametrize(
    ('frames', 'elements', 'step'),
    [
        (3, {'FrameTime': '50'}, 0.05),
        (3, {'CineRate': '20'}, 0.05),
        (6, {'FrameTime': '50', 'CineRate': '20'}, 0.05),
        (6, {'RecommendedDisplayFrameRate': '20'}, 0.05),
        (6, {'FrameTime': '33.3'}, 0.0333),
        (7, {'CineRate': '30'}, 1 / 30),
        (4, {'CineRate': '20'}, 0.05),
    ],
)
def test_vector_of_times_gives_way(frames, elements, step):
    found = times_of(header(FrameTimeVector=TIMES[frames], **elements), frames)
    np.testing.assert_allclose(found, np.arange(frames) * step)


def test_vector_of_times_alone_is_refused():
    cause = r'has FrameTimeVector \(0018,1065\) that rises from 0 to 250 ms, as times of frames do, .* no other element'
    with pytest.raises(DataError, match=cause):
        times_of(header(FrameTimeVector=TIMES[6]), 6)
    with pytest.raises(DataError, match=r'rises from 0 to 250 ms, .* the other elements contradict each other'):
        times_of(header(FrameTimeVector=TIMES[6], FrameTime='50', CineRate='10'), 6)


@pytest.mark.parametrize(
    ('vector', 'elements'),
    [
        (['0', '50', '100'], {}),  # three frames: steps of 50 and 100 are possible
        (['0', '50', '100'], {'FrameTime': '75'}),
        (['0', '40', '41', '42', '43', '44'], {}),  # a clip that slows down: the first value is no step
        (['40', '41', '42', '43', '44', '45'], {}),
        (['40', '41', '42', '43', '44', '45'], {'FrameTime': '43'}),
        (['0', '10', '30', '90', '200', '600'], {'FrameTime': '50'}),
        (['50', '50', '50', '50', '50', '50'], {}),
        (['0', '0.1', '0.1'], {}),
    ],
)
def test_vector_of_steps_stays(vector, elements):
    expected = np.cumsum([0, *map(float, vector[1:])]) / 1000
    np.testing.assert_allclose(times_of(header(FrameTimeVector=vector, **elements), len(vector)), expected)


def test_times_that_are_in_seconds_or_too_fast():
    for wrong in ({'FrameTime': '0.05'}, {'FrameTimeVector': ['0', '0.05', '0.05']}, {'FrameTime': '0.0999'}):
        np.testing.assert_allclose(times_of(header(**wrong, CineRate='20'), 3), [0, 0.05, 0.1])
        with pytest.raises(DataError, match='no other element states the time of a frame: correct the element'):
            times_of(header(**wrong), 3)
        with pytest.raises(DataError, match='the other elements contradict each other'):
            times_of(header(**wrong, CineRate='20', RecommendedDisplayFrameRate='30'), 3)
    np.testing.assert_allclose(times_of(header(CineRate='10001', RecommendedDisplayFrameRate='20'), 3), [0, 0.05, 0.1])
    with pytest.raises(DataError, match=r'has CineRate \(0018,0040\) of 10001 frames/s, expected 10000 or fewer'):
        times_of(header(CineRate='10001'), 3)
    with pytest.raises(DataError, match=r'has FrameTime \(0018,1063\) of 0.05 ms, expected 0.1 ms or more'):
        times_of(header(FrameTime='0.05'), 3)
    with pytest.raises(DataError, match=r'with 2 steps of less than 0.1 ms, the first is 0.05 ms at frame 2 \(the ele'):
        times_of(header(FrameTimeVector=['0', '0.05', '0.05']), 3)
    np.testing.assert_allclose(times_of(header(FrameTime='0.1'), 3), [0, 1e-4, 2e-4])
    np.testing.assert_allclose(times_of(header(CineRate='10000'), 3), [0, 1e-4, 2e-4])
    wrong_pointer = dict(FrameTime='0.05', FrameIncrementPointer=0x00181063)
    np.testing.assert_allclose(times_of(header(**wrong_pointer, CineRate='20'), 3), [0, 0.05, 0.1])
    np.testing.assert_allclose(times_of(header(FrameTime='0.05', FrameTimeVector=['0', '40', '60']), 3), [0, 0.04, 0.1])
    assert times_of(header(FrameTime='0.05'), 1) is None  # a still


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
