"""What a finished cross-validation holds: its summary, its test predictions by fold, and what each fold wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from usmm.engine.specs import Results
from usmm.engine.workdir.rows import ScoredRow, arrays, drawn_classes, read_scored_rows
from usmm.utils import work_files
from usmm.utils.plain_json import read_json_object

Part = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class FoldRun:
    """One fold of one seed.

    Args:
        seed, fold: As predictions.csv has them.
        folder: Its work directory; None where there is none.
        content: Its metrics.json; empty where there is none.
        rows: Its test rows.
        part: Class indices (N,) and probabilities (N, K) of the rows that have a label.
    """

    seed: str
    fold: str
    folder: Path | None
    content: Mapping[str, Any]
    rows: Sequence[ScoredRow]
    part: Part


@dataclass(frozen=True)
class CrossValidation:
    """A work directory of a cross-validation, read.

    Args:
        folder: The work directory.
        summary: summary.json.
        classes, positive: Names of the classes; the positive one of two.
        runs: Every fold of every seed.
        rows: The test rows of all of them.
        problems: What could not be read, one sentence each.
    """

    folder: Path
    summary: Mapping[str, Any]
    classes: tuple[str, ...]
    positive: str
    runs: tuple[FoldRun, ...]
    rows: Sequence[ScoredRow]
    problems: tuple[str, ...]

    @property
    def drawn(self) -> tuple[str, ...]:
        """The classes that get a curve of their own."""
        return drawn_classes(self.classes, self.positive)

    @property
    def seeds(self) -> tuple[str, ...]:
        """Seeds, in order."""
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    @property
    def pooled(self) -> Part:
        """Class indices and probabilities of all test rows that have a label."""
        return arrays(self.rows, self.classes)

    def name(self, run: FoldRun) -> str:
        """How a fold is called: `fold 1`, or `seed 2, fold 1` where there are several seeds."""
        several = {run.fold for run in self.runs}
        if len(self.seeds) < 2:
            return f'fold {run.fold}'
        return f'seed {run.seed}, fold {run.fold}' if len(several) > 1 else f'seed {run.seed}'

    def against_rest(self, name: str) -> dict[str, Part]:
        """Fold -> (whether a case is of this class (N,), its probability (N,)), of the folds that have both kinds."""
        k = self.classes.index(name)
        found = {self.name(run): (run.part[0] == k, run.part[1][:, k]) for run in self.runs}
        return {fold: (y, s) for fold, (y, s) in found.items() if 0 < y.sum() < y.size}


def gather(work_dir: str | Path) -> CrossValidation:
    """Read a work directory of a cross-validation. Only summary.json must be there.

    Raises:
        ValueError: There is no summary.json, or it names fewer than two classes.
    """
    folder = Path(work_dir)
    if not (folder / work_files.SUMMARY).is_file():
        raise ValueError(f'{folder} holds no finished cross-validation: it has no {work_files.SUMMARY}')
    summary = read_json_object(folder / work_files.SUMMARY)
    classes = tuple(summary.get('classes') or ())
    if len(classes) < 2:
        raise ValueError(f'{folder / work_files.SUMMARY} must name two or more classes, got {list(classes)}')
    positive = summary.get('positive') or classes[-1]
    problems: list[str] = []
    rows: list[ScoredRow] = []
    if (folder / work_files.PREDICTIONS).is_file():
        rows = [row for row in read_scored_rows(folder / work_files.PREDICTIONS, classes) if row['part'] == 'test']
    diverged = [row for row in rows if not np.isfinite(row['scores']).all()]
    if diverged:
        rows = [row for row in rows if np.isfinite(row['scores']).all()]
        problems.append(f'{len(diverged)} test rows have probabilities that are not finite; no figure holds them.')
    if not rows:
        problems.append('There are no test predictions, so there is no figure that is computed from them.')
    runs = _runs(folder, summary, classes, rows, problems)
    return CrossValidation(folder, summary, classes, positive, runs, rows, tuple(problems))


def _runs(
    folder: Path,
    summary: Mapping[str, Any],
    classes: Sequence[str],
    rows: Sequence[ScoredRow],
    problems: list[str],
) -> tuple[FoldRun, ...]:
    default = str(summary.get('seed', ''))
    of_rows: dict[tuple[str, str], list[ScoredRow]] = defaultdict(list)
    for row in rows:
        of_rows[row['seed'] or default, row['fold'] or '0'].append(row)
    folders: dict[tuple[str, str], tuple[Path | None, dict[str, Any]]] = {}
    for path in chain.from_iterable(map(folder.glob, work_files.FOLD_PATTERNS)):
        if path.is_dir():
            content = _content(path / work_files.METRICS, problems)
            seed = path.parent.name if path.parent != folder else str(content.get('seed', default))
            key = seed.removeprefix(work_files.SEED_PREFIX), path.name.removeprefix(work_files.FOLD_PREFIX)
            folders[key] = path, content
    runs = []
    for key in sorted({*of_rows, *folders}, key=lambda key: [_sortable(part) for part in key]):
        home, content = folders.get(key, (None, {}))
        if home is None:
            problems.append(f'The folder of fold {key[1]} (seed {key[0]}) is not there; its logs are left out.')
        mine = of_rows.get(key, [])
        runs.append(FoldRun(*key, home, content, mine, arrays(mine, classes)))
    return tuple(runs)


def _content(path: Path, problems: list[str]) -> Results:
    try:
        return read_json_object(path)
    except (OSError, ValueError):
        problems.append(f'{path.parent.name}/{path.name} cannot be read; what it would say is left out.')
        return {}


def _sortable(text: str) -> tuple[bool, int, str]:
    """Numbers by value and before words."""
    return (False, int(text), '') if text.isdigit() else (True, 0, text)
