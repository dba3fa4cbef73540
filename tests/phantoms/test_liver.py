"""The preset `liver_mr`: what is planted is in the pictures, and the truth says how much it tells."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import norm, rankdata, spearmanr

from usmm.phantoms import PRESETS, best_auc, make_phantom
from usmm.phantoms.rendering.mri import CONTRASTS, SIZE, draw_liver, draw_mr

NAMES = ('t1', 't2', 'oop')


@pytest.fixture(scope='module')
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantom(tmp_path_factory.mktemp('liver') / 'p', 138, seed=3, preset='liver_mr', workers=1)


def auc(score: np.ndarray, label: np.ndarray) -> float:
    ranks, n = rankdata(score), label.sum()
    return float((ranks[label].sum() - n * (n + 1) / 2) / n / (~label).sum())


def contrast(image: np.ndarray, inside: np.ndarray) -> float:
    """Grey of the tumour over that of the liver."""
    grey = image[..., 0].astype(float)
    return float(grey[inside].mean() / np.median(grey[(grey > 20) & ~inside]))


def test_the_cohort_is_that_of_the_paper(phantom):
    table = pd.read_excel(phantom / 'cases.xlsx')
    assert table['label'].value_counts().to_dict() == {'stage1': 88, 'stage2': 50}
    assert table['patient_id'].nunique() == 138
    for name in NAMES:
        with Image.open(phantom / table[name][0]) as image:
            assert image.size == SIZE and max(image.size) < 200
            assert np.asarray(image)[:4].max() == 0  # cut out of the body


def test_the_best_auc_is_a_closed_form(phantom):
    truth = json.loads((phantom / 'truth.json').read_text())
    d2 = {name: value**2 for name, value in truth['d'].items()}
    assert set(d2) == {*NAMES, 'anatomy'} and all(v == pytest.approx(0.5) for v in d2.values())
    best = truth['best_auc']
    assert set(best) == {'t1', 't2', 'oop', 't1+t2', 't1+oop', 't2+oop', 't1+t2+oop'}
    for names, value in best.items():
        count = len(names.split('+'))
        assert value == pytest.approx(norm.cdf(np.sqrt((0.5 + 0.5 * count) / 2)))
    assert (best['t1'], best['t1+t2+oop']) == (pytest.approx(0.760, abs=5e-4), pytest.approx(0.841, abs=5e-4))


def test_the_best_auc_is_what_the_sum_of_the_latents_reaches():
    rng = np.random.default_rng(0)
    label = rng.random(60_000) < 0.4
    d = PRESETS['liver_mr'].separations(1.0, NAMES)
    scores = {n: np.where(label, 1, -1) * v / 2 + rng.standard_normal(len(label)) for n, v in d.items()}
    total = sum(d[n] * scores[n] for n in ('t1', 'oop', 'anatomy'))
    assert best_auc(d, 't1+oop', common='anatomy') == pytest.approx(auc(total, label), abs=0.006)
    with pytest.raises(ValueError, match=r"expected modalities of \['t1', 't2', 'oop'\], got \['anatomy'\]"):
        best_auc(d, 'anatomy', common='anatomy')


def test_both_latents_can_be_read_off_the_pictures(phantom):
    table = pd.read_excel(phantom / 'cases.xlsx')
    latents = pd.DataFrame(json.loads((phantom / 'truth.json').read_text())['latents']).T.loc[table['case_id']]
    areas = []
    for name in NAMES:
        found = []
        for file, mask in zip(table[name], table[f'{name}_mask']):
            inside = np.asarray(Image.open(phantom / mask)).reshape(SIZE[1], SIZE[0], -1)[..., 0] > 0
            found.append(contrast(np.asarray(Image.open(phantom / file).convert('RGB')), inside))
            areas.append(int(inside.sum()))
        side = np.sign(CONTRASTS[name].tumour)
        assert side * spearmanr(found, latents[name].astype(float))[0] > 0.95
        assert abs(spearmanr(found, latents['anatomy'].astype(float))[0]) < 0.25  # each shows its own
    areas = np.array(areas).reshape(3, -1)
    assert (areas[0] == areas[1]).all() and (areas[0] == areas[2]).all()  # aligned
    assert spearmanr(areas[0], latents['anatomy'].astype(float))[0] > 0.99


@pytest.mark.parametrize('name', NAMES)
def test_the_contrast_follows_the_latent(name):
    draw = partial(draw_mr, CONTRASTS[name])
    liver = draw_liver(np.random.default_rng(0), {'anatomy': 0.5})
    images = [draw(liver, latent, SIZE, np.random.default_rng(1)) for latent in (-3, -1, 0, 1, 3)]
    found = np.array([contrast(image, liver.mask(SIZE)) for image in images])
    assert (np.diff(found * np.sign(CONTRASTS[name].tumour)) > 0.01).all()
    assert draw(liver, 0.0, (90, 80), np.random.default_rng(1)).shape == (80, 90, 3)
    assert liver.mask((90, 80)).sum() == pytest.approx(liver.mask(SIZE).sum() / 4, rel=0.1)
    assert liver.spacing((90, 80)) == pytest.approx((2.8, 2.8))


def test_no_dicom(tmp_path):
    with pytest.raises(ValueError, match="preset 'liver_mr' has no DICOM files, only PNG"):
        make_phantom(tmp_path / 'p', 1, preset='liver_mr', dicom=True)
