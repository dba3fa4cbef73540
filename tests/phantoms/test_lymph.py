"""The preset `lymph`: three classes, known best AUCs, aligned pictures that show the latents."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from usmm.datasets.checks.check_data import check_data
from usmm.phantoms import PRESETS, make_phantom

PRESET = PRESETS['lymph']
CLASSES, COUNTS = ('benign', 'lymphoma', 'metastatic'), (164, 122, 300)
PUBLISHED = dict(bus=0.883, cdfi=0.862, ue=0.920)  # means of four networks with pre-training
SETS = ('bus', 'cdfi', 'ue', 'bus+cdfi', 'bus+ue', 'cdfi+ue', 'bus+cdfi+ue')
SCHEMA = dict(images={name: name for name in PUBLISHED})


@pytest.fixture(scope='module')
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantom(tmp_path_factory.mktemp('lymph') / 'p', 24, seed=2, preset='lymph', workers=1)


def auc(score: np.ndarray, label: np.ndarray) -> float:
    ranks, n = rankdata(score), label.sum()
    return float((ranks[label].sum() - n * (n + 1) / 2) / n / (~label).sum())


def posterior(latents: np.ndarray, d: np.ndarray) -> np.ndarray:
    """(N, 3) from the three Gaussians themselves, a modality at a time; nothing of the phantom's own formulas."""
    place = np.array([-1.0, 0.0, 1.0])
    log = np.log(np.array(COUNTS) / 586) - ((latents[:, :, None] - d[:, None] * place) ** 2 / 2).sum(1)
    p = np.exp(log - log.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def features(folder: Path, row: dict[str, str]) -> dict[str, float]:
    """Darkness of the node, share of coloured pixels in it, blue against red in it."""
    images = {m: cv2.imread(str(folder / row[m]))[..., ::-1].astype(float) for m in PUBLISHED}
    masks = {m: cv2.imread(str(folder / row[f'{m}_mask']), 0) > 0 for m in PUBLISHED}
    inside = cv2.erode(masks['bus'].astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    strain = images['ue'][masks['ue']].mean(0)
    return dict(
        bus=-images['bus'][inside].mean(),
        cdfi=(np.ptp(images['cdfi'][masks['cdfi']], axis=1) > 40).mean(),
        ue=strain[2] - strain[0],
    )


def test_the_cohort_has_the_published_counts() -> None:
    assert PRESET.classes == CLASSES and PRESET.positive is None
    for seed in (0, 5):
        labels = [PRESET.label(seed, i) for i in range(586)]
        assert Counter(labels) == dict(enumerate(COUNTS))
        assert all(abs(labels[i : i + 60].count(2) - 60 * 300 / 586) < 3 for i in range(0, 500, 20))


def test_each_modality_alone_has_the_published_auc(phantom: Path) -> None:
    truth = json.loads((phantom / 'truth.json').read_text())
    assert tuple(truth['best_auc']) == tuple(truth['best_accuracy']) == SETS
    assert {name: truth['best_auc'][name] for name in PUBLISHED} == pytest.approx(PUBLISHED, abs=1e-6)
    assert truth['positive'] is None and truth['classes'] == list(CLASSES) and 'best_stage_error' not in truth


@pytest.mark.parametrize('strength', [1.0, 0.5])
def test_the_truth_against_200_000_patients(strength: float) -> None:
    d = PRESET.separations(strength, PRESET.modalities)
    best, rng, n = PRESET.best(d), np.random.default_rng(0), 200_000
    labels = rng.choice(3, n, p=np.array(COUNTS) / 586)
    steps = np.array([d[m] for m in PUBLISHED])
    latents = steps * (labels[:, None] - 1) + rng.standard_normal((n, 3))
    for name in SETS:
        chosen = [i for i, m in enumerate(PUBLISHED) if m in name.split('+')]
        p = posterior(latents[:, chosen], steps[chosen])
        macro = np.mean([auc(p[:, k], labels == k) for k in range(3)])
        assert best['best_auc'][name] == pytest.approx(macro, abs=0.003), name
        assert best['best_accuracy'][name] == pytest.approx((p.argmax(1) == labels).mean(), abs=0.003), name


def test_the_drawn_latents_are_those_of_the_truth() -> None:
    d = PRESET.separations(1, PRESET.modalities)
    rng = np.random.default_rng(1)
    for label in range(3):
        rows = [PRESET.latents(rng, label, d) for _ in range(4000)]
        values = np.array([[row[m] for m in PUBLISHED] for row in rows])
        expected = [d[m] * (label - 1) for m in PUBLISHED]
        assert values.mean(0) == pytest.approx(expected, abs=0.06)
        assert np.cov(values.T) == pytest.approx(np.eye(3), abs=0.08)


def test_strength_scales_every_d_and_none_tells_nothing() -> None:
    one, two, none = (PRESET.separations(s, PRESET.modalities) for s in (1, 2, 0))
    assert two == {name: 2 * value for name, value in one.items()}
    assert PRESET.best(none)['best_auc'] == pytest.approx(dict.fromkeys(SETS, 0.5))
    assert PRESET.best(none)['best_accuracy'] == pytest.approx(dict.fromkeys(SETS, 300 / 586))
    # clipped to what a picture can show, the outer classes still lie far from the middle one
    assert two['ue'] < 4.4 and 4.4 - two['bus'] > 1


def test_simple_features_of_the_pictures_show_the_latents(phantom: Path) -> None:
    table = pd.read_excel(phantom / 'cases.xlsx')
    latents = json.loads((phantom / 'truth.json').read_text())['latents']
    assert set(latents['C0001']) == {'label', *PUBLISHED}
    rows = table.to_dict('records')
    assert [latents[row['case_id']]['label'] for row in rows] == table['label'].tolist()
    found = [features(phantom, row) for row in rows]
    for name in PUBLISHED:
        planted = [latents[row['case_id']][name] for row in rows]
        assert np.corrcoef([f[name] for f in found], planted)[0, 1] > 0.95, name


def test_the_pictures_are_aligned_and_clean(phantom: Path) -> None:
    for row in pd.read_excel(phantom / 'cases.xlsx').to_dict('records'):
        masks = {(phantom / row[f'{m}_mask']).read_bytes() for m in PUBLISHED}
        assert len(masks) == 1
    assert check_data(phantom / 'cases.xlsx', SCHEMA, CLASSES, workers=1).problems == []
    readme = (phantom / 'README.txt').read_text()
    assert 'outline of a node, gain and speckle tell nothing of the class' in readme


def test_a_modality_of_it_alone_is_the_same(phantom: Path, tmp_path: Path) -> None:
    out = make_phantom(tmp_path / 'p', 2, seed=2, preset='lymph', modalities=['ue'], workers=1, test_cases=1)
    assert (out / 'ue/C0002.png').read_bytes() == (phantom / 'ue/C0002.png').read_bytes()
    truth = json.loads((out / 'truth.json').read_text())
    assert truth['best_auc'] == {'ue': pytest.approx(0.92, abs=1e-6)}
    assert pd.read_excel(out / 'cases.xlsx')['split'].tolist() == ['train', 'train', 'test']


def test_shared_latents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="preset 'lymph' have latents of their own"):
        make_phantom(tmp_path / 'p', 1, preset='lymph', shared='bus,ue')
