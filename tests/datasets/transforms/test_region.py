"""The ultrasound region: screens with text and rulers, sectors, clips, DICOM regions, real images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from usmm.datasets.transforms import KeepRegion, region, ultrasound_region
from usmm.readers import DataError, Region, read_clip, read_image
from usmm.structures import Case

WORDS = (('HOSPITAL OF SOMEWHERE', (85, 22)), ('DOE^JANE 1970-01-01', (330, 22)), ('MI 0.8 TIS 0.2', (330, 470)))


def screen(shape: str, background: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A screen (480 x 640) with speckle in a rectangle or a sector; the region; where words, a ruler, a bar are."""
    region = np.zeros((480, 640), np.uint8)
    if shape == 'rectangle':
        region[60:430, 110:520] = 1
    else:
        cv2.ellipse(region, (320, -40), (480, 480), 90, -28, 28, 1, -1)
        cv2.ellipse(region, (320, -40), (110, 110), 90, -30, 30, 0, -1)
    rng = np.random.default_rng(0)
    speckle = np.clip(rng.rayleigh(45, (480, 640)), 12, 255)
    speckle[200:260, 280:360] *= 0.1  # a cyst
    out = np.where(region > 0, speckle, background).astype(np.uint8)
    out = np.repeat(out[..., None], 3, axis=-1)
    bare = out.copy()
    for words, place in WORDS:
        cv2.putText(out, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (230, 230, 230), 1)
    for y in range(60, 430, 20):
        cv2.line(out, (585, y), (592, y), (200, 200, 200), 1)
    out[150:300, 615:627] = np.linspace(255, 0, 150)[:, None, None].astype(np.uint8)  # grey bar
    out[5:40, 20:75] = 190  # a logo, tied to the picture by a bar
    if shape == 'rectangle':
        out[40:100, 30:40] = out[90:100, 30:112] = 190
    return out, region > 0, (out != bare).any(-1) & (region == 0)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize('background', [0, 24])
@pytest.mark.parametrize('shape', ['rectangle', 'sector'])
def test_screens_with_words(shape: str, background: int) -> None:
    image, inside, marks = screen(shape, background)
    found = ultrasound_region(image)
    assert overlap(found, inside) > 0.88
    assert found[inside].mean() > 0.97
    near = cv2.dilate(inside.astype(np.uint8), np.ones((25, 25))) > 0  # where the bar is tied to the picture
    assert (marks & ~near).sum() > 3000 and not found[marks & ~near].any()


def test_a_clip_is_found_by_what_lights_up_in_any_frame() -> None:
    image, inside, _ = screen('rectangle')
    rng = np.random.default_rng(0)
    frames = np.stack([np.where(rng.random((480, 640, 1)) < 0.4, image, image // 20) for _ in range(6)])
    assert overlap(ultrasound_region(frames), inside) > 0.88


def test_a_picture_without_an_edge_is_kept_whole() -> None:
    image, _, _ = screen('rectangle')
    assert ultrasound_region(np.ascontiguousarray(image[80:400, 130:500])).mean() > 0.9
    assert ultrasound_region(np.zeros((50, 60, 3), np.uint8)).all()
    dots = np.zeros((200, 300, 3), np.uint8)
    dots[90:96, 100:106] = 255
    assert ultrasound_region(dots).all()


def test_the_step_blanks_pixels_and_not_masks() -> None:
    image, inside, _ = screen('rectangle')
    case = Case('c', 'p', data={'bus': image.copy(), 'ue': image.copy()}, masks={'bus': inside})
    case = KeepRegion('bus')(case)
    assert not case.data['bus'][:40].any() and case.data['bus'][200, 200].any()
    assert np.array_equal(case.data['ue'], image) and case.masks['bus'] is inside
    assert case.info['bus']['kept'] == pytest.approx(inside.mean(), abs=0.02) and 'ue' not in case.info


def test_regions_of_the_file_come_first() -> None:
    image, _, _ = screen('rectangle')
    regions = (
        Region(100, 50, 200, 150, 'tissue'),
        Region(0, 0, 640, 30, 'graphics'),
        Region(300, 0, 310, 9, 'color flow'),
    )
    case = KeepRegion()(Case('c', 'p', data={'bus': np.full_like(image, 9)}, info={'bus': {'regions': regions}}))
    kept = case.data['bus'][..., 0] > 0
    assert kept.sum() == 100 * 100 + 10 * 9 and kept[50:150, 100:200].all() and kept[:9, 300:310].all()


@pytest.mark.parametrize(('find', 'how'), [(True, 'found'), (False, 'none')])
def test_finding_can_be_left_out(find: bool, how: str) -> None:
    image, _, marks = screen('rectangle')
    case = KeepRegion(find=find)(Case('c', 'p', data={'bus': image.copy()}))
    assert case.info['bus']['blanked'] == how and (case.info['bus']['kept'] == 1) == (not find)
    assert (case.data['bus'][marks].mean() > 100) == (not find)
    if not find:
        assert np.array_equal(case.data['bus'], image)
    stated = {'bus': {'regions': (Region(100, 50, 200, 150, 'tissue'),)}}
    case = KeepRegion(find=find)(Case('c', 'p', data={'bus': image.copy()}, info=stated))
    assert case.info['bus']['blanked'] == 'stated' and not case.data['bus'][:50].any()


def test_what_keeps_the_whole_picture_blanks_nothing() -> None:
    image = np.full((8, 9, 3), 7, np.uint8)
    for regions in ((Region(0, 0, 9, 8, 'tissue'),), ()):
        case = KeepRegion()(Case('c', 'p', data={'bus': image}, info={'bus': {'regions': regions}}))
        assert case.data['bus'] is image and case.info['bus']['blanked'] == 'none' and case.info['bus']['kept'] == 1


def test_files_are_asked_for_their_regions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key frames come without the regions of their file."""
    (tmp_path / 'a.dcm').touch()
    asked: list[Path] = []

    def regions(path: Path) -> tuple[Region, ...]:
        asked.append(path)
        if len(asked) > 1:
            raise DataError('is cut', file=path)
        return (Region(0, 0, 4, 4, 'tissue'),)

    monkeypatch.setattr(region, 'read_regions', regions)
    case = Case('c7', 'p', data={'clip': np.full((2, 8, 8, 3), 9, np.uint8)})
    case.info['clip'] = {'file': str(tmp_path / 'a.dcm')}
    assert (KeepRegion()(case).data['clip'] > 0).sum() == 2 * 16 * 3
    with pytest.raises(DataError, match=r'is cut.*c7.*clip'):
        KeepRegion()(case)


def block(height: int, width: int, margin: int = 0) -> np.ndarray:
    """A block in the middle of a frame of 480 x 640, with a margin."""
    out = np.zeros((480, 640), np.uint8)
    top, left = 240 - height // 2 - margin, 320 - width // 2 - margin
    out[top : top + height + 2 * margin, left : left + width + 2 * margin] = 1
    return out


def test_the_edge_of_the_picture_reaches_an_eightieth_of_its_side() -> None:
    core, lit = block(200, 200) > 0, block(200, 200, margin=20)
    assert np.array_equal(region._fill(core, lit, 480), block(200, 200, margin=480 // 80) > 0)
    assert np.array_equal(region._fill(core, block(200, 200, margin=3), 480), block(200, 200, margin=3) > 0)


@pytest.mark.parametrize(('width', 'kept'), [(5, False), (15, True)])
def test_what_sticks_out_is_cut_off_where_it_is_thinner_than_a_sixtieth(width: int, kept: bool) -> None:
    lit = block(200, 200)
    lit[130:140, 320 : 320 + width] = 1
    found = region._fill(block(200, 200) > 0, lit, 480)
    assert found[140:340, 220:420].all() and found[134:140, 320 : 320 + width].all() == kept
    assert found.any(1).argmax() == (134 if kept else 140)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r'\(H, W, 3\) or \(T, H, W, 3\) uint8, got \(4, 4\)'):
        ultrasound_region(np.zeros((4, 4), np.uint8))


def test_real_images_lose_little_of_their_lesions(real_data: Path) -> None:
    """Cropped exports of hospitals: outlined lesions must stay."""
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    masks = sorted(folder.rglob('*_tumor.png'))[:40]
    kept = []
    for file in masks:
        image = read_image(file.with_name(file.name.replace('_tumor', '')))
        mask = read_image(file).max(-1) > 0
        kept.append(float(ultrasound_region(image)[mask].mean()))
    assert len(kept) == 40 and np.mean(np.array(kept) > 0.98) >= 0.95


def test_real_clips(real_data: Path) -> None:
    for name in ('Reg_pat1Image_132943.mpeg', 'Pneu_prospective_file3.mp4'):
        frames, _ = read_clip(real_data / 'lung_clips' / name, 0.5)
        assert 0.2 < ultrasound_region(frames).mean() <= 1


def plain_screen(level: int, box: tuple[int, int, int, int] = (50, 150, 80, 220)) -> np.ndarray:
    """A screen (200 x 300) of grey 20 with a patch (top, bottom, left, right) of another grey."""
    out = np.full((200, 300, 3), 20, np.uint8)
    out[box[0] : box[1], box[2] : box[3]] = level
    return out


@pytest.mark.parametrize(('levels', 'found'), [(8, False), (9, True), (-8, False), (-9, True)])
def test_how_far_grey_values_of_a_picture_lie_from_the_background(levels: int, found: bool) -> None:
    assert ultrasound_region(plain_screen(20 + levels)).all() != found


@pytest.mark.parametrize(('side', 'found'), [(33, False), (34, True)])
def test_the_smallest_picture(side: int, found: bool) -> None:
    """2 % of the frame are 1,200 of its 60,000 pixels: a square of 34.6, of which smoothing adds one."""
    assert ultrasound_region(plain_screen(200, (50, 50 + side, 80, 80 + side))).all() != found


@pytest.mark.parametrize(('share', 'found'), [(0.35, False), (0.55, True)])
def test_how_dense_speckle_is(share: float, found: bool) -> None:
    screen = plain_screen(20)
    screen[50:150, 80:220][np.random.default_rng(0).random((100, 140)) < share] = 200
    assert ultrasound_region(screen).all() != found


@pytest.mark.parametrize(('height', 'gap', 'kept'), [(8, 0, False), (9, 0, True), (8, 3, False), (17, 3, False)])
def test_lines_of_text_beside_the_picture(height: int, gap: int, kept: bool) -> None:
    """One that touches the picture is cut off while it is lower than 1/20 of the frame, less what smoothing adds."""
    screen = plain_screen(200)
    screen[60 : 60 + height, 220 + gap : 280] = 255
    assert bool(ultrasound_region(screen)[60 + height // 2, 260]) == kept
    assert ultrasound_region(screen)[50:150, 80:220].all()
