"""Proof of what p answers after a cross-validation: false alarms of both paired tests with models that are trained.

Two kinds of models that are equally good: one sees the first half of the features, the other one the second half, and
both halves know equally much. Trained on some patients one of them is better by chance, which a test given the trained
models rightly finds; a test of the kinds of models must find it in 5 % of the studies only.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from prove_coverage import in_processes
from rich.console import Console
from rich.table import Table

from usmm.engine.studies.comparison import MODELS, RETRAINED, PairedCases

RUNS = 1000
FOLDS, FEATURES, SHIFT = 5, 10, 0.35  # of each half; shift of the positives in each feature
PATIENTS = (60, 120)
LEVEL = 0.05
Scores = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


def ridge_lda(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """Fisher's discriminant with a ridge, by its formula: scores of `new`."""
    means = [x[y == k].mean(0) for k in (0, 1)]
    within = sum((x[y == k] - means[k]).T @ (x[y == k] - means[k]) for k in (0, 1)) / (len(x) - 2)
    weights = np.linalg.solve(within + 0.3 * np.eye(x.shape[1]), means[1] - means[0])
    return np.asarray(new @ weights - weights @ (means[0] + means[1]) / 2)


def small_network(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """A network of one hidden layer from a random start, trained for 40 steps: log-odds of `new`."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    sizes = ((x.shape[1], 8), (8, 1))
    weights = [torch.randn(s, generator=generator).mul_(math.sqrt(1 / s[0])).requires_grad_() for s in sizes]
    bias = torch.zeros(8, requires_grad=True)

    def network(values: np.ndarray) -> torch.Tensor:
        return (torch.tanh(torch.from_numpy(values).float() @ weights[0] + bias) @ weights[1])[:, 0]

    optimizer = torch.optim.Adam([*weights, bias], lr=0.03, weight_decay=1e-3)
    target = torch.from_numpy(y).float()
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(x), target).backward()
        optimizer.step()
    with torch.no_grad():
        return network(new).double().numpy()


MODEL: dict[str, tuple[Scores, float]] = {'ridge LDA': (ridge_lda, 1.0), 'small network': (small_network, 0.3)}
"""How scores are learned, and the share of the studies that are run of it."""


def study(scores: Scores, patients: int, seeds: int, seed: int) -> dict[str, float]:
    """p of both tests in one study, cross-validated `seeds` times."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(patients) % 2)
    x = rng.normal(size=(patients, 2 * FEATURES)) + SHIFT * labels[:, None]
    tables: tuple[list[dict[str, object]], list[dict[str, object]]] = ([], [])
    for s in range(seeds):
        folds = np.empty(patients, int)
        for k in (0, 1):  # stratified
            of_class = rng.permutation(np.flatnonzero(labels == k))
            folds[of_class] = np.arange(of_class.size) % FOLDS
        for fold in range(FOLDS):
            tested = folds == fold
            for half, table in enumerate(tables):
                part = x[:, half * FEATURES : (half + 1) * FEATURES]
                odds = scores(part[~tested], labels[~tested], part[tested], seed * 1000 + s * 100 + fold * 2 + half)
                for case, value in zip(np.flatnonzero(tested), 1 / (1 + np.exp(-odds)), strict=True):
                    table.append(
                        {
                            'case_id': f'c{case}',
                            'patient_id': f'p{case}',
                            'seed': str(s),
                            'fold': str(fold),
                            'label': 'ab'[labels[case]],
                            'prob_a': 1 - value,
                            'prob_b': value,
                        }
                    )
    paired = PairedCases.of(*tables, ('a', 'b'), 'b', 'the halves')
    return {test: paired.difference(test)['pvalue'] for test in (MODELS, RETRAINED)}


def alarms(model: str, patients: int, seeds: int, runs: int, seed: int) -> dict[str, float]:
    """Share of the studies in which a test finds a difference."""
    import torch

    torch.set_num_threads(1)
    found = [study(MODEL[model][0], patients, seeds, seed * 1_000_000 + i) for i in range(runs)]
    return {test: float(np.mean([p[test] < LEVEL for p in found])) for test in (MODELS, RETRAINED)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this proof."""
    parser.add_argument('--processes', type=int, default=1)


def run(args: argparse.Namespace) -> int:
    """Count false alarms in `args.runs` studies (1,000 where None) of each kind.

    Returns:
        How many shares of the test of kinds of models are above 5 % by more than chance.
    """
    start, total = time.monotonic(), args.runs or RUNS
    kinds = [
        (model, patients, seeds, max(1, round(total * share)))
        for model, (_, share) in MODEL.items()
        for patients in PATIENTS
        for seeds in (1, 3)
    ]
    found = in_processes(partial(alarms, seed=args.seed), kinds, args.processes)
    table = Table('models', 'patients', 'seeds', 'studies', 'given the models', 'trained again')
    failed = 0
    for (model, patients, seeds, runs), shares in zip(kinds, found, strict=True):
        failed += shares[RETRAINED] > LEVEL + 3.3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)
        row = [f'{shares[test]:.1%}' for test in (MODELS, RETRAINED)]
        table.add_row(model, str(patients), str(seeds), str(runs), *row)
    console = Console()
    console.print(table)
    console.print(f'false alarms at 5 %; {time.monotonic() - start:.0f} s')
    return failed
