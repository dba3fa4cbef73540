"""Train and cross-validate from Python: what `usmm train` and `usmm cross_validate` do, with the results as objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from matplotlib.figure import Figure
from mmengine.config import Config

from usmm.apis.predictor import Predictor
from usmm.config import RunOptions, load_config
from usmm.config.build_failure import components_named
from usmm.config.complete import check_complete
from usmm.datasets.folds import forget_folds
from usmm.engine import CrossValidation, Experiment, run_folds
from usmm.engine.launched import start_launched
from usmm.engine.specs import RunContent, Summary
from usmm.engine.workdir.ownership import Ownership
from usmm.structures import Settings
from usmm.utils import work_files
from usmm.visualization.pages.cross_validation_page import report_cross_validation
from usmm.visualization.pages.run_page import run_figures

TEXTS = ('case_id', 'patient_id', 'label', 'pred')  # columns of predictions.csv that are never numbers


@dataclass(frozen=True)
class TrainingRun:
    """A finished training.

    Args:
        work_dir: Its work directory.
        metrics: Content of its metrics.json: `metrics['test']['auc']` (None: not defined), classes, counts, versions.
    """

    work_dir: Path
    metrics: RunContent

    def predictions(self, part: str | None = None) -> pd.DataFrame:
        """The rows of predictions.csv: case_id, patient_id, part, fold, seed, label, pred, prob_<class>.

        Args:
            part: `'val'` or `'test'`; None: all rows.

        Raises:
            ValueError: There are no predictions of this part.
        """
        return _rows(self.work_dir, part)

    def predictor(self, device: str | torch.device | None = None) -> Predictor:
        """The trained model, ready to predict new cases.

        Args:
            device: Where it runs; None: a GPU if there is one.
        """
        return Predictor(self.work_dir, device)

    def figures(self) -> dict[str, Figure]:
        """Matplotlib figures by name: `roc_<part>`, `confusion_<part>`, `training_<stage>`, `clinical_weights`.

        What cannot be drawn, such as a ROC curve without two cases of each class, is left out.
        """
        return run_figures(self.work_dir, cast(Mapping[str, object], self.metrics))


@dataclass(frozen=True)
class CrossValidationRun:
    """A finished cross-validation.

    Args:
        work_dir: Its work directory.
        summary: Content of its summary.json: `summary['metrics']['auc']` has mean, std, ci95 and folds.
        report: The page with tables and figures; None where none was written.
    """

    work_dir: Path
    summary: Summary
    report: Path | None = None

    def predictions(self) -> pd.DataFrame:
        """The pooled rows of all folds, each case tested once a seed."""
        return _rows(self.work_dir, None)


def train(
    config: str | Path | Config,
    options: Settings | None = None,
    *,
    work_dir: str | Path | None = None,
    resume: bool | str = False,
    stage: str | None = None,
    overwrite: bool = False,
    flags: RunOptions | None = None,
) -> TrainingRun:
    """Train every stage of a config and evaluate it, as `usmm train` does.

    Args:
        config: Name or path of a config, or one that `load_config` returned.
        options: Settings that replace those of the config: `{'data_root': 'data/ours', 'max_epochs': 5}`.
        work_dir: Where everything is written; None: `config.work_dir`.
        resume: True: go on where the work directory stands; a path: from that checkpoint of a stage.
        stage: Run this stage alone; the ones before it must be done.
        overwrite: Start over where the work directory holds a run; without it such a directory is refused.
        flags: How to run: mixed precision, validation, progress.

    Returns:
        The run, with its metrics, predictions, figures and the model.

    Raises:
        ConfigError: The config is wrong; names file, line, key and the nearest valid name.
        DataError: The case table or its files cannot be used.
        ValueError: `options` for a config that is loaded already, or what `Experiment` refuses.
        OSError: Another training works in the work directory; or files cannot be written.

    Example:
        >>> run = train('msmfn_small_phantom', {'data_root': 'data/phantom'})  # doctest: +SKIP
        >>> run.metrics['test']['auc']                                        # doctest: +SKIP
    """
    loaded = _loaded(config, options)
    if overwrite and resume:
        raise ValueError('resume goes on with a run, overwrite starts over: give one of both')
    check_complete(loaded, stage)
    start_launched((flags or RunOptions()).launcher, loaded)
    ownership = Ownership(work_dir or loaded.work_dir)
    with ownership.held(), components_named(loaded):
        if overwrite:
            forget_folds(loaded)
        experiment = Experiment(loaded, work_dir, flags, ownership=ownership)
        experiment.train(resume, stage, overwrite)
    experiment.close()
    return TrainingRun(experiment.work_dir, cast(RunContent, _content(experiment.work_dir / work_files.METRICS)))


def cross_validate(
    config: str | Path,
    options: Settings | None = None,
    *,
    work_dir: str | Path | None = None,
    folds: int | None = None,
    seeds: Sequence[int] | None = None,
    fold_seed: int | None = None,
    resume: bool = False,
    jobs: int = 1,
    report: bool = True,
    flags: RunOptions | None = None,
) -> CrossValidationRun:
    """Train and test every fold, pool the predictions and write a report, as `usmm cross_validate` does.

    Folds that are finished in the work directory are not run again.

    Args:
        config: Name or path of a config.
        options: Settings that replace those of the config.
        work_dir: Where everything is written; None: `work_dir` of the options, else `work_dirs/<config>_cv`.
        folds: Number of folds; None: that of the config.
        seeds: Each trains every fold anew; None: the seed of the config.
        fold_seed: One seed for the folds of all seeds; None: each seed makes folds of its own.
        resume: Go on inside a fold that was interrupted.
        jobs: Folds at a time, each in a process of its own.
        report: Whether to write `report.html`.
        flags: How to run: mixed precision, validation, progress.

    Returns:
        The run, with its summary and the pooled predictions.

    Raises:
        ConfigError, DataError, ValueError: As in `train`, and fewer than two folds.
    """
    loaded, chosen = load_config(config, options), dict(options or {})
    folder = Path(work_dir or str(chosen.pop('work_dir', '')) or f'work_dirs/{loaded.name}_cv')
    plan = CrossValidation(str(config), folder, folds, None if seeds is None else tuple(seeds), fold_seed, chosen)
    flags = flags or RunOptions()
    start_launched(flags.launcher, loaded)
    with Ownership(folder).held():
        run_folds(plan.tasks(), flags, resume, jobs)
        plan.gather()
        page = report_cross_validation(folder) if report else None
    return CrossValidationRun(folder, cast(Summary, _content(folder / work_files.SUMMARY)), page)


def _loaded(config: str | Path | Config, options: Settings | None) -> Config:
    if not isinstance(config, Config):
        return load_config(config, options)
    if options:
        raise ValueError('options go with the name or path of a config; give those of a loaded one to load_config')
    return config


def _content(path: Path) -> object:
    """The content of a JSON file; a metric that is not a number is None there."""
    content: object = json.loads(path.read_text(encoding='utf-8'))
    return content


def _rows(work_dir: Path, part: str | None) -> pd.DataFrame:
    path = work_dir / work_files.PREDICTIONS
    rows = pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, encoding='utf-8-sig')
    if part is None:
        return rows
    chosen = rows[rows['part'] == part].reset_index(drop=True)
    if chosen.empty:
        raise ValueError(f'{path} has no rows of the part {part!r}; it has {sorted(set(rows["part"]))}')
    return chosen
