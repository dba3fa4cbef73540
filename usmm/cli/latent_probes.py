"""What of a phantom's planted scores can be read off the features of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from usmm.config import TESTED, load_config
from usmm.datasets.transforms import collate_cases
from usmm.engine import Experiment
from usmm.utils import work_files
from usmm.utils.plain_json import read_plain_json

PENALTIES = np.logspace(-1, 5, 13)


def read_latents(path: Path) -> dict[str, dict[str, float]]:
    """Case id -> name -> planted score. Raises ValueError where the file is absent, is not JSON or has none."""
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise ValueError(f'{path} {what}: expected the truth.json of a phantom')
    try:
        content: Any = read_plain_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is not a JSON file ({error}): expected the truth.json of a phantom') from error
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
    config = load_config(work_dir / work_files.CONFIG, dict(options), needed=TESTED)
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
