"""Work directories of cross-validations, written without the engine."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np


def predictions(classes: tuple[str, ...], folds: int, seeds: tuple[int, ...], cases: int) -> list[list[Any]]:
    rng = np.random.default_rng(0)
    labels = np.arange(cases) % len(classes)
    rows = []
    for seed in seeds:
        for i, label in enumerate(labels):
            odds = rng.normal(0, 1, len(classes))
            odds[label] += 1.5
            scores = np.exp(odds) / np.exp(odds).sum()
            pred = classes[int(scores.argmax())]
            rows.append([f'c{i}', f'p{i}', 'test', i // len(classes) % folds, seed, classes[label], pred, *scores])
    return rows


def write_predictions(path: Path, rows: list[list[Any]], classes: tuple[str, ...]) -> None:
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        head = ['case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred', *[f'prob_{c}' for c in classes]]
        writer.writerows([head, *rows])


def entry(mean: float, folds: list[float | None], **more: Any) -> dict[str, Any]:
    return {
        'estimate': mean,
        'of': 'mean of the folds',
        'mean': mean,
        'std': 0.05,
        'ci95': [mean - 0.1, mean + 0.1],
        'folds': folds,
        'method': 'made up',
        **more,
    }


def write_fold(folder: Path, seed: int, **more: Any) -> None:
    content = {
        'stages': {'image': {'epochs': 3, 'epoch': 2}},
        'cases': {'train': 20, 'val': 5, 'test': 10},
        'seconds': 61.0,
        'seed': seed,
        **more,
    }
    log = folder / 'image' / '1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    lines = [{'epoch': e, 'step': e, 'loss': 1 / e} for e in (1, 2, 3)] + [{'step': e, 'auc': 0.6} for e in (1, 2, 3)]
    log.write_text(''.join(json.dumps(line) + '\n' for line in lines), encoding='utf-8')
    (folder / 'metrics.json').write_text(json.dumps(content), encoding='utf-8')
    (folder / 'config.py').write_text("name = '<script>alert(1)</script>'\n", encoding='utf-8')


def write_work_dir(
    folder: Path,
    classes: tuple[str, ...] = ('ADC', 'SCC'),
    folds: int = 3,
    seeds: tuple[int, ...] = (0,),
    cases: int = 60,
    weights: bool = True,
    **summary: Any,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / 'predictions.csv', predictions(classes, folds, seeds, cases), classes)
    for seed in seeds:
        for k in range(folds):
            more = {'clinical_weights': {'image': 2.0 + k, 'age': -1.0, 'node_side': 0.5 * k}} if weights else {}
            home = folder / f'seed_{seed}' if len(seeds) > 1 else folder
            write_fold(home / f'fold_{k}', seed, **more)
    values: list[float | None] = [0.8 + 0.01 * i for i in range(folds * len(seeds))]
    content = {
        'metrics': {name: entry(0.8, values) for name in ('auc', 'accuracy', 'tpr', 'tnr', 'precision', 'f1', 'brier')},
        'cases': cases,
        'patients': cases,
        'classes': list(classes),
        'positive': classes[-1] if len(classes) == 2 else None,
        'selection': 'inner',
        'seed': seeds[0],
        'seeds': list(seeds),
        'folds': folds,
        'config': 'small',
        'modalities': ['bus', 'clinical'],
        'versions': {'usmm': '0.1.0', 'torch': '2.13'},
        'seconds': 183.0,
        'table': 'cases.csv',
        'warnings': [],
    }
    (folder / 'summary.json').write_text(json.dumps(content | summary), encoding='utf-8')
    return folder
