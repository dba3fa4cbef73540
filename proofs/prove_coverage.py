"""Proof that the intervals of a report cover: every interval, by patients, prevalence, AUC and cases of a patient.

Patients are drawn from two normal populations (or three, for three classes); a patient has one or four cases, whose
scores correlate by one half. The calls are those of the middle between the populations, the probabilities Bayes'. What
a report shows of such a study is compared with the truth, which comes from 400,000 patients.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import norm

from usmm.evaluation.stats.performance import performance

RUNS = 1000
PATIENTS, PREVALENCES, AUCS, CASES = (40, 60, 100, 250), (0.1, 0.3, 0.5), (0.7, 0.85, 0.97), (1, 4)
BAND = (0.93, 0.97)
MANY = 400_000
LEAST = 2  # patients of each class, of whom a study has an AUC
INSIDE = math.sqrt(0.5)  # of a score: the part of the patient, and that of the case


@dataclass(frozen=True)
class Setting:
    """What studies are drawn from.

    Args:
        patients, prevalence, auc: Of a study; with three classes the prevalence is that of the first.
        cases: Of a patient.
        classes: 2 or 3.
    """

    patients: int
    prevalence: float
    auc: float
    cases: int
    classes: int = 2

    def draw(self, patients: int, seed: int, cases: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels (N,), class probabilities (N, K) and patients (N,) of a study."""
        rng = np.random.default_rng(seed)
        each = self.cases if cases is None else cases
        shares = self.shares
        of_patient = rng.choice(self.classes, size=patients, p=shares)
        who = np.repeat(np.arange(patients), each)
        labels = of_patient[who]
        distance = math.sqrt(2) * norm.ppf(self.auc)
        axes = 1 if self.classes == 2 else self.classes
        noise = INSIDE * (rng.normal(size=(patients, axes))[who] + rng.normal(size=(who.size, axes)))
        if self.classes == 2:
            score = noise[:, 0] + distance * labels
            logit = distance * (score - distance / 2)  # equal weights: the threshold is the middle
            probability = 1 / (1 + np.exp(-logit))
            return labels, np.stack([1 - probability, probability], 1), who
        logits = distance / math.sqrt(2) * (noise + distance / math.sqrt(2) * np.eye(self.classes)[labels])
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return labels, powers / powers.sum(1, keepdims=True), who

    @property
    def shares(self) -> list[float]:
        """Of the classes."""
        rest = 1 - self.prevalence
        return [rest, self.prevalence] if self.classes == 2 else [self.prevalence, rest / 2, rest / 2]

    def truth(self) -> dict[str, float]:
        """The metrics of very many patients of one case."""
        labels, scores, _ = self.draw(MANY, 10**9, 1)
        return truth(labels, scores)


def truth(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Metrics without intervals, which would take long for so many cases."""
    from sklearn import metrics as sk

    called, classes = scores.argmax(1), scores.shape[1]
    of = {'pos_label': 1} if classes == 2 else {'average': 'macro'}
    recall = sk.recall_score(labels, called, average=None)
    tnr = [float((called[labels != k] != k).mean()) for k in range(classes)]
    target = np.eye(classes)[labels]
    return {
        'auc': float(np.mean([sk.roc_auc_score(labels == k, scores[:, k]) for k in range(classes)])),
        'accuracy': float((called == labels).mean()),
        'balanced_accuracy': float(recall.mean()),
        'tpr': float(recall[1] if classes == 2 else recall.mean()),
        'tnr': tnr[1] if classes == 2 else float(np.mean(tnr)),
        'precision': float(sk.precision_score(labels, called, **of)),
        'f1': float(sk.f1_score(labels, called, **of)),
        'mcc': float(sk.matthews_corrcoef(labels, called)),
        'brier': float(((scores - target) ** 2).sum(1).mean() / (2 if classes == 2 else 1)),
        'quadratic_kappa': float(sk.cohen_kappa_score(labels, called, weights='quadratic')),
        'stage_error': float(np.abs(labels - called).mean()),
    }


@dataclass(frozen=True)
class Coverage:
    """How often the interval of a metric held the truth.

    Args:
        setting, metric, truth: What was tried.
        studies: That had such an interval.
        without: Studies that had none.
        share: Of the studies, that held the truth.
        width: Mean of the intervals.
    """

    setting: Setting
    metric: str
    truth: float
    studies: int
    without: int
    share: float
    width: float


def measure(setting: Setting, runs: int, seed: int) -> list[Coverage]:
    """Draw studies and count, metric by metric; studies without two patients of each class are not counted."""
    known = setting.truth()
    hits: Counter[str] = Counter()
    studies: Counter[str] = Counter()
    without: Counter[str] = Counter()
    width: dict[str, float] = defaultdict(float)
    done = number = 0
    while done < runs:
        number += 1
        labels, scores, who = setting.draw(setting.patients, seed * 1_000_000 + number)
        first = labels[np.unique(who, return_index=True)[1]]
        if np.bincount(first, minlength=setting.classes).min() < LEAST:
            continue
        done += 1
        found = performance(labels, scores, np.zeros(labels.size, int), who, ordered=setting.classes > 2)
        for name, value in known.items():
            if name not in found:
                continue
            limits = found[name].ci95
            if limits is None:
                without[name] += 1
                continue
            studies[name] += 1
            hits[name] += limits[0] - 1e-9 <= value <= limits[1] + 1e-9
            width[name] += limits[1] - limits[0]
    return [
        Coverage(setting, n, known[n], studies[n], without[n], hits[n] / c if c else math.nan, width[n] / c if c else 0)
        for n in known
        if (c := studies[n]) or without[n]
    ]


Result = TypeVar('Result')


def in_processes(work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], processes: int) -> list[Result]:
    """The results of all tasks, in their order; with one process without another one."""
    if processes == 1:
        return list(starmap(work, tasks))
    with get_context('spawn').Pool(processes) as pool:
        return pool.starmap(work, tasks, 1)


def settings() -> Iterator[Setting]:
    """All that are tried: two classes, and three at the middle AUC."""
    for n, p, auc, cases in itertools.product(PATIENTS, PREVALENCES, AUCS, CASES):
        yield Setting(n, p, auc, cases)
    for n, p, cases in itertools.product(PATIENTS, PREVALENCES[:2], CASES):
        yield Setting(n, p, AUCS[1], cases, 3)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this proof."""
    parser.add_argument('--out', type=Path, help='a CSV file for every share')
    parser.add_argument('--processes', type=int, default=1)


def run(args: argparse.Namespace) -> int:
    """Try every setting with `args.runs` studies (1,000 where None).

    Returns:
        How many shares are below the band by more than chance does: narrow intervals. Wide ones are listed alone.
    """
    start, runs = time.monotonic(), args.runs or RUNS
    tasks = [(setting, runs, args.seed) for setting in settings()]
    found = [coverage for of in in_processes(measure, tasks, args.processes) for coverage in of]
    if args.out:
        _write(args.out, found)
    chance = 3.3 * math.sqrt(BAND[0] * (1 - BAND[0]) / runs)
    table = Table(
        'metric', 'classes', 'cases', 'shares', f'below {BAND[0]:.0%}', f'above {BAND[1]:.0%}', 'lowest', 'at'
    )
    below = 0
    kinds = sorted({(c.metric, c.setting.classes, c.setting.cases) for c in found})
    for metric, classes, cases in kinds:
        of_kind = [
            c for c in found if (c.metric, c.setting.classes, c.setting.cases) == (metric, classes, cases) and c.studies
        ]
        lowest = min(of_kind, key=lambda c: c.share)
        below += sum(c.share < BAND[0] - chance for c in of_kind)
        where = f'{lowest.setting.patients} patients, {lowest.setting.prevalence:g}, AUC {lowest.setting.auc:g}'
        table.add_row(
            metric, str(classes), str(cases), str(len(of_kind)), str(sum(c.share < BAND[0] for c in of_kind)),
            str(sum(c.share > BAND[1] for c in of_kind)), f'{lowest.share:.1%}', where,
        )  # fmt: skip
    console = Console()
    console.print(table)
    console.print(f'{runs} studies a setting; {time.monotonic() - start:.0f} s')
    return below


def _write(path: Path, found: list[Coverage]) -> None:
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        head = [
            'metric',
            'classes',
            'patients',
            'cases',
            'prevalence',
            'auc',
            'truth',
            'studies',
            'without',
            'coverage',
        ]
        writer.writerow([*head, 'width'])
        for c in found:
            s = c.setting
            row = [
                c.metric,
                s.classes,
                s.patients,
                s.cases,
                s.prevalence,
                s.auc,
                f'{c.truth:.4f}',
                c.studies,
                c.without,
            ]
            writer.writerow([*row, f'{c.share:.4f}', f'{c.width:.4f}'])
