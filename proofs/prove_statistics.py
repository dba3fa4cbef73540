"""Proof that intervals cover and tests keep their level: simulated studies whose truth is known."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import norm

from usmm.evaluation.stats import (
    cluster_bootstrap,
    clustered_auc,
    clustered_auc_test,
    delong_interval,
    delong_test,
    mcnemar_counts,
    wilson_interval,
)
from usmm.evaluation.stats.delong import placements

RUNS, SIZES, SHIFT = 2000, (60, 200), 1.2
TRUTH = float(norm.cdf(SHIFT / math.sqrt(2)))  # the AUC of two normals that far apart
COVERAGE, LEVEL, CAUTIOUS = (0.93, 0.97), (0.04, 0.06), (0.0, 0.06)


@dataclass(frozen=True)
class Study:
    """What is asked of each simulated study, and in which share of them the answer must be yes.

    Args:
        ask: From the number of patients (or cases) and a seed to yes or no.
        band: Lowest and highest share.
        share: How many studies are run, in parts of `--runs`: a level of 4 to 6 % is told from others only by many,
            and a bootstrap is slow.
        least: Smallest size of which the band is asked; the share of a smaller one is shown, and marked.
    """

    ask: Callable[[int, int], bool]
    band: tuple[float, float]
    share: float = 1.0
    least: int = 0


def holds(ci: tuple[float, float], truth: float = TRUTH) -> bool:
    return ci[0] <= truth <= ci[1]


def simple(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with two of five positive, and two scores (N, 2) that correlate by one half."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 5 < 2
    shared = rng.normal(size=(n, 1))
    return labels, math.sqrt(0.5) * (shared + rng.normal(size=(n, 2))) + SHIFT * labels[:, None]


def clustered(patients: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One to three cases a patient, all of the patient's class; two scores, each correlated within the patient."""
    rng = np.random.default_rng(seed)
    of_case = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    labels = (rng.random(patients) < 0.4)[of_case]
    shared = rng.normal(size=(patients, 2))[of_case]
    return labels, math.sqrt(0.5) * (shared + rng.normal(size=shared.shape)) + SHIFT * labels[:, None], of_case


def seeds_and_folds(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every patient in two seeds, in one of two folds of each: labels, scores, patients, strata."""
    rng = np.random.default_rng(seed)
    labels, patients = np.tile(np.arange(n) % 5 < 2, 2), np.tile(np.arange(n), 2)
    shared = np.tile(rng.normal(size=n), 2)
    scores = math.sqrt(0.7) * shared + math.sqrt(0.3) * rng.normal(size=2 * n) + SHIFT * labels
    folds = [start + rng.permutation(n) // (n // 2) for start in (0, 10)]
    return labels, scores, patients, np.concatenate(folds)


def delong_covers(n: int, seed: int) -> bool:
    labels, scores = simple(n, seed)
    return holds(delong_interval(labels, scores[:, 0]).ci)


def wilson_covers(n: int, seed: int) -> bool:
    return holds(wilson_interval(int(np.random.default_rng(seed).binomial(n, 0.8)), n).ci, 0.8)


def clusters_cover(n: int, seed: int) -> bool:
    labels, scores, patients = clustered(n, seed)
    return holds(clustered_auc(labels, scores[:, 0], patients).ci)


def strata_cover(n: int, seed: int) -> bool:
    return holds(clustered_auc(*seeds_and_folds(n, seed)).ci)


def bootstrap_covers(n: int, seed: int, method: str) -> bool:
    labels, scores, patients = clustered(n, seed)
    first = scores[:, 0]

    def auc(cases: np.ndarray) -> float:
        return float(placements(labels[cases] == 1, first[cases])[0].mean())

    return holds(cluster_bootstrap(auc, patients, draws=300, method=method).ci)


def difference_covers(n: int, seed: int) -> bool:
    first_only, second_only, _ = np.random.default_rng(seed).multinomial(n, [0.10, 0.05, 0.85])
    return holds(mcnemar_counts(first_only, second_only, n).ci, 0.05)


def delong_alarms(n: int, seed: int) -> bool:
    labels, scores = simple(n, seed)
    return delong_test(labels, scores[:, 0], scores[:, 1]).pvalue < 0.05


def clusters_alarm(n: int, seed: int) -> bool:
    labels, scores, patients = clustered(n, seed)
    return clustered_auc_test(labels, scores[:, 0], scores[:, 1], patients).pvalue < 0.05


def mcnemar_alarms(n: int, seed: int, method: str) -> bool:
    first_only, second_only, _ = np.random.default_rng(seed).multinomial(n, [0.1, 0.1, 0.8])
    return mcnemar_counts(first_only, second_only, n, method).pvalue < 0.05


STUDIES = {
    'DeLong interval': Study(delong_covers, COVERAGE),
    'Wilson interval': Study(wilson_covers, COVERAGE),
    'AUC by patient': Study(clusters_cover, COVERAGE),
    'AUC by patient, 2 seeds of 2 folds': Study(strata_cover, COVERAGE),
    # The percentile method is known to be too narrow in small samples (about 90 % with 60 patients): BCa is for those.
    'bootstrap by patient, percentile': Study(lambda n, s: bootstrap_covers(n, s, 'percentile'), COVERAGE, 0.25, 200),
    'bootstrap by patient, BCa': Study(lambda n, s: bootstrap_covers(n, s, 'bca'), COVERAGE, 0.25),
    'difference of two accuracies': Study(difference_covers, COVERAGE),
    'DeLong paired test, false alarms': Study(delong_alarms, LEVEL, 5),
    'AUC by patient, false alarms': Study(clusters_alarm, LEVEL, 5),
    'McNemar exact, false alarms': Study(lambda n, s: mcnemar_alarms(n, s, 'exact'), CAUTIOUS),
    'McNemar mid-p, false alarms': Study(lambda n, s: mcnemar_alarms(n, s, 'midp'), CAUTIOUS),
}


def measure(study: Study, n: int, runs: int, seed: int) -> float:
    """Share of `runs` simulated studies of n patients with the answer yes."""
    return float(np.mean([study.ask(n, seed * 1_000_000 + i) for i in range(runs)]))


def run(args: argparse.Namespace) -> int:
    """Simulate `args.runs` studies (2,000 where None) of each kind and size.

    Returns:
        The number of shares outside their bands.
    """
    table = Table('what', 'patients', 'studies', 'share', 'must lie in', 'seconds')
    failed = 0
    for name, study in STUDIES.items():
        for n in SIZES:
            runs, start = max(1, round((args.runs or RUNS) * study.share)), time.monotonic()
            share = measure(study, n, runs, args.seed)
            low, high = study.band
            asked, inside = n >= study.least, low <= share <= high
            failed += asked and not inside
            mark = '' if inside else ' [red]outside[/red]' if asked else ' [yellow]not asked[/yellow]'
            band = f'{low:.0%} to {high:.0%}{mark}'
            table.add_row(name, str(n), str(runs), f'{share:.2%}', band, f'{time.monotonic() - start:.0f}')
    Console().print(table)
    return failed
