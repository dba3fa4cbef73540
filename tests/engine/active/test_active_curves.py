"""Curves, areas and images that nobody asked for, from rounds that are written by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from usmm.engine.active.active_curves import gather_curves, never_asked
from usmm.engine.active.active_learning import ActiveLearning
from usmm.engine.active.active_state import write_labelled

AUCS = {'rand': {0: (0.5, 0.6, 0.7), 1: (0.6, 0.6, 0.8)}, 'es': {0: (0.5, 0.8, 0.7), 1: (0.6, 0.7, 0.8)}}
SHARES = (0.1, 0.2, 0.4)


class Fake(ActiveLearning):
    """Two images of each of five cases; sample i is case i's pair."""

    def pool(self, seed: int) -> SimpleNamespace:
        names = [f'c{i}#0-0' for i in range(5)]
        files = [{'lste': (Path(f'a{i}.png'),), 'lus': (Path(f'b{i}.png'),)} for i in range(5)]
        return SimpleNamespace(sample_ids=lambda: names, sample_files=lambda: files)


def write(folder: Path, share: float, auc: float | None, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    count = round(share * 100)
    content = dict(labelled=count, pool=100, share=share, units=count, patients=3, images=7, seconds=1.0)
    (folder / 'round.json').write_text(
        json.dumps({**content, 'metrics': {'auc': auc, 'image/auc': auc, 'stage_error': 1}})
    )
    write_labelled(folder / 'labelled.csv', names, dict.fromkeys(names, 'F0'))


@pytest.fixture
def plan(tmp_path: Path) -> Fake:
    for s, by_seed in AUCS.items():
        for seed, (first, *rest) in by_seed.items():
            root = tmp_path / f'seed_{seed}'
            write(root / 'start', SHARES[0], first, ['c0#0-0'])
            write(root / 'full', 1.0, 0.8 if seed == 0 else 0.7, [])
            for k, auc in enumerate(rest, 1):
                held = ['c0#0-0', *(['c1#0-0'] if seed else []), *(['c2#0-0'] if s == 'es' else [])]
                write(root / s / f'round_{k}', SHARES[k], auc, held)
    return Fake('mine.py', tmp_path, ('rand', 'es'), (0, 1), rounds=2, count=1)


def test_areas_and_mean_curves_by_hand(plan: Fake) -> None:
    found = gather_curves(plan)
    rand = found['strategies']['rand']
    # trapezoids over 0.1 to 0.4: (0.1 * (0.5 + 0.6) / 2 + 0.2 * (0.6 + 0.7) / 2) / 0.3
    assert rand['area']['0'] == pytest.approx((0.055 + 0.13) / 0.3)
    assert [p['mean'] for p in rand['curve']] == pytest.approx([0.55, 0.6, 0.75])
    assert [p['std'] for p in rand['curve']] == pytest.approx([0.05, 0, 0.05])
    assert [p['share'] for p in rand['curve']] == pytest.approx(SHARES) and rand['curve'][2]['seeds'] == 2


def test_shares_that_reach_the_full_score_of_their_seed(plan: Fake) -> None:
    found = gather_curves(plan)
    # full scores 0.8 and 0.7: 95 % of them are 0.76 and 0.665
    assert found['strategies']['es']['reached'] == {'0.95': {'0': 0.2, '1': 0.2}, '1': {'0': 0.2, '1': 0.2}}
    assert found['strategies']['rand']['reached'] == {'0.95': {'0': None, '1': 0.4}, '1': {'0': None, '1': 0.4}}


def test_files(plan: Fake) -> None:
    found = gather_curves(plan)
    with (plan.work_dir / 'curves.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 3 + 2 and {r['strategy'] for r in rows} == {'rand', 'es', 'full'}
    assert 'image/auc' not in rows[0] and rows[0]['stage_error'] == '1'
    assert json.loads((plan.work_dir / 'active_learning.json').read_text())['rows'] == found['rows']


def test_images_that_nobody_asked_for(plan: Fake) -> None:
    found = {item['file']: (item['seeds'], item['of']) for item in never_asked(plan, 'rand')}
    assert found == {f'{m}{i}.png': (1 if i == 1 else 2, 2) for m in 'ab' for i in (1, 2, 3, 4)}
    assert 'a2.png' not in {item['file'] for item in never_asked(plan, 'es')}
    listed = never_asked(plan, 'rand', most=3)
    assert [item['seeds'] for item in listed] == [2, 2, 2] and listed[0]['case_id'] == 'c2'


def test_noise_that_was_asked_for(plan: Fake) -> None:
    # of each pool of five one sample is noise; `es` asked for it in both seeds, beside c1 in one
    found = gather_curves(plan, noisy=['b2.png', 'other.png'])['noise']
    assert found == {'pool': 0.2, 'rand': 0.0, 'es': pytest.approx(2 / 3)}
    assert gather_curves(plan)['noise'] is None


def test_a_round_without_a_score_is_left_out(plan: Fake) -> None:
    write(plan.work_dir / 'seed_0' / 'rand' / 'round_1', 0.2, None, ['c0#0-0'])
    found = gather_curves(plan)['strategies']['rand']
    assert found['area']['0'] == pytest.approx((0.5 + 0.7) / 2) and found['curve'][1]['seeds'] == 1


def test_errors(plan: Fake, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'kappa' is not measured; there are"):
        gather_curves(plan, 'kappa')
    with pytest.raises(ValueError, match="'stage_error' is better when it is lower"):
        gather_curves(plan, 'stage_error')
    with pytest.raises(ValueError, match='no round is done in'):
        gather_curves(Fake('mine.py', tmp_path / 'x', ('es',), (0,), rounds=1, count=1))
