"""Copies of a picture that have other bytes, across patients and parts."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from usmm.datasets import CaseDataset
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks import picture_copies
from usmm.datasets.checks.check_data import check_data
from usmm.datasets.checks.picture_copies import PicturePair, copies_across
from usmm.datasets.checks.picture_digests import (
    ClipDigests,
    Picture,
    first_picture,
    is_blank,
    near_pairs,
    picture_digest,
    pixels_digest,
)
from usmm.datasets.checks.picture_variants import VARIANTS
from usmm.datasets.checks.texture_likeness import SAME, likeness, texture
from usmm.datasets.transforms.depth_options import DepthOptions, pipeline_depths
from usmm.engine.preconditions import report_copies
from usmm.readers import DataError
from usmm.structures import Case

SCHEMA = dict(images=dict(bus='bus'))
CLASSES = ('A', 'B')


def speckle(seed: int) -> Image.Image:
    """A picture with layout and texture, as an ultrasound image has: smooth brightness times speckle."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 200, (6, 8), dtype=np.uint8)).resize((240, 180), Image.Resampling.BICUBIC)
    grain = Image.fromarray(rng.integers(0, 255, (90, 120), dtype=np.uint8)).resize((240, 180))
    return Image.fromarray((np.asarray(coarse) * (0.4 + np.asarray(grain) / 400)).clip(0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, 'JPEG', quality=quality)
    return Image.open(file)


COPIES = {
    'jpeg': lambda picture: jpeg(picture, 40),
    'half': lambda picture: picture.resize((120, 90)),
    'bright': lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    'cut': lambda picture: picture.crop((4, 3, 236, 177)),
}
# how a copy was made, and what is reported of it
CHANGED = {
    'mirrored': (ImageOps.mirror, 'mirrored'),
    'flipped': (ImageOps.flip, 'mirrored top to bottom'),
    'transposed': (lambda p: p.transpose(Image.Transpose.TRANSPOSE), 'mirrored and rotated by 90 degrees'),
    '90': (lambda p: p.transpose(Image.Transpose.ROTATE_90), 'rotated by 90 degrees'),
    '180': (lambda p: p.transpose(Image.Transpose.ROTATE_180), 'rotated by 180 degrees'),
    '270': (lambda p: p.transpose(Image.Transpose.ROTATE_270), 'rotated by 270 degrees'),
    'mirrored JPEG': (lambda p: ImageOps.mirror(jpeg(p, 40)), 'mirrored'),
    'mirrored cut': (lambda p: ImageOps.mirror(cut(p, 0.15)), 'cut to about 70 % of its width and height, mirrored'),
    **{
        f'cut {share}': (lambda p, share=share: cut(p, share), 'cut to about')
        for share in (0.05, 0.08, 0.1, 0.13, 0.17, 0.2)
    },
}


def cut(picture: Image.Image, share: float) -> Image.Image:
    x, y = round(picture.width * share), round(picture.height * share)
    return picture.crop((x, y, picture.width - x, picture.height - y))


EQUAL = {
    'grey as colour': lambda picture, path: picture.convert('RGB').save(path),
    'packed anew': lambda picture, path: picture.save(path, compress_level=1),
    'BMP': lambda picture, path: picture.save(path.with_suffix('.bmp')) or path.with_suffix('.bmp').rename(path),
}


def table(folder: Path, last) -> Path:
    """Six patients with a picture each; the last has what `last` makes of the first one's."""
    rows = []
    for i in range(6):
        speckle(i).save(folder / f'{i}.png')
        rows.append(dict(case_id=f'c{i}', patient_id=f'p{i}', label='AB'[i % 2], bus=f'{i}.png'))
    last(speckle(0), folder / '5.png')
    with (folder / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / 'cases.csv'


@pytest.mark.parametrize('how', EQUAL)
def test_equal_pixels_in_other_bytes_are_a_blocking_problem(tmp_path: Path, how: str) -> None:
    path = table(tmp_path, EQUAL[how])
    first, last = (picture_digest(Picture(tmp_path / f'{i}.png')) for i in (0, 5))
    assert first.pixels == last.pixels
    result = check_data(path, SCHEMA, CLASSES)
    (problem,) = [p for p in result.blocking if p.kind == 'same_pixels']
    assert problem.case_id == 'c5' and problem.message == 'shows the same pixels as 0.png of case c0, patient p0'


@pytest.mark.parametrize('how', COPIES)
def test_pictures_that_look_nearly_the_same_are_warned_of_with_a_sheet(tmp_path: Path, how: str) -> None:
    path = table(tmp_path, lambda picture, place: COPIES[how](picture).save(place))
    (pair,) = patient_copies(path)
    assert pair.cases == ('c0', 'c5') and not pair.equal
    result = check_data(path, SCHEMA, CLASSES)
    assert [p.kind for p in result.problems if p.case_id == 'c5'] == ['near_duplicate'] and not result.blocking
    result.write(tmp_path / 'out')
    with Image.open(tmp_path / 'out' / 'near_duplicates.png') as sheet:
        shown = np.asarray(sheet.convert('L'))
    assert shown[:240].std() > 10, 'both pictures are drawn'


@pytest.mark.parametrize('how', CHANGED)
def test_a_copy_that_was_mirrored_rotated_or_cut_is_reported_with_what_was_done(tmp_path: Path, how: str) -> None:
    change, words = CHANGED[how]
    path = table(tmp_path, lambda picture, place: change(picture).save(place))
    (problem,) = [p for p in check_data(path, SCHEMA, CLASSES).problems if p.kind == 'near_duplicate']
    assert problem.case_id == 'c5' and problem.message.startswith(f'looks like (5.png is {words}')


def test_the_picture_that_was_cut_is_named_where_it_comes_first(tmp_path: Path) -> None:
    cut(speckle(0), 0.1).save(tmp_path / 'a.png')
    speckle(0).save(tmp_path / 'b.png')
    cases = {i: [Case(i, f'p{i}', files={'bus': (tmp_path / f'{i}.png',)})] for i in 'ab'}
    (pair,) = copies_across(cases, [])
    assert pair.cases == ('a', 'b') and pair.how.startswith('a.png is cut to about')


def test_other_pictures_and_those_of_one_patient_are_no_pairs(tmp_path: Path) -> None:
    path = table(tmp_path, lambda picture, place: speckle(5).save(place))
    assert patient_copies(path) == []
    text = path.read_text().replace('p5', 'p0').replace(',5.png', ',0.png')
    path.write_text(text)
    assert patient_copies(path) == []


def patient_copies(path: Path) -> list[PicturePair]:
    return check_data(path, SCHEMA, CLASSES).copies


def parts_of(path: Path):
    text = path.read_text().splitlines()
    split = [text[0] + ',split', *(f'{line},{"test" if i >= 3 else "train"}' for i, line in enumerate(text[1:]))]
    path.write_text('\n'.join(split) + '\n')
    schema = {**SCHEMA, 'split': 'split'}
    how = dict(selection='last')
    return {part: CaseDataset(path, schema, CLASSES, part=part, split=how) for part in ('train', 'test')}


def test_a_run_refuses_equal_pixels_in_two_parts(tmp_path: Path) -> None:
    parts = parts_of(table(tmp_path, EQUAL['grey as colour']))
    message = r'1 pairs of pictures with the same pixels are in two parts: 0.png \(case c0, train\) and 5.png '
    with pytest.raises(DataError, match=message):
        report_copies(parts, 'warn')
    assert report_copies(parts, 'ignore') == 0


def test_a_run_warns_of_pictures_that_look_nearly_the_same_or_refuses_them(tmp_path: Path) -> None:
    parts = parts_of(table(tmp_path, lambda picture, place: COPIES['jpeg'](picture).save(place)))
    assert report_copies(parts, 'warn') == 1
    with pytest.raises(DataError, match=r"look nearly the same: .*; remove them, or set split.near_duplicates='warn'"):
        report_copies(parts, 'error')


def test_files_that_cannot_be_read_are_left_to_the_check_of_files(tmp_path: Path) -> None:
    path = table(tmp_path, lambda picture, place: place.write_bytes(b'no picture'))
    groups = {case.case_id: [case] for case in CaseTable.read(path, SCHEMA, CLASSES).cases}
    assert copies_across(groups, []) == []


def test_distances_are_numbers_of_bits() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (9, len(VARIANTS), 256), dtype=np.uint8)
    expected = {}  # a naive loop
    for copy, original in itertools.permutations(range(9), 2):
        for number, variant in enumerate(VARIANTS):
            if variant.keep < 1 or copy > original:
                bits = int((rows[copy, 0] != rows[original, number]).sum())
                pair = tuple(sorted((copy, original)))
                expected[pair] = min(expected.get(pair, (999,)), (bits, number, copy, original))
    found = near_pairs([np.packbits(row, axis=1).tobytes() for row in rows], 256)
    assert [(n.bits, VARIANTS.index(n.variant), n.copy, n.original) for n in found] == sorted(expected.values())
    assert near_pairs([b'x' * 32 * len(VARIANTS)]) == []
    assert near_pairs([np.packbits(row, axis=1).tobytes() for row in rows], 0) == []


def test_texture_of_a_blank_picture_is_like_nothing() -> None:
    blank = texture(np.zeros((50, 60), np.uint8))
    other = texture(np.asarray(speckle(1)))
    assert likeness(blank, other) == likeness(other, blank) == 0 and likeness(other, other) >= SAME


def test_pairs_that_are_not_compared_further_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, lambda picture, place: COPIES['jpeg'](picture).save(place))
    texts: list[str] = []
    monkeypatch.setattr(picture_copies, 'print_log', lambda text, *how: texts.append(text))
    monkeypatch.setattr(picture_copies, 'MOST', 0)
    assert patient_copies(path) == []
    assert texts == ['1 of 1 pairs of pictures with like hashes were not compared further; the nearest 0 were']


def write(path: Path, images: list[np.ndarray]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 12, images[0].shape[1::-1])
    for image in images:
        writer.write(np.ascontiguousarray(image[..., ::-1]))
    writer.release()


def frame_of(seed: int) -> np.ndarray:
    return np.asarray(speckle(seed).convert('RGB'))[:128, :160]


def test_a_clip_that_was_cut_and_stored_anew_is_found_by_its_frames(tmp_path: Path) -> None:
    frames = [frame_of(i // 12) for i in range(48)]

    write(tmp_path / 'a.avi', frames)
    write(tmp_path / 'b.avi', frames[20:])  # begins within the second picture
    write(tmp_path / 'c.avi', [frame_of(9)] * 24)
    path = tmp_path / 'cases.csv'
    path.write_text('case_id,patient_id,label,clip\nc0,p0,A,a.avi\nc1,p1,B,b.avi\nc2,p2,A,c.avi\n')
    schema = dict(clips=dict(clip='clip'))
    result = check_data(path, schema, CLASSES)
    (pair,) = result.copies
    assert pair.cases == ('c0', 'c1')
    (problem,) = [p for p in result.problems if p.kind in ('near_duplicate', 'same_pixels')]
    assert 'a.avi frame' in problem.message and problem.case_id == 'c1'
    result.write(tmp_path / 'out')
    assert (tmp_path / 'out' / 'near_duplicates.png').is_file()


def test_digests_of_a_clip_are_thinned_out_evenly() -> None:
    class Frame:
        def __init__(self, level: int) -> None:
            self.level = level

        def rgb(self) -> np.ndarray:
            return np.full((64, 64, 3), self.level, np.uint8)

        def grey(self) -> np.ndarray:
            return self.rgb()[..., 0]

    for count, expected in ((5, [*range(5)]), (16, [*range(16)]), (17, [*range(0, 17, 2)]), (100, [*range(0, 100, 8)])):
        digests = ClipDigests()
        for i in range(count):
            digests.add(Frame(i))  # type: ignore[arg-type]
        assert [frame for frame, _ in digests.digests] == expected


def test_pictures_are_compared_as_the_loaders_read_them(tmp_path: Path) -> None:
    def deep(i: int) -> Image.Image:  # floating point, which needs a window
        return Image.fromarray(np.asarray(speckle(i).convert('L')).astype(np.float32) / 255)

    rows = ['case_id,patient_id,label,bus,split']
    for i in range(4):
        deep(i % 3).save(tmp_path / f'{i}.tif', compression=None if i < 3 else 'tiff_lzw')
        rows.append(f'c{i},p{i},{"AB"[i % 2]},{i}.tif,{"test" if i == 3 else "train"}')
    path = tmp_path / 'cases.csv'
    path.write_text('\n'.join(rows))
    schema, how = {**SCHEMA, 'split': 'split'}, dict(selection='last')
    parts = {part: CaseDataset(path, schema, CLASSES, part=part, split=how) for part in ('train', 'test')}
    pipeline = [dict(type='Cached', transforms=[dict(type='usmm.LoadImage', window=dict(bus=(0, 1)))])]
    with pytest.raises(DataError, match='1 pairs of pictures with the same pixels are in two parts') as error:
        report_copies(parts, 'warn', [dict(type='LoadImage', window=(0, 1))])
    assert '0.tif' in str(error.value)
    result = check_data(path, schema, CLASSES, depth=DepthOptions.of((0, 1)))
    assert 'same_pixels' in [p.kind for p in result.blocking]
    assert pipeline_depths(pipeline, [], ['bus']).at('bus') == ((0, 1), None)


def test_pictures_that_cannot_be_compared_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, lambda picture, place: place.write_bytes(b'no picture'))
    texts: list[str] = []
    monkeypatch.setattr(picture_copies, 'print_log', lambda text, *how: texts.append(text))
    copies_across({case.case_id: [case] for case in CaseTable.read(path, SCHEMA, CLASSES).cases}, [])
    assert texts == ['1 files were not compared with those of other parts, as they cannot be read: 5.png']


@pytest.mark.parametrize(('spread', 'blank'), [(1.9, True), (2.1, False)])
def test_a_picture_is_blank_below_two_grey_levels(spread: float, blank: bool) -> None:
    grey = np.random.default_rng(0).normal(90, spread, (200, 300)).round().astype(np.uint8)
    assert bool(grey.std() < 2) is blank and is_blank(grey) is blank
    assert pixels_digest(np.repeat(grey[..., None], 3, axis=2)).blank is blank


def test_blank_pictures_are_reported_and_are_never_copies(tmp_path: Path) -> None:
    rows = ['case_id,patient_id,label,bus,split']
    for i, level in enumerate((0, 0, 0, 200, 200)):
        Image.new('L', (80, 60), level).save(tmp_path / f'{i}.png', compress_level=i)
        rows.append(f'c{i},p{i},{"AB"[i % 2]},{i}.png,{"test" if i in (1, 4) else "train"}')
    path = tmp_path / 'cases.csv'
    path.write_text('\n'.join(rows))
    result = check_data(path, SCHEMA, CLASSES)
    assert [(p.kind, p.case_id) for p in result.problems] == [('blank', f'c{i}') for i in range(5)]
    assert result.problems[0].message == 'the picture has one grey level, or nearly'
    assert not result.blocking and result.copies == []
    schema = {**SCHEMA, 'split': 'split'}
    parts = {part: CaseDataset(path, schema, CLASSES, part=part) for part in ('train', 'test')}
    assert report_copies(parts, 'error') == 0


def test_clips_are_compared_by_their_first_frame_that_is_not_blank(tmp_path: Path) -> None:
    black = np.zeros((128, 160, 3), np.uint8)
    write(tmp_path / 'a.avi', [black] * 3 + [frame_of(1)] * 3)
    write(tmp_path / 'b.avi', [black] * 5 + [frame_of(2)] * 3)
    write(tmp_path / 'c.avi', [black] * 7 + [frame_of(1)] * 2)
    write(tmp_path / 'd.avi', [black] * 4)
    write(tmp_path / 'e.avi', [black] * 6)
    names = {'c0': 'a', 'c1': 'b', 'c2': 'c', 'c3': 'd', 'c4': 'e'}
    assert [first_picture(tmp_path / f'{name}.avi').frame for name in names.values()] == [3, 5, 7, 0, 0]
    cases = {i: Case(i, f'p{i}', files={'clip': (tmp_path / f'{name}.avi',)}) for i, name in names.items()}
    (pair,) = copies_across({i: [case] for i, case in cases.items()}, ['clip'])
    assert pair.equal and pair.cases == ('c0', 'c2') and pair.names == ('a.avi frame 3', 'c.avi frame 7')
    path = tmp_path / 'cases.csv'
    rows = [f'{i},p{i},{"AB"[n % 2]},{name}.avi' for n, (i, name) in enumerate(names.items())]
    path.write_text('\n'.join(['case_id,patient_id,label,clip', *rows]))
    result = check_data(path, dict(clips=dict(clip='clip')), CLASSES)
    assert [p.case_id for p in result.problems if p.kind == 'blank'] == ['c3', 'c4']
    assert [pair.cases for pair in result.copies] == [('c0', 'c2')]
