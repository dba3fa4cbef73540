from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from usmm.phantoms import PRESETS, best_auc, best_aucs, separation
from usmm.phantoms.truth import case_label, case_rng, draw_latents, parse_groups

CLA = PRESETS['cla']
STATIC, IMAGES = 'bus+cdfi+ue', 'bus+cdfi+ue+dceus'


def rank_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    ranks, positive = rankdata(scores), labels == 1
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (~positive).sum())


@pytest.mark.parametrize('auc', [0.5, 0.62, 0.76, 0.95])
def test_separation_gives_back_the_auc(auc):
    assert norm.cdf(separation(auc) / np.sqrt(2)) == pytest.approx(auc)


@pytest.mark.parametrize('auc', [0.49, 1.0, float('nan')])
def test_separation_rejects(auc):
    with pytest.raises(ValueError, match=r'AUC must be in \[0.5, 1\)'):
        separation(auc)


# The values of the design page, worked out there from the single AUCs of the paper.
@pytest.mark.parametrize(
    ('strength', 'subset', 'expected'),
    [(1, STATIC, 0.734), (1, IMAGES, 0.827), (1, IMAGES + '+clinical', 0.863)]
    + [(2, m, v) for m, v in zip(CLA.modalities, (0.729, 0.795, 0.763, 0.921, 0.866))]
    + [(2, IMAGES + '+clinical', 0.986)],
)
def test_best_auc_of_the_preset(strength, subset, expected):
    d = CLA.separations(strength, CLA.modalities)
    assert best_auc(d, subset) == pytest.approx(expected, abs=5e-4)


def test_best_aucs_names_every_subset_in_order():
    table = best_aucs(CLA.separations(1, CLA.modalities))
    assert len(table) == 2**5 - 1
    assert next(iter(table)) == 'bus'
    assert list(table)[-1] == 'bus+cdfi+ue+dceus+clinical'
    assert table['bus'] == pytest.approx(0.62)
    assert table['dceus'] == pytest.approx(0.76)


def test_shared_latents_count_once():
    d = {'a': 1.0, 'b': 0.6, 'c': 0.5}
    group = [('a', 'b')]
    assert best_auc(d, 'a+b', group) == pytest.approx(norm.cdf(np.sqrt(1.0 / 2)))
    assert best_auc(d, 'b', group) == pytest.approx(norm.cdf(0.6 / np.sqrt(2)))
    assert best_auc(d, 'b+c', group) == pytest.approx(norm.cdf(np.sqrt((0.36 + 0.25) / 2)))
    assert best_auc(d, ['a', 'b', 'c'], group) == pytest.approx(norm.cdf(np.sqrt(1.25 / 2)))


@pytest.mark.parametrize('subset', ['mri', 'bus+mri', [], ''])
def test_best_auc_rejects(subset):
    with pytest.raises(ValueError, match='expected modalities of'):
        best_auc({'bus': 1.0}, subset)


@pytest.mark.parametrize(
    ('text', 'message'),
    [('bus,mri', r"unknown modalities \['mri'\]"), ('bus,ue;ue,cdfi', 'may stand once'), ('bus', 'at least two')],
)
def test_parse_groups_rejects(text, message):
    with pytest.raises(ValueError, match=message):
        parse_groups(text, CLA.modalities)


def test_parse_groups():
    assert parse_groups('bus, ue; cdfi,dceus', CLA.modalities) == (('bus', 'ue'), ('cdfi', 'dceus'))
    assert parse_groups([['bus', 'ue']], CLA.modalities) == (('bus', 'ue'),)
    assert parse_groups('', CLA.modalities) == ()


@pytest.mark.parametrize('seed', [0, 1, 7])
def test_classes_have_the_ratio_of_the_paper(seed):
    labels = np.array([case_label(seed, i, CLA.counts) for i in range(903)])
    assert labels[:301].sum() == 121
    assert labels[602:].sum() == 121
    # and nearly so in any stretch
    assert all(abs(labels[i : i + 50].sum() - 50 * 121 / 301) < 5 for i in range(850))


def test_order_of_the_classes_depends_on_the_seed():
    orders = {tuple(case_label(seed, i, CLA.counts) for i in range(60)) for seed in range(5)}
    assert len(orders) == 5


def many(shared=(), strength=2.0, n=20000):
    d = CLA.separations(strength, CLA.modalities)
    labels = np.arange(n) % 2
    rng = np.random.default_rng(0)
    rows = [draw_latents(rng, int(label), d, shared) for label in labels]
    return d, labels, np.array([[row[m] for m in CLA.modalities] for row in rows])


@pytest.mark.parametrize('shared', [(), (('bus', 'ue', 'dceus'),)])
def test_latents_have_the_planned_distribution(shared):
    d, labels, latents = many(shared)
    for j, m in enumerate(CLA.modalities):
        for label, side in ((0, -0.5), (1, 0.5)):
            part = latents[labels == label, j]
            assert part.mean() == pytest.approx(side * d[m], abs=0.04)
            assert part.std() == pytest.approx(1, abs=0.03)
        assert rank_auc(latents[:, j], labels) == pytest.approx(best_auc(d, m), abs=0.01)


def test_independent_latents_add_up_as_the_formula_says():
    d, labels, latents = many(strength=1.0)
    score = latents @ np.array(list(d.values()))  # the log likelihood ratio
    assert rank_auc(score, labels) == pytest.approx(0.863, abs=0.01)
    within = latents - np.where(labels[:, None], 0.5, -0.5) * np.array(list(d.values()))
    assert np.abs(np.corrcoef(within.T) - np.eye(5)).max() < 0.03


def test_shared_latents_are_redundant():
    d, labels, latents = many([('bus', 'dceus')])
    # Fisher's discriminant is optimal for Gaussians of one covariance
    pair = latents[:, [0, 3]]
    within = np.cov(np.concatenate([pair[labels == k] - pair[labels == k].mean(0) for k in (0, 1)]).T)
    score = pair @ np.linalg.solve(within, pair[labels == 1].mean(0) - pair[labels == 0].mean(0))
    assert rank_auc(score, labels) == pytest.approx(best_auc(d, 'dceus'), abs=0.01)
    assert best_auc(d, 'bus+dceus') > best_auc(d, 'dceus') + 0.015


def test_equal_members_of_a_group_are_one_latent():
    latents = draw_latents(np.random.default_rng(0), 1, {'a': 1.0, 'b': 1.0}, [('a', 'b')])
    assert latents['a'] == latents['b']


def test_strength_zero_tells_nothing():
    d = CLA.separations(0, CLA.modalities)
    latents = draw_latents(np.random.default_rng(0), 1, d, [('bus', 'ue')])
    assert set(d.values()) == {0.0}
    assert latents['bus'] == latents['ue']
    assert best_auc(d, IMAGES) == pytest.approx(0.5)


def test_case_rng_depends_on_all_parts():
    draws = {case_rng(*key).random() for key in ((0, 0, 'a'), (1, 0, 'a'), (0, 1, 'a'), (0, 0, 'b'))}
    assert len(draws) == 4
