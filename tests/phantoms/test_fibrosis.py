from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from usmm.datasets import PairPool
from usmm.datasets.transforms import coloured_box
from usmm.phantoms import PRESETS, make_phantom
from usmm.phantoms.ordered_stages import best_of_subsets, best_stage_scores, stage_of, step_of_auc

PRESET = PRESETS['fibrosis']
COUNTS = (41, 51, 31, 27, 18)


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantom(tmp_path_factory.mktemp('f') / 'p', 10, seed=3, preset='fibrosis', workers=1)


def test_counts_are_the_papers() -> None:
    assert PRESET.counts == COUNTS and sum(COUNTS) == 168
    for seed in (0, 7):
        assert Counter(stage_of(seed, i, COUNTS) for i in range(168)) == dict(enumerate(COUNTS))
    first = Counter(stage_of(0, i, COUNTS) for i in range(42))
    assert all(abs(first[s] - COUNTS[s] / 4) < 1.5 for s in range(5))


def test_two_stages_are_the_closed_form() -> None:
    found = best_stage_scores(1.3, (1, 1))
    assert found['auc'] == pytest.approx(norm.cdf(1.3 / np.sqrt(2)), abs=1e-5)
    assert found['accuracy'] == pytest.approx(norm.cdf(0.65), abs=1e-5)
    assert found['stage_error'] == pytest.approx(1 - norm.cdf(0.65), abs=1e-5)


def test_five_stages_against_a_simulation() -> None:
    rng, step = np.random.default_rng(0), 1.1
    labels = rng.choice(5, 40_000, p=np.array(COUNTS) / 168)
    x = step * labels + rng.standard_normal(len(labels))
    posterior = norm.pdf(x[:, None] - step * np.arange(5)) * COUNTS
    posterior /= posterior.sum(1, keepdims=True)
    found = best_stage_scores(step, COUNTS)
    assert found['auc'] == pytest.approx(roc_auc_score(labels, posterior, multi_class='ovr'), abs=0.006)
    assert found['accuracy'] == pytest.approx((posterior.argmax(1) == labels).mean(), abs=0.01)
    cost = posterior @ np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    assert found['stage_error'] == pytest.approx(np.abs(cost.argmin(1) - labels).mean(), abs=0.015)


def test_aucs_of_the_paper_alone_and_sums_of_squares_together() -> None:
    d = PRESET.separations(1, PRESET.modalities)
    best = best_of_subsets(d, COUNTS)
    for name, auc in dict(lste=0.844, lstq=0.759, lus=0.749).items():
        assert best[name]['auc'] == pytest.approx(auc, abs=1e-6)
    both = best_stage_scores(float(np.hypot(d['lste'], d['lus'])), COUNTS)
    assert best['lste+lus'] == pytest.approx(both) and both['auc'] > best['lste']['auc']
    assert PRESET.separations(2, ('lus',)) == {'lus': 2 * d['lus']}
    with pytest.raises(ValueError, match=r'AUC must be in \[0.5, 0.99\], got 0.4'):
        step_of_auc(0.4, COUNTS)


def test_files_and_truth(made: Path) -> None:
    table, truth = pd.read_excel(made / 'cases.xlsx'), json.loads((made / 'truth.json').read_text())
    assert truth['positive'] is None and set(truth['best_accuracy']) == set(truth['best_auc'])
    assert truth['classes'] == ['F0', 'F1', 'F2', 'F3', 'F4'] and len(truth['best_auc']) == 15
    for row in table.to_dict('records'):
        facts = truth['latents'][row['case_id']]
        for modality in PRESET.images:
            files = row[modality.name].split(';')
            low, high = modality.images
            assert low <= len(files) <= high and len(facts['shown'][modality.name]) == len(files)
            assert all((made / f).is_file() for f in files)
            assert any(f not in facts['noisy'] for f in files)
    assert len({(made / f).read_bytes() for c in table['lus'] for f in c.split(';')}) == sum(
        len(c.split(';')) for c in table['lus']
    )


def test_a_fifth_of_the_images_is_noise(tmp_path: Path) -> None:
    out = make_phantom(tmp_path / 'p', 60, preset='fibrosis', workers=1, modalities=['lstq'])
    truth = json.loads((out / 'truth.json').read_text())
    total = len([*(out / 'lstq').glob('*.png')])
    noisy = [kind for facts in truth['latents'].values() for kind in facts['noisy'].values()]
    assert abs(len(noisy) / total - 0.2) < 3 * (0.16 / total) ** 0.5
    assert set(noisy) == {'no contact', 'wrong depth'}


def test_colour_follows_the_latent_of_good_images_only(made: Path) -> None:
    truth, rows = json.loads((made / 'truth.json').read_text()), []
    for path in sorted((made / 'lste').glob('*.png')):
        name, k = path.stem.split('_')
        facts = truth['latents'][name]
        image = cv2.imread(str(path))[..., ::-1].copy()
        x0, y0, x1, y1 = coloured_box(image) or (0, 0, 1, 1)
        part = image[y0:y1, x0:x1].reshape(-1, 3).mean(0)
        rows.append((facts['shown']['lste'][int(k)], part[2] - part[0], facts['noisy'].get(f'lste/{path.name}')))
    good = np.array([(a, b) for a, b, kind in rows if kind is None])
    assert len(good) < len(rows)  # some are noise
    assert np.corrcoef(good.T)[0, 1] > 0.95


def test_the_same_whatever_the_workers_and_modalities(made: Path, tmp_path: Path) -> None:
    other = make_phantom(tmp_path / 'o', 2, seed=3, preset='fibrosis', workers=2, modalities=['lstq'])
    for path in sorted((other / 'lstq').glob('*.png')):
        assert path.read_bytes() == (made / 'lstq' / path.name).read_bytes()
    assert not (other / 'lus').exists()


def test_dicom_and_pairs(tmp_path: Path) -> None:
    out = make_phantom(tmp_path / 'd', 6, preset='fibrosis', workers=1, modalities=['lste', 'lstq'], dicom=True)
    schema = dict(images=dict(lste='lste', lstq='lstq'))
    pool = PairPool(out / 'cases.xlsx', schema, PRESET.classes)
    counts = [(len(c.files['lste']), len(c.files['lstq'])) for c in pool.cases]
    assert len(pool) == sum(a * b for a, b in counts)
    assert pool.readings[0].files['lste'][0].suffix == '.dcm' and pool.verify() == {}


def test_shared_latents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="preset 'fibrosis' have latents of their own"):
        make_phantom(tmp_path / 'p', 1, preset='fibrosis', shared='lste,lus')
