"""What the rounds of an active-learning run say together: curves, areas, shares of labels, and who was never asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from usmm.engine.active.active_learning import ActiveLearning
from usmm.engine.active.active_state import read_labelled, write_rows
from usmm.engine.specs import Results
from usmm.engine.workdir.outputs import write_json
from usmm.engine.workdir.run_facts import versions
from usmm.evaluation.stats.learning_curve import curve_area, share_reaching
from usmm.utils import work_files

COUNTS = ('labelled', 'units', 'patients', 'images')
TARGETS = (0.95, 1.0)
LOWER_IS_BETTER = ('stage_error',)


def gather_curves(plan: ActiveLearning, metric: str = 'auc', noisy: Sequence[str] | None = None) -> Results:
    """Write `curves.csv` (a row a round) and `active_learning.json` of what is done, and return the latter.

    Args:
        plan: The run.
        metric: The score that areas and shares are of; a higher one is better.
        noisy: Files that are known to be noise (phantoms): how many samples with one were asked for is counted.

    Raises:
        ValueError: No round is done, the score is not measured, or a lower one of it is better.
    """
    if metric in LOWER_IS_BETTER:
        raise ValueError(f'{metric!r} is better when it is lower; name another score for the curves')
    rows = _rounds(plan)
    if not rows:
        raise ValueError(f'no round is done in {plan.work_dir}')
    if metric not in rows[0]:
        raise ValueError(f'{metric!r} is not measured; there are {[k for k in rows[0] if k not in COUNTS]}')
    full = {row['seed']: row for row in rows if row['strategy'] == 'full'}
    curves = [row for row in rows if row['strategy'] != 'full']
    columns = list(dict.fromkeys(k for row in rows for k in row))
    write_rows(plan.work_dir / work_files.CURVES, columns, rows)
    content = {
        'metric': metric,
        'unit': plan.unit,
        'training': plan.training,
        'count': plan.count,
        'start': plan.start or plan.count,
        'config': plan.config,
        'seeds': list(plan.seeds),
        'full': {str(seed): row for seed, row in full.items()},
        'rows': curves,
        'strategies': {s: _strategy(s, curves, full, metric) for s in plan.strategies if _of(curves, s)},
        'never': {s: never_asked(plan, s) for s in plan.strategies if _of(curves, s)},
        'noise': None if noisy is None else noise_asked(plan, noisy),
        'versions': versions(),
    }
    write_json(plan.work_dir / work_files.ACTIVE_LEARNING, content)
    return content


def never_asked(plan: ActiveLearning, strategy: str, most: int = 40) -> list[dict[str, Any]]:
    """Images that no labelled sample holds at the end, those that most seeds never asked for first.

    Args:
        plan: The run.
        strategy: Its name.
        most: How many are listed.

    Returns:
        Of each: `file`, `modality`, `case_id`, `seeds` that never asked for it, `of` seeds whose pool held it.
    """
    held: Counter[tuple[str, str, str]] = Counter()
    asked: Counter[tuple[str, str, str]] = Counter()
    for seed in plan.seeds:
        done = _done(plan, seed, strategy)
        if not done:
            continue
        pool, labelled = plan.pool(seed), set(read_labelled(done[-1] / work_files.LABELLED))
        images: dict[tuple[str, str, str], bool] = {}
        for name, files in zip(pool.sample_ids(), pool.sample_files(), strict=True):
            for m, group in files.items():
                for f in group:
                    key = (str(f), m, name.rpartition('#')[0] or name)
                    images[key] = images.get(key, False) or name in labelled
        held.update([*images])
        asked.update([key for key, value in images.items() if value])
    rest = [(key, count - asked[key], count) for key, count in held.items() if count > asked[key]]
    rest.sort(key=lambda item: (-item[1] / item[2], -item[1], item[0]))
    names = ('file', 'modality', 'case_id')
    return [{**dict(zip(names, key, strict=True)), 'seeds': n, 'of': of} for key, n, of in rest[:most]]


def noise_asked(plan: ActiveLearning, noisy: Sequence[str]) -> dict[str, float]:
    """Share of the samples with a noisy image, over all seeds: in the pool (`pool`), and of what a strategy asked for.

    Args:
        plan: The run.
        noisy: Files.
    """
    known, held, total = set(noisy), Counter[str](), Counter[str]()
    for seed in plan.seeds:
        pool = plan.pool(seed)
        files = zip(pool.sample_ids(), pool.sample_files(), strict=True)
        bad = {name for name, groups in files if known & {str(f) for group in groups.values() for f in group}}
        first = _names(plan.work_dir / work_files.seed_folder(seed) / 'start')
        asked = {s: _names(done[-1]) - first for s in plan.strategies if (done := _done(plan, seed, s))}
        for name, samples in {'pool': set(pool.sample_ids()), **asked}.items():
            held[name] += len(samples & bad)
            total[name] += len(samples)
    return {name: held[name] / total[name] for name in total if total[name]}


def _names(folder: Path) -> set[str]:
    path = folder / work_files.LABELLED
    return set(read_labelled(path)) if path.is_file() else set()


def _rounds(plan: ActiveLearning) -> list[dict[str, Any]]:
    rows = []
    for seed in plan.seeds:
        root = plan.work_dir / work_files.seed_folder(seed)
        for strategy in plan.strategies:
            for k, folder in enumerate([root / 'start', *_done(plan, seed, strategy)]):
                if (folder / work_files.ROUND).is_file():
                    rows.append(_row(folder, seed, strategy, k))
        if (root / 'full' / work_files.ROUND).is_file():
            rows.append(_row(root / 'full', seed, 'full', 0))
    return rows


def _done(plan: ActiveLearning, seed: int, strategy: str) -> list[Path]:
    root = plan.work_dir / work_files.seed_folder(seed) / strategy
    folders = [root / f'round_{k}' for k in range(1, plan.rounds + 1)]
    return [folder for folder in folders if (folder / work_files.ROUND).is_file()]


def _row(folder: Path, seed: int, strategy: str, k: int) -> Results:
    found = json.loads((folder / work_files.ROUND).read_text(encoding='utf-8'))
    metrics = {n: v for n, v in found['metrics'].items() if not n.startswith('image/')}
    counts = {name: found[name] for name in (*COUNTS, 'pool', 'share', 'seconds')}
    return {'seed': seed, 'strategy': strategy, 'round': k, **counts, **metrics}


def _of(rows: Sequence[Mapping[str, object]], strategy: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row['strategy'] == strategy]


def _strategy(
    strategy: str, rows: Sequence[Mapping[str, object]], full: Mapping[int, Mapping[str, Any]], metric: str
) -> Results:
    """Mean curve, area by seed, and the share of labels at which each seed reaches its full-data score."""
    mine = _of(rows, strategy)
    seeds = sorted({row['seed'] for row in mine})
    by_seed = {s: [r for r in mine if r['seed'] == s and r[metric] is not None] for s in seeds}
    areas, shares = {}, {f'{t:g}': {} for t in TARGETS}  # type: ignore[var-annotated]
    for seed, points in by_seed.items():
        x, y = [p['share'] for p in points], [p[metric] for p in points]
        if len(points) > 1:
            areas[str(seed)] = curve_area(x, y)
            for target in TARGETS if seed in full and full[seed][metric] is not None else ():
                shares[f'{target:g}'][str(seed)] = share_reaching(x, y, target * full[seed][metric])
    curve = []
    for k in sorted({row['round'] for row in mine}):
        here = [row for row in mine if row['round'] == k]
        scores = np.array([row[metric] for row in here if row[metric] is not None], dtype=float)
        point = {name: float(np.mean([row[name] for row in here])) for name in ('share', *COUNTS)}
        mean, std = (float(scores.mean()), float(scores.std())) if scores.size else (None, None)
        curve.append({'round': k, **point, 'mean': mean, 'std': std, 'seeds': int(scores.size)})
    return {'curve': curve, 'area': areas, 'reached': shares}
