"""The preset `liver_blood`: the published ladder is the known truth, and pictures and table hold it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

from usmm.datasets.checks.check_data import check_data
from usmm.phantoms import PRESETS, best_auc, make_phantom
from usmm.phantoms.image_modality import drawn_box
from usmm.phantoms.marker_plan import Marker, steps_to
from usmm.phantoms.presets.liver_blood import LADDER, D
from usmm.phantoms.rendering.liver_blood_images import SIZE, draw_liver_bmode, draw_nodule_scene
from usmm.phantoms.truth import case_label

PRESET = PRESETS['liver_blood']
PLAN = PRESET.clinical
STEPS = ['bus', 'bus+age+sex', 'bus+age+sex+ast+alt', 'bus+age+sex+ast+alt+platelets',
         'bus+age+sex+ast+alt+platelets+albumin']  # fmt: skip
PUBLISHED = (0.721, 0.803, 0.955, 0.982, 0.994)  # test AUC of models 1 to 5
SCHEMA = dict(
    images=dict(bus='bus'),
    clinical=[
        dict(name='age', unit='year', range=(0, 120)),
        dict(name='sex', values=('F', 'M')),
        dict(name='ast', unit='U/L', range=(1, 5000), log=True),
        dict(name='alt', unit='U/L', range=(1, 5000), log=True),
        dict(name='platelets', unit='10^9/L', range=(30, 1000), log=True, other_units={'10^4/uL': 10}),
        dict(name='albumin', unit='g/L', range=(10, 70), other_units={'g/dL': 10}),
    ],
)


@pytest.fixture(scope='module')
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantom(tmp_path_factory.mktemp('blood') / 'p', 60, seed=4, preset='liver_blood', workers=1)


def auc(score: np.ndarray, label: np.ndarray) -> float:
    ranks, n = rankdata(score), label.sum()
    return float((ranks[label].sum() - n * (n + 1) / 2) / n / (~label).sum())


def darkness(image: np.ndarray, mask: np.ndarray) -> float:
    """Grey of a ring around the nodule less that inside, medians."""
    inside = cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    near, far = (cv2.dilate(mask.astype(np.uint8), np.ones((n, n), np.uint8)) > 0 for n in (11, 27))
    return float(np.median(image[far & ~near].astype(float)) - image[inside].mean())


def test_the_ladder_is_the_published_one(phantom):
    truth = json.loads((phantom / 'truth.json').read_text())
    assert list(truth['ladder']) == STEPS
    assert list(truth['ladder'].values()) == pytest.approx(list(PUBLISHED), abs=1e-12)
    assert [truth['best_auc'][name] for name in STEPS] == pytest.approx(list(PUBLISHED), abs=1e-12)
    assert list(truth['d']) == ['bus', 'age', 'sex', 'ast', 'alt', 'platelets', 'albumin']
    assert len(truth['best_auc']) == 2**7 - 1 + 2  # all sets of columns; and `clinical` for the whole table
    assert truth['best_auc']['bus+clinical'] == truth['best_auc'][STEPS[-1]]
    d = truth['d']
    whole = norm.cdf(np.sqrt(sum(d[name] ** 2 for name in d if name != 'bus') / 2))
    assert truth['best_auc']['clinical'] == pytest.approx(whole)
    assert d['sex'] == 0 and truth['best_auc']['sex'] == 0.5
    assert set(truth['latents']['C0001']) == {'label', *d}


def test_the_true_likelihood_ratio_of_50_000_written_rows_reaches_the_ladder():
    rng = np.random.default_rng(0)
    label = rng.random(50_000) < 548 / 1080
    side = np.where(label, 0.5, -0.5)
    d = PRESET.separations(1.0, PRESET.modalities)
    z = {name: side * value + rng.standard_normal(len(label)) for name, value in d.items()}
    score = d['bus'] * z['bus']  # the log likelihood ratio of N(d/2, 1) against N(-d/2, 1) is d z
    found = [auc(score, label)]
    for step in PLAN.steps:
        for marker in (m for m in PLAN.markers if m.name in step):
            values = np.array([marker.value(v) for v in z[marker.name]])  # what the table holds, rounded
            score = score + marker.d * np.array([marker.latent(v) for v in values])
        found.append(auc(score, label))
    assert found == pytest.approx(list(PUBLISHED), abs=0.006)
    # and without any rounding each single column
    for name in ('age', 'ast', 'alt', 'platelets', 'albumin'):
        assert auc(z[name], label) == pytest.approx(best_auc(d, name), abs=0.006)


def test_the_cohort_has_the_published_counts():
    labels = [case_label(7, i, PRESET.counts, PRESET.block) for i in range(1080)]
    assert (sum(labels), len(labels) - sum(labels)) == (548, 532)
    assert PRESET.classes == ('benign', 'malignant')


@pytest.mark.parametrize(
    ('name', 'benign', 'malignant', 'between'),
    [
        ('age', 48, 59, (18, 95)),
        ('ast', 24, 46, (1, 1000)),
        ('alt', 23, 38, (1, 1000)),
        ('platelets', 220, 130, (20, 1000)),
        ('albumin', 44, 36, (10, 70)),
    ],
)
def test_medians_by_class(name, benign, malignant, between):
    rng = np.random.default_rng(1)
    marker = next(m for m in PLAN.markers if m.name == name)
    for side, median in ((-0.5, benign), (0.5, malignant)):
        values = np.array([marker.value(v) for v in side * marker.d + rng.standard_normal(20_000)])
        assert np.median(values) == pytest.approx(median, rel=0.02)
        assert between[0] <= values.min() and values.max() <= between[1]


def test_the_row_gives_the_latents_back_and_the_sex_tells_nothing():
    rng = np.random.default_rng(2)
    rows = [PLAN.row({m.name: 0.3 for m in PLAN.markers}, rng) for _ in range(4000)]
    assert list(rows[0]) == ['age', 'sex', 'ast', 'alt', 'platelets', 'albumin']
    assert np.mean([row['sex'] == 'M' for row in rows]) == pytest.approx(0.62, abs=0.03)
    assert {row['ast'] for row in rows} == {rows[0]['ast']}
    names = ['age', 'sex', 'albumin']
    assert PLAN.score(rows[0], names) == pytest.approx(0.3 * (D['age'] + D['albumin']), abs=0.06)
    assert PLAN.score(rows[0], names, strength=2) == pytest.approx(2 * PLAN.score(rows[0], names))


@pytest.mark.parametrize('shape', ['normal', 'log', 'bounded'])
@pytest.mark.parametrize('medians', [(30, 60), (60, 30)])
def test_the_map_of_a_marker_is_monotone_through_the_medians(shape, medians):
    marker = Marker('x', 1.5, medians, shape, digits=3, limits=(10, 90))
    assert (marker.value(-0.75), marker.value(0.75)) == pytest.approx(medians)
    values = [marker.value(z) for z in np.linspace(-5, 5, 101)]
    assert (np.sign(np.diff(values)) == np.sign(medians[1] - medians[0])).all()
    assert [marker.latent(marker.value(z)) for z in (-3, 0.4, 3)] == pytest.approx([-3, 0.4, 3], abs=1e-3)
    if shape == 'bounded':
        assert marker.value(99) == (90 if medians[1] > medians[0] else 10)
        assert np.isfinite(marker.latent(marker.value(99)))


@pytest.mark.parametrize(
    ('aucs', 'shares', 'message'),
    [
        ((0.7, 0.8), [], r'one more than steps, got \[0.7, 0.8\] for 0 steps'),
        ((0.8, 0.7), [{'a': 1.0}], 'expected rising AUCs'),
        ((0.7, 0.8), [{'a': 0.5, 'b': 0.4}], r"add up to 1, got \{'a': 0.5, 'b': 0.4\}"),
    ],
)
def test_a_ladder_that_makes_no_sense(aucs, shares, message):
    with pytest.raises(ValueError, match=message):
        steps_to(aucs, shares)


def test_a_simple_feature_of_the_picture_shows_the_latent(phantom):
    table = pd.read_excel(phantom / 'cases.xlsx')
    latents = json.loads((phantom / 'truth.json').read_text())['latents']
    found, sizes = [], []
    for row in table.itertuples():
        image, mask = (cv2.imread(str(phantom / name), cv2.IMREAD_GRAYSCALE) for name in (row.bus, row.bus_mask))
        assert image.shape == mask.shape == SIZE[::-1]
        rows, columns = np.flatnonzero((mask > 0).any(1)), np.flatnonzero((mask > 0).any(0))
        x0, y0, x1, y1 = (int(v) for v in row.bus_box.split(','))
        room = np.array([columns[0] - x0, rows[0] - y0, x1 - columns[-1] - 1, y1 - rows[-1] - 1])
        assert (room >= 0).all() and (room <= 4).all()
        found.append(darkness(image, mask > 0))
        sizes.append((mask > 0).sum())
    planted = np.array([latents[c]['bus'] for c in table['case_id']])
    assert np.corrcoef(found, planted)[0, 1] > 0.93
    assert abs(np.corrcoef(sizes, planted)[0, 1]) < 0.3  # the size tells nothing


def test_the_picture_darkens_with_the_latent_and_the_anatomy_stays():
    scene = draw_nodule_scene(np.random.default_rng(5), {})
    mask = scene.mask(SIZE)
    images = [draw_liver_bmode(scene, z, SIZE, np.random.default_rng(6)) for z in (-4, -2, 0, 2, 4)]
    assert (np.diff([darkness(image[..., 0], mask) for image in images]) > 8).all()
    half = (SIZE[0] // 2, SIZE[1] // 2)
    assert draw_liver_bmode(scene, 0.0, half, np.random.default_rng(6)).shape == (half[1], half[0], 3)
    assert scene.mask(half).sum() == pytest.approx(mask.sum() / 4, rel=0.1)
    assert scene.spacing(half) == pytest.approx((0.72, 0.72))


def test_a_box_stays_in_its_image():
    mask = np.zeros((10, 20), bool)
    mask[:, 3:20] = True
    for seed in range(20):
        x0, y0, x1, y1 = (int(v) for v in drawn_box(mask, np.random.default_rng(seed)).split(','))
        assert 0 <= x0 <= 3 and (y0, x1, y1) == (0, 20, 10)


def test_the_files_are_clean(phantom):
    result = check_data(phantom / 'cases.xlsx', SCHEMA, PRESET.classes, workers=1)
    assert result.problems == []
    assert result.counts['modalities']['bus']['boxed'] == result.counts['modalities']['bus']['masked'] == 60


@pytest.mark.parametrize('strength', [0.0, 2.0])
def test_strength_scales_every_d(strength):
    d = PRESET.separations(strength, PRESET.modalities)
    expected = norm.cdf(strength * np.sqrt(np.square([norm.ppf(v) for v in LADDER])))
    steps = [name.split('+') for name in STEPS]
    assert [best_auc(d, names) for names in steps] == pytest.approx(list(expected))


def test_parts_of_it(tmp_path):
    out = make_phantom(tmp_path / 'a', 2, preset='liver_blood', modalities=['clinical'], workers=1)
    truth = json.loads((out / 'truth.json').read_text())
    assert list(truth['ladder']) == [name.removeprefix('bus+') for name in STEPS[1:]]
    assert 'bus' not in truth['d'] and 'bus' not in pd.read_excel(out / 'cases.xlsx')
    out = make_phantom(tmp_path / 'b', 1, preset='liver_blood', modalities=['bus'], workers=1)
    truth = json.loads((out / 'truth.json').read_text())
    assert truth['best_auc'] == {'bus': pytest.approx(0.721)} and 'ladder' not in truth
    assert 'age' not in pd.read_excel(out / 'cases.xlsx')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(shared='bus,clinical'), 'have latents of their own'),
        (dict(dicom=True), "'liver_blood' has no DICOM files"),
    ],
)
def test_what_it_cannot_do(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        make_phantom(tmp_path / 'p', 1, preset='liver_blood', **options)
