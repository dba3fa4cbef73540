"""What was measured of a model, copied from the files that training and cross-validation wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

from usmm.utils import work_files
from usmm.utils.plain_json import read_json_object


class Figure(TypedDict, total=False):
    """A metric: its mean, and what is known beside it."""

    estimate: float  # what the interval is about
    of: str
    mean: float
    std: float | None
    ci95: list[float] | None
    folds: list[float]
    method: str | None


@dataclass(frozen=True)
class Measured:
    """Figures of a model.

    Args:
        metrics: Name -> `mean`, and `std`, `ci95`, `folds`, `method` where known.
        how: In words: on what they were measured, and whether by these very weights.
        cases, patients: Numbers behind the figures.
        facts: config, classes, positive, modalities, selection, seed.
        warnings: What a reader must know.
    """

    metrics: Mapping[str, Figure]
    how: str
    cases: int
    patients: int
    facts: Mapping[str, object]
    warnings: tuple[str, ...] = ()


def find_run(source: Path, fold: int | None, seed: int | None, weights: Path | None) -> Path:
    """The run whose weights are meant.

    Args:
        source: A run, or a cross-validation.
        fold, seed: Of a cross-validation: whose weights; the seed where there are several.
        weights: Or a run of its own, trained on all data with the same config.

    Raises:
        ValueError: There is no choice to make, none was made, or it holds no weights.
    """
    if not (source / work_files.SUMMARY).is_file():
        if fold is not None or seed is not None or weights is not None:
            raise ValueError(
                f'{source} is no cross-validation (it has no {work_files.SUMMARY}): there is nothing to choose'
            )
        found = source
    elif fold is not None and weights is None:
        found = (source if seed is None else source / work_files.seed_folder(seed)) / work_files.fold_folder(fold)
    elif weights is not None and fold is None:
        found = weights
    else:
        raise ValueError(f'{source} is a cross-validation: say whose weights, either a fold or a run on all data')
    if not (found / work_files.WEIGHTS).is_file():
        raise ValueError(f'{found} has no {work_files.WEIGHTS}: it is no finished run')
    return found


def measure(source: Path, run: Path, meta: Mapping[str, object]) -> Measured:
    """The figures of a run, or of the cross-validation that it belongs to.

    Args:
        source: A run, or a cross-validation.
        run: The run whose weights are meant.
        meta: What stands beside its weights.

    Raises:
        ValueError: There are no figures, or they belong to another config, other classes or modalities.
    """
    found = _of_folds(source, run) if (source / work_files.SUMMARY).is_file() else _of_run(source)
    for key in ('config', 'classes', 'positive', 'modalities'):
        if found.facts.get(key) != meta.get(key):
            raise ValueError(
                f'{run / work_files.WEIGHTS} has {key} {meta.get(key)!r}, '
                f'the figures in {source} {found.facts.get(key)!r}: they are of another model'
            )
    ways = found.facts.get('selection'), meta.get('selection')
    if ways[0] != ways[1]:
        text = f'the models that were measured had their epoch selected by {ways[0]!r}, these weights by {ways[1]!r}'
        return replace(found, warnings=(*found.warnings, text))
    return found


def _of_run(run: Path) -> Measured:
    content = _read(run / work_files.METRICS)
    part = next((p for p in ('test', 'val') if isinstance(content.get(p), dict)), None)
    if part is None:
        raise ValueError(f'{run / work_files.METRICS} has figures of neither a test nor a validation part')
    metrics: dict[str, Figure] = {name: {'mean': value} for name, value in content[part].items() if _is_number(value)}
    how = 'measured on the test part of one split, with these weights'
    warnings = ['one split: the figures have no interval over folds']
    if part == 'val':
        how = 'measured on the validation part, with these weights'
        warnings.append('the validation part also selected the epoch: the figures are optimistic')
    return Measured(metrics, how, content['cases'][part], content['patients'][part], content, tuple(warnings))


def _of_folds(source: Path, run: Path) -> Measured:
    content = _read(source / work_files.SUMMARY)
    figures: dict[str, Figure] = content['metrics']
    metrics = {name: value for name, value in figures.items() if _is_number(value.get('mean'))}
    own = run.absolute().is_relative_to(source.absolute())
    whose = 'one of its models' if own else 'a model that was trained on all data with the same config'
    seeds = len(content.get('seeds') or [content.get('seed')])
    count = f'{content["folds"]} folds, {seeds} seed{"s" if seeds > 1 else ""}'
    how = f'cross-validated ({count}); the weights are those of {whose}'
    # a list of case ids may stand behind this one
    warnings = [re.sub(r'(cannot be used): .*', r'\1', text) for text in content.get('warnings', ())]
    if not own:
        warnings.append('the weights themselves were not measured: all patients trained them')
    return Measured(metrics, how, content['cases'], content['patients'], content, tuple(warnings))


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except FileNotFoundError:
        raise ValueError(f'no figures at {path}') from None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
