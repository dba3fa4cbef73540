"""The latents must be readable from the written files by simple measurements."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import openpyxl
import pytest

from usmm.phantoms import make_phantom

CASES = 24
SIZES = {'bus': (615, 780), 'cdfi': (615, 780), 'ue': (240, 310), 'dceus': (440, 360)}


@pytest.fixture(scope='module')
def phantom(tmp_path_factory) -> Path:
    return make_phantom(tmp_path_factory.mktemp('p') / 'p', CASES, seed=11, strength=2, clip_seconds=4.5, fps=20)


@pytest.fixture(scope='module')
def truth(phantom) -> dict:
    return json.loads((phantom / 'truth.json').read_text())


@pytest.fixture(scope='module')
def rows(phantom) -> list[dict]:
    header, *rows = openpyxl.load_workbook(phantom / 'cases.xlsx').active.iter_rows(values_only=True)
    return [dict(zip(header, row)) for row in rows]


def image(phantom: Path, row: dict, name: str) -> np.ndarray:
    return cv2.imread(str(phantom / row[name])).astype(np.float32)


def lesion(phantom: Path, row: dict, name: str) -> np.ndarray:
    return cv2.imread(str(phantom / row[f'{name}_mask']), cv2.IMREAD_GRAYSCALE) > 0


def ring(mask: np.ndarray) -> np.ndarray:
    """A band around the lesion, a little off its border."""
    near, far = (cv2.dilate(mask.astype(np.uint8), np.ones((k, k), np.uint8)) > 0 for k in (15, 35))
    return far & ~near


def echo_contrast(phantom: Path, row: dict) -> float:
    grey, mask = image(phantom, row, 'bus')[..., 0], lesion(phantom, row, 'bus')
    core = cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    return grey[ring(mask)].mean() - grey[core].mean()


def flow_share(phantom: Path, row: dict) -> float:
    colours = image(phantom, row, 'cdfi')
    return (np.ptp(colours, axis=2) > 40)[lesion(phantom, row, 'cdfi')].mean()


def blue_over_red(phantom: Path, row: dict) -> float:
    colours = image(phantom, row, 'ue')[lesion(phantom, row, 'ue')].mean(0)
    return colours[0] - colours[2]  # OpenCV: blue, green, red


def key_frames(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The 10 frames of largest change of the mean grey value, in time order."""
    change = np.abs(np.diff([frame.mean() for frame in frames]))
    return [frames[i + 1] for i in sorted(np.argsort(-change, kind='stable')[:10])]


def lost_enhancement(phantom: Path, row: dict) -> float:
    """Over the key frames alone: how much darker the lesion is than its surroundings."""
    with av.open(str(phantom / row['dceus'])) as clip:
        frames = [frame.to_ndarray(format='gray') for frame in clip.decode(video=0)]
    mask = lesion(phantom, row, 'dceus')
    keys = np.stack(key_frames(frames))[5:].astype(float)
    return keys[:, ring(mask)].mean() - keys[:, mask].mean()


def correlation(a: list[float], b: list[float]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize(
    ('name', 'measure'),
    [('bus', echo_contrast), ('cdfi', flow_share), ('ue', blue_over_red), ('dceus', lost_enhancement)],
)
def test_latent_is_recovered_from_the_files(phantom, truth, rows, name, measure):
    measured = [measure(phantom, row) for row in rows]
    assert correlation(measured, [truth['latents'][row['case_id']][name] for row in rows]) > 0.95


def test_clinical_latent_is_linear_in_the_table(truth, rows):
    numbers = [[row['age'], row['td'], row['ld']] for row in rows]
    words = [[row['gender'] == 'M', row['node_side'] == 'right', *(row['neck_level'] == v for v in ('II', 'III', 'IV', 'V'))] for row in rows]  # fmt: skip  # noqa: E501
    x = np.hstack([np.array(numbers, float), np.array(words, float), np.ones((len(rows), 1))])
    latents = np.array([truth['latents'][row['case_id']]['clinical'] for row in rows])
    fitted = x @ np.linalg.lstsq(x, latents, rcond=None)[0]
    assert np.abs(fitted - latents).max() < 0.1


def test_lesion_is_seen_in_the_crop_too(phantom, truth, rows):
    """The middle of the square crop alone is enough: what a network gets."""
    latents = {m: [truth['latents'][row['case_id']][m] for row in rows] for m in ('bus', 'ue')}
    means: dict[str, list[np.ndarray]] = {'bus': [], 'ue': []}
    for row in rows:
        for name, values in means.items():
            y, x = (int(v.mean()) for v in np.nonzero(lesion(phantom, row, name)))
            half = 28 if name == 'bus' else 16
            values.append(image(phantom, row, name)[y - half : y + half, x - half : x + half].mean((0, 1)))
    assert correlation([-v[0] for v in means['bus']], latents['bus']) > 0.9
    assert correlation([v[0] - v[2] for v in means['ue']], latents['ue']) > 0.9


def test_table(truth, rows):
    assert len(rows) == CASES
    files = [c for m in SIZES for c in (m, f'{m}_mask')]
    clinical = ['age', 'td', 'ld', 'gender', 'node_side', 'neck_level']
    assert list(rows[0]) == ['case_id', 'patient_id', 'label', *files, *clinical, 'split']
    assert len({row['patient_id'] for row in rows}) == CASES
    assert [row['label'] for row in rows] == [truth['latents'][row['case_id']]['label'] for row in rows]
    assert abs(sum(row['label'] == 'SCC' for row in rows) - CASES * 121 / 301) < 3


def test_truth(truth):
    assert truth['best_auc']['bus+cdfi+ue+dceus+clinical'] == pytest.approx(0.986, abs=5e-4)
    assert (truth['preset'], truth['strength'], truth['seed'], truth['positive']) == ('cla', 2, 11, 'SCC')
    assert truth['key_frame_step'] == {'dceus': pytest.approx(4.5 / 90)}


@pytest.mark.parametrize('name', SIZES)
def test_sizes_and_masks(phantom, rows, name):
    for row in rows:
        mask = cv2.imread(str(phantom / row[f'{name}_mask']), cv2.IMREAD_UNCHANGED)
        assert mask.shape == SIZES[name] and set(np.unique(mask)) == {0, 255}
        assert cv2.connectedComponents(mask)[0] == 2  # background and one lesion
        side = max(np.ptp(np.nonzero(mask), axis=1))
        assert side > 40
    if name != 'dceus':
        assert image(phantom, rows[0], name).shape[:2] == SIZES[name]


def test_stills_are_aligned(phantom, rows):
    for row in rows:
        bus, cdfi, ue = (lesion(phantom, row, m) for m in ('bus', 'cdfi', 'ue'))
        assert (bus == cdfi).all()
        small = cv2.resize(bus.astype(np.uint8), (310, 240), interpolation=cv2.INTER_AREA) > 0
        assert (small & ue).sum() / (small | ue).sum() > 0.93


def test_clip_is_a_clip(phantom, rows):
    with av.open(str(phantom / rows[0]['dceus'])) as clip:
        stream = clip.streams.video[0]
        times = [float(frame.pts * stream.time_base) for frame in clip.decode(video=0)]
        assert (stream.width, stream.height) == (360, 440)
    assert np.diff(times) == pytest.approx(np.full(89, 1 / 20), abs=1e-3)


def test_clip_washes_in_and_out(phantom, rows):
    with av.open(str(phantom / rows[0]['dceus'])) as clip:
        grey = np.array([frame.to_ndarray(format='gray').mean() for frame in clip.decode(video=0)])
    peak = int(grey.argmax())
    assert 18 < peak < 40  # of 90 'seconds'
    assert grey[:5].mean() < 0.25 * grey[peak]
    assert 0.4 * grey[peak] < grey[-5:].mean() < 0.85 * grey[peak]


def test_no_leak_by_size(phantom, truth, rows):
    """Size and shape of the lesion are drawn apart from the latents; the chance of |r| > 0.6 is 2 in 1000 here."""
    area = [float(lesion(phantom, row, 'bus').sum()) for row in rows]
    for name in ('bus', 'clinical'):
        assert abs(correlation(area, [truth['latents'][row['case_id']][name] for row in rows])) < 0.6


def test_readme_says_that_all_is_synthetic(phantom):
    text = (phantom / 'README.txt').read_text()
    assert 'SYNTHETIC' in text and 'seed 11' in text
