"""One question of an active-learning run: the pool as a data set, what a model says of it, and the units to ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config

from usmm.datasets import CaseDataset
from usmm.engine.active import STRATEGIES, Pool, query
from usmm.engine.active.pool_outputs import PoolOutputs, pool_outputs
from usmm.engine.experiment import Experiment
from usmm.engine.run_parts import parts_of
from usmm.registry import DATASETS


@dataclass(frozen=True)
class Question:
    """How units are chosen.

    Args:
        strategy: A key of `usmm.engine.active.STRATEGIES`.
        count: Units to ask for.
        unit: `'sample'`, `'image'` or `'patient'`.
        how: A unit's score from its samples'.
        passes: Passes with dropout, for strategies that need them.
        seed: Of dropout.
    """

    strategy: str
    count: int
    unit: str
    how: str
    passes: int
    seed: int

    def units(
        self,
        config: Config,
        weights: Path,
        labelled: Mapping[str, str],
        rest: Sequence[str],
        rng: np.random.Generator,
    ) -> list[str]:
        """The units to ask for.

        Args:
            config: Of the round whose model is asked.
            weights: Its `model.pth`; not read by the random strategy.
            labelled: Samples that have a label.
            rest: Samples that have none.
            rng: Source of the strategy's draws.
        """
        data, needs = pool_dataset(config), STRATEGIES[self.strategy].needs
        data.choose(rest)
        known = None
        if self.strategy == 'rand':
            even = np.full((len(rest), len(config.classes)), 1 / len(config.classes), np.float32)
            found = PoolOutputs(data.sample_ids(), even)
        else:
            model = Experiment(config, parts=('train',), checkpoint=weights).model
            size, workers = config.batch_size, config.num_workers
            passes = self.passes if 'passes' in needs else 0
            found = pool_outputs(model, data, size, workers, passes, self.seed)
            if 'features' in needs:
                old = pool_dataset(config)
                old.choose([*labelled])
                known = pool_outputs(model, old, size, workers).features
        units = dict(zip(data.sample_ids(), data.units(self.unit), strict=True))
        of = [units[name] for name in found.names]
        pool = Pool(of, found.probabilities, found.passes, found.features, known)  # type: ignore[arg-type]
        return query(self.strategy, pool, self.count, rng, self.how)


def pool_dataset(config: Config) -> CaseDataset:
    """Every sample of the training part, labelled or not, seen as in a test."""
    given = {**config.dataset, 'part': 'train', 'pipeline': config.test_pipeline, 'only': None}
    given |= {name: None for name in ('draws', 'min_samples') if name in given}  # every pair can be asked for, once
    pool: CaseDataset = DATASETS.build(given)
    return pool


def campaign_parts(config: Config, pool: CaseDataset) -> dict[str, CaseDataset]:
    """Part -> its data set, of all cases that the rounds train, select and test with.

    Args:
        config: Of any round.
        pool: As `pool_dataset` builds it: the training part.
    """
    others = [part for part in parts_of(config) if part != 'train']
    settings = {part: {**config.dataset, 'part': part, 'pipeline': (), 'only': None} for part in others}
    return {'train': pool, **{part: DATASETS.build(given) for part, given in settings.items()}}


def first_samples(pool: CaseDataset, unit: str, size: int, rng: np.random.Generator) -> list[str]:
    """Samples of units drawn at random, one unit of each class among them: else nothing could be trained.

    Args:
        pool: As `pool_dataset` builds it.
        unit: `'sample'`, `'image'` or `'patient'`.
        size: Units.
        rng: Source of the draws.
    """
    units = pool.units(unit)
    label_of = dict(zip(units, pool.labels.tolist(), strict=True))
    order = [str(u) for u in rng.permutation([*label_of])]
    first = [next((u for u in order if label_of[u] == k), None) for k in range(len(pool.table.classes))]
    chosen = [u for u in first if u is not None]
    taken = set(chosen)
    chosen += [u for u in order if u not in taken][: max(0, size - len(chosen))]
    wanted = set(chosen)
    return [n for n, u in zip(pool.sample_ids(), units, strict=True) if u in wanted]


def known_labels(pool: CaseDataset, names: Sequence[str]) -> dict[str, str]:
    """Sample -> name of the class in the table.

    Raises:
        ValueError: It does not know some; names them.
    """
    labels = dict(zip(pool.sample_ids(), pool.labels.tolist(), strict=True))
    unknown = [n for n in names if labels[n] < 0]
    if unknown:
        raise ValueError(f'{len(unknown)} samples have no label in the table, such as {unknown[:3]}: ask with a sheet')
    return {n: pool.table.classes[labels[n]] for n in names}


def questions(pool: CaseDataset, asked: Sequence[str], unit: str) -> list[dict[str, str]]:
    """A row a unit: what it is, its files in the folder of the table, and an empty label.

    Args:
        pool: As `pool_dataset` builds it.
        asked: The units.
        unit: `'sample'`, `'image'` or `'patient'`.
    """
    rows: dict[str, dict[str, str]] = {}
    found: dict[str, dict[str, dict[str, None]]] = {u: {m: {} for m in pool.modalities} for u in asked}
    root = pool.table.path.parent
    for u, patient, files in zip(pool.units(unit), pool.units('patient'), pool.sample_files(), strict=True):
        if u in found:
            rows.setdefault(u, {'unit': u, 'patient_id': patient, 'label': ''})
            for m, paths in files.items():
                found[u][m] |= {str(f.relative_to(root) if f.is_relative_to(root) else f): None for f in paths}
    return [{**rows[u], **{m: ';'.join(names) for m, names in found[u].items()}} for u in asked]
