"""Cross-validation: every stage in every fold, the test predictions of all folds together, and what they say."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from usmm.config import load_config
from usmm.datasets.case_table import NO_PATIENTS
from usmm.engine.specs import RunContent, Summary
from usmm.engine.studies.fold_task import FoldTask
from usmm.engine.studies.fold_warnings import fold_warnings
from usmm.engine.workdir.folder_contents import CROSS_VALIDATION, check_contents
from usmm.engine.workdir.outputs import write_json
from usmm.engine.workdir.pool_checks import check_pool
from usmm.engine.workdir.predictions import read_predictions, write_predictions
from usmm.engine.workdir.run_facts import versions
from usmm.evaluation.stats.performance import Estimate, performance
from usmm.structures import Settings
from usmm.utils import work_files

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class CrossValidation:
    """The folds of a config, over one or several seeds.

    With one seed the folds lie in `fold_<k>/` beside their `folds.csv`; with several in `seed_<s>/fold_<k>/`.

    Args:
        config: Path or name of the config.
        work_dir: Where everything is written.
        folds: Number of folds; None: the config's.
        seeds: Each trains every fold anew; None: the config's one.
        fold_seed: Seed of the folds; None: each seed makes folds of its own.
        options: Overrides of the config.
        keep_checkpoints: As in `FoldTask`.

    Raises:
        ValueError: Fewer than two folds, a seed twice, a config without `split`, or a work_dir that holds other work.
    """

    config: str
    work_dir: Path
    folds: int | None = None
    seeds: tuple[int, ...] | None = None
    fold_seed: int | None = None
    options: Settings | None = None
    keep_checkpoints: bool = False

    def __post_init__(self) -> None:
        loaded = self.load()
        split = loaded.get('split')
        if not split:
            raise ValueError(f'{loaded.filename} has no `split`, so there is nothing to cross-validate')
        folds = split.get('folds') if self.folds is None else self.folds
        if folds is None or folds < 2:
            raise ValueError(f'a cross-validation needs two or more folds, got {folds}')
        seeds = (loaded.seed,) if self.seeds is None else tuple(self.seeds)
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f'seeds must be one or more different numbers, got {list(seeds)}')
        check_contents(self.work_dir, CROSS_VALIDATION)
        object.__setattr__(self, 'folds', folds)
        object.__setattr__(self, 'seeds', seeds)

    def load(self) -> Config:
        """The config, overrides applied, of no fold in particular."""
        return load_config(self.config, dict(self.options or {}))

    def tasks(self, fold: int | None = None) -> list[FoldTask]:
        """All folds of all seeds, or one fold of each.

        Raises:
            ValueError: There is no such fold.
        """
        count, seeds = self.folds or 0, self.seeds or ()
        if fold is not None and not 0 <= fold < count:
            raise ValueError(f'fold must lie between 0 and {count - 1}, got {fold}')
        # all cases take part, whatever the table's own split says; the summary tells so
        options = {**(self.options or {}), **({'schema.split': None} if self._split_column() else {})}
        return [self._task(s, k, options) for s in seeds for k in range(count) if fold in (None, k)]

    def gather(self) -> Summary:
        """Pool the predictions of all folds, and write predictions.csv and summary.json.

        Returns:
            The content of summary.json.

        Raises:
            ValueError: A fold is not done, was made by another config, with other flags or on other data, its
                predictions were changed, or a case was not tested just once a seed.
        """
        tasks = self.tasks()
        undone = [t.name for t in tasks if not t.finished]
        if undone:
            raise ValueError(f'{len(undone)} of {len(tasks)} folds are not done: {"; ".join(undone[:5])}')
        for task in tasks:
            task.check(task.load())
        found = [json.loads((t.folder / work_files.METRICS).read_text(encoding='utf-8')) for t in tasks]
        _check_selection(tasks, found)
        rows, unknown = self._pool(tasks)
        config = tasks[0].load()
        summary = self._summary(config, tasks, found, rows)
        summary['warnings'] += [*unknown, *_left_out(tasks, rows)]
        write_predictions(self.work_dir / work_files.PREDICTIONS, rows, tuple(config.classes))
        write_json(self.work_dir / work_files.SUMMARY, summary)
        return summary

    def _split_column(self) -> str | None:
        return self.load().schema.get('split')

    def _task(self, seed: int, fold: int, options: Settings) -> FoldTask:
        seeds = self.seeds or ()
        root = self.work_dir if len(seeds) == 1 else self.work_dir / work_files.seed_folder(seed)
        split = {
            'split.folds': self.folds, 'split.fold': fold, 'split.file': str(root / work_files.FOLDS),
            'split.seed': seed if self.fold_seed is None else self.fold_seed,
        }  # fmt: skip
        folder = root / work_files.fold_folder(fold)
        return FoldTask(self.config, folder, seed, fold, {**options, **split}, self.keep_checkpoints)

    def _pool(self, tasks: Sequence[FoldTask]) -> tuple[Rows, list[str]]:
        """The test rows of all folds, and what could not be compared between them."""
        rows: Rows = []
        pooled: dict[Path, Rows] = {}
        for task in tasks:
            tested = [r for r in read_predictions(task.folder / work_files.PREDICTIONS) if r['part'] == 'test']
            pooled[task.folder] = tested
            rows += [{**r, 'fold': task.fold, 'seed': task.seed} for r in tested]
        unknown = check_pool(pooled)
        for seed in self.seeds or ():
            _check_once(seed, rows, tasks)
        return rows, unknown

    def _summary(self, config: Config, tasks: Sequence[FoldTask], found: Sequence[RunContent], rows: Rows) -> Summary:
        classes = [str(c) for c in config.classes]
        known = [r for r in rows if r['label']]
        metrics = {
            n: e.to_dict() for n, e in metrics_of(known, classes, config.get('positive'), is_ordered(config)).items()
        }
        metrics |= _image_metrics([f['test'] for f in found])
        weights = [f['clinical_weights'] for f in found if f.get('clinical_weights')]
        content: Summary = {
            'metrics': metrics,
            'cases': len({r['case_id'] for r in rows}),
            'patients': len({r['patient_id'] for r in rows}),
            'classes': classes,
            'positive': config.get('positive'),
            'selection': found[0]['selection'],
            'seed': tasks[0].seed,
            'seeds': list(self.seeds or ()),
            'fold_seed': self.fold_seed,
            'folds': self.folds,
            'config': config.name,
            'modalities': list(config.modalities),
            'table': str(config.dataset.table),
            'versions': versions(),
            'seconds': round(sum(f['seconds'] for f in found), 1),
            'warnings': self._warnings(rows, found),
        }
        if weights:
            content['clinical_weights'] = {n: float(np.mean([w[n] for w in weights if n in w])) for n in weights[0]}
        return content

    def _warnings(self, rows: Rows, found: Sequence[RunContent]) -> list[str]:
        texts = []
        if not all(f.get('patients_known', True) for f in found):
            texts.append(NO_PATIENTS)
        if (column := self._split_column()) is not None:
            texts.append(f'the split column of the schema, {column!r}, plays no part here: all cases are in the folds')
        if found[0]['selection'] == 'test':
            texts.append('the epoch was selected on the test part itself: the numbers are optimistic')
        if found[0].get('pretrained_on') == 'all':
            texts.append('the encoder was pre-trained on all patients, those of the test folds included (no labels)')
        collapsed = sum(any(s.get('collapsed') for s in f['stages'].values()) for f in found)
        if collapsed:
            texts.append(f'the pre-training collapsed in {collapsed} of {len(found)} folds: all cases had one output')
        if (unlabelled := sum(not r['label'] for r in rows)) > 0:
            texts.append(f'{unlabelled} predictions of cases without a label are in no metric')
        if len({f['versions']['torch'] for f in found}) > 1:
            texts.append('the folds were trained with different versions of torch')
        return texts + fold_warnings(found)


def is_ordered(config: Config) -> bool:
    """Whether the classes are stages in order, as one of the config's metrics says."""
    return any(metric.get('ordered') for metric in config.evaluator)


def metrics_of(rows: Rows, classes: Sequence[str], positive: str | None, ordered: bool = False) -> dict[str, Estimate]:
    """`performance` of rows of a predictions.csv, all of them labelled; seeds and folds are its strata."""
    labels = [classes.index(r['label']) for r in rows]
    scores = np.array([[r[f'prob_{name}'] for name in classes] for r in rows])
    k = list(classes).index(positive) if positive is not None else None
    folds, patients = [f'{r["seed"]}/{r["fold"]}' for r in rows], [r['patient_id'] for r in rows]
    return performance(labels, scores, folds, patients, k, ordered=ordered)


def read_folds_of(path: Path) -> dict[str, str]:
    """Case id -> fold, of a folds.csv."""
    with path.open(newline='', encoding='utf-8') as file:
        return {row['case_id']: row['fold'] for row in csv.DictReader(file)}


def _image_metrics(parts: Sequence[Mapping[str, float | None]]) -> dict[str, dict[str, object]]:
    """Metrics of the image stage's own scores, of which each fold has kept the values alone."""
    found = {}
    for name in [n for n in parts[0] if n.startswith('image/')]:
        values = [float('nan') if (value := p.get(name)) is None else float(value) for p in parts]
        found[name] = Estimate.of_folds(values, None, 'none: each fold has kept the value alone').to_dict()
    return found


def _check_selection(tasks: Sequence[FoldTask], found: Sequence[RunContent]) -> None:
    """See that the same data selected the epoch in every fold: a metric over both kinds would have no meaning."""
    by_selection: dict[str, list[str]] = {}
    for task, content in zip(tasks, found, strict=True):
        by_selection.setdefault(content['selection'], []).append(task.name)
    if len(by_selection) > 1:
        texts = [f'{selection!r} in {"; ".join(names[:5])}' for selection, names in by_selection.items()]
        raise ValueError(
            f'the selection of the epoch differs between folds: {", ".join(texts)}. Remove the folds of one kind and '
            'run them again with the flags of the others'
        )


def _left_out(tasks: Sequence[FoldTask], rows: Rows) -> list[str]:
    """A sentence for the cases of folds.csv that no fold has tested."""
    tested = {r['case_id'] for r in rows}
    absent: set[str] = set()
    for folder in {task.folder.parent for task in tasks}:
        absent |= read_folds_of(folder / work_files.FOLDS).keys() - tested
    if not absent:
        return []
    few = ', '.join(sorted(absent)[:5]) + (', ...' if len(absent) > 5 else '')
    what = 'case' if len(absent) == 1 else 'cases'
    return [f'left out, and in no metric: {len(absent)} {what} of {work_files.FOLDS} ({few})']


def _check_once(seed: int, rows: Rows, tasks: Sequence[FoldTask]) -> None:
    """Every case of the folds is tested once a seed; one that the model cannot use may be absent."""
    cases = [r['case_id'] for r in rows if r['seed'] == seed]
    twice = sorted({c for c in cases if cases.count(c) > 1}) if len(set(cases)) < len(cases) else []
    if twice:
        raise ValueError(f'seed {seed} tested {len(twice)} cases more than once, such as {twice[:3]}')
    root = next(t.folder.parent for t in tasks if t.seed == seed)
    folds = read_folds_of(root / work_files.FOLDS)
    wrong = sorted(r['case_id'] for r in rows if r['seed'] == seed and folds.get(r['case_id']) != str(r['fold']))
    if wrong:
        raise ValueError(f'{root}: {len(wrong)} cases were tested in another fold than folds.csv states: {wrong[:3]}')
