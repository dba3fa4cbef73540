"""What of a phantom's planted scores can be read off a model's features, linearly: R^2 of each score.

    usmm probe_latents data/liver_mr_phantom/truth.json 'MCL=work_dirs/mcl/fold_*' 'SCL=work_dirs/scl/fold_*'

Each work directory is a run with config.py and model.pth (a fold of a cross-validation). A ridge regression from the
vector that the head gets is fitted on the run's training part and measured on its test part.
"""

from __future__ import annotations

import argparse
import csv
import glob
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.datasets.transforms import collate_cases
from usmm.engine import Experiment
from usmm.utils import work_files
from usmm.utils.console import plain_errors

PENALTIES = np.logspace(-1, 5, 13)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('probe_latents', __doc__)
    parser.add_argument('truth', type=Path, help='truth.json of the phantom')
    parser.add_argument('models', nargs='+', metavar='NAME=WORK_DIRS', help='runs of one kind; a pattern for several')
    parser.add_argument('--out', type=Path, help='CSV file of the results')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of all configs')
    args = parser.parse_args(argv)
    wrong = [text for text in args.models if not all(text.partition('=')[::2])]
    if wrong or len({m.partition('=')[0] for m in args.models}) < len(args.models):
        parser.error(f'expected NAME=WORK_DIRS, each with a name of its own, got {args.models}')
    return args


def read_latents(path: Path) -> dict[str, dict[str, float]]:
    """Case id -> name -> planted score. Raises ValueError where the file has none."""
    content = json.loads(path.read_text(encoding='utf-8'))
    latents = content.get('latents') if isinstance(content, dict) else None
    if not latents:
        raise ValueError(f'{path} has no planted scores ("latents"): expected the truth.json of a phantom')
    return {
        case: {k: float(v) for k, v in row.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
        for case, row in latents.items()
    }


def features(experiment: Experiment, part: str) -> tuple[list[str], np.ndarray]:
    """Case ids of a part, and the vectors (N, D) that the model's head gets of them."""
    dataset, model = experiment.parts[part], experiment.model.eval()
    size = experiment.config.batch_size
    found = []
    with torch.no_grad():
        for start in range(0, len(dataset), size):
            cases = [dataset[i] for i in range(start, min(start + size, len(dataset)))]
            vector = model(**model.data_preprocessor(collate_cases(cases))).vector
            if vector is None:
                raise ValueError(f'the model of {experiment.config.name} has no features of images')
            found.append(vector.float().cpu().numpy())
    return [case.case_id for case in dataset.cases], np.concatenate(found)


def explained(train: np.ndarray, train_y: np.ndarray, test: np.ndarray, test_y: np.ndarray) -> float:
    """R^2 on the test cases of a ridge regression fitted on the training cases; below 0 it is worse than the mean."""
    model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(train, train_y)
    rest = test_y - model.predict(test)
    return float(1 - np.mean(rest**2) / np.mean((test_y - train_y.mean()) ** 2))


def probe(
    work_dir: Path, latents: Mapping[str, Mapping[str, float]], options: Mapping[str, object]
) -> dict[str, float]:
    """Planted score -> R^2 of one run. Raises ValueError for a run that is not of the phantom, or not finished."""
    for name in (work_files.CONFIG, work_files.WEIGHTS):
        if not (work_dir / name).is_file():
            raise ValueError(f'{work_dir} has no {name}: expected the work directory of a finished run')
    config = load_config(work_dir / work_files.CONFIG, dict(options))
    experiment = Experiment(config, work_dir, parts=['train', 'test'], checkpoint=work_dir / work_files.WEIGHTS)
    ids, vectors = zip(*(features(experiment, part) for part in ('train', 'test')))
    unknown = [case for part in ids for case in part if case not in latents]
    if unknown:
        raise ValueError(f'{work_dir}: the truth has no case {unknown[0]!r}; the run is of other data')
    result = {}
    for name in latents[ids[0][0]]:
        train_y, test_y = (np.array([latents[case][name] for case in part]) for part in ids)
        result[name] = explained(vectors[0], train_y, vectors[1], test_y)
    return result


def show(rows: Sequence[Mapping[str, object]]) -> None:
    """Mean and standard deviation over the runs."""
    table = Table(title='R^2 of planted scores, read linearly off the features', box=SIMPLE)
    for name in rows[0]:
        table.add_column(name, justify='left' if name == 'model' else 'right', no_wrap=True)
    for row in rows:
        table.add_row(*(f'{v[0]:.2f} ({v[1]:.2f})' if isinstance(v, tuple) else str(v) for v in row.values()))
    Console().print(table)


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    latents, options = read_latents(args.truth), parse_options(args.cfg_options)
    rows: list[dict[str, object]] = []
    for name, _, pattern in (text.partition('=') for text in args.models):
        folders = [Path(found) for found in sorted(glob.glob(pattern))]  # noqa: PTH207  an absolute pattern, too
        if not folders:
            raise ValueError(f'there is no folder {pattern}')
        runs = [probe(folder, latents, options) for folder in folders]
        values = {key: np.array([run[key] for run in runs]) for key in runs[0]}
        rows.append({'model': name, 'runs': len(runs), **{k: (v.mean(), v.std()) for k, v in values.items()}})
    show(rows)
    if args.out is not None:
        with args.out.open('w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow([*rows[0]])
            writer.writerows([f'{v[0]:.4f}' if isinstance(v, tuple) else v for v in row.values()] for row in rows)
    return 0
