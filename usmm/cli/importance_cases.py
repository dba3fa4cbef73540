"""What usmm importance reads of a run, and what it says of it."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from usmm.apis.composites import CompositeScore
from usmm.apis.importance import Importance, levels
from usmm.cli.explain_cases import Explainer
from usmm.engine import Experiment
from usmm.structures import Schema, Variable, has_trained
from usmm.visualization.pages.importance_page import ImportanceResults, summary_rows
from usmm.visualization.pages.wording import interval, number


@dataclass(frozen=True, eq=False)
class Opened:
    """A model with its pool.

    Args:
        score: Of the cases that are asked about, then the background.
        count: How many are asked about.
        facts: For the report.
        variables: Of the schema.
        trained_on: Tokens of the patients of the training.
    """

    score: CompositeScore
    count: int
    facts: dict[str, Any]
    variables: Sequence[Variable]
    trained_on: Collection[str]


def open_model(config: Config, args: argparse.Namespace) -> Opened:
    """The model with its cases.

    Raises:
        ValueError: A part or case that is not there.
    """
    training = args.baseline == 'train' or args.absent == 'background'
    parts = dict.fromkeys([args.part, *(['train'] if training else [])])
    experiment = Experiment(config, args.out, parts=list(parts), checkpoint=args.checkpoint)
    empty = [part for part in parts if part not in experiment.parts]
    if empty:
        raise ValueError(f'part {empty[0]!r} has no cases (without a training part: --baseline zero)')
    dataset = experiment.parts[args.part]
    names = [case.case_id for case in dataset.cases]
    absent = [name for name in args.cases or () if name not in names]
    if absent:
        raise ValueError(f'part {args.part} has no cases {absent}; it has {len(names)}, such as {names[:3]}')
    cases = [dataset[dataset.index_of(name)] for name in (args.cases or names)[: args.limit]]
    pool = list(cases)
    if args.absent == 'background':
        train = experiment.parts['train']
        chosen = np.random.default_rng(args.seed).permutation(len(train))[: args.background]
        pool += [train[int(i)] for i in np.sort(chosen)]
    explainer = Explainer(experiment, 'layercam', 'logit', None, {})
    reads_images = bool(explainer.model.readers)
    baseline = explainer.mean_pictures(experiment.parts['train']) if args.baseline == 'train' and reads_images else None
    variables = Schema.of(experiment.config.schema.to_dict()).clinical
    score = CompositeScore(explainer.model, pool, [v.name for v in variables], baseline, config.batch_size)
    path = Path(config.filename)
    facts = {
        'model': path.parent.name if path.stem == 'config' else path.stem, 'checkpoint': Path(args.checkpoint).name,
        'part': args.part, 'absent': args.absent, 'background': len(pool) - len(cases), 'repeats': args.repeats,
        'seed': args.seed,
    }  # fmt: skip
    return Opened(score, len(cases), facts, variables, experiment.trained_on)


def results(opened: Opened, found: Importance, classes: list[str], args: argparse.Namespace) -> ImportanceResults:
    """What was measured, for the report."""
    score, count = opened.score, opened.count
    cases = score.cases[:count]
    shown = found.full.argmax(1)
    if args.target is not None or len(classes) == 2:
        shown[:] = score.model.positive if args.target is None else classes.index(args.target)
    rows = np.arange(count)
    shapley = found.shapley
    how = 'from all sets of inputs' if shapley.orders is None else f'from {shapley.orders} random orders of the inputs'
    picture = 'the mean picture of training cases' if args.baseline == 'train' else 'the mean colour'
    notes = [
        f'Shapley values, {how}: {shapley.note}.',
        f'One input missing: {found.note}. The baseline picture is {picture}.',
        f'Shuffling: {args.repeats} times between patients; what the other patient lacks is missing then.',
    ]
    sizes = {v.name: len(v.values or ()) for v in opened.variables if v.is_category}
    known = {case.patient_id for case in cases if has_trained(case, opened.trained_on)}
    alerts = [f'{len(known)} of these patients trained the weights: this says little of new ones.'] if known else []
    given = [[_words(case.clinical.get(player)) if player in score.variables else '' for case in cases]
             for player in score.players]  # fmt: skip
    return ImportanceResults(
        score.players, found.drops, found.members, args.metric, [case.case_id for case in cases],
        ['' if case.label is None else classes[case.label] for case in cases], [classes[i] for i in shown],
        shapley.values[:, rows, shown], shapley.se[:, rows, shown], shapley.empty[rows, shown],
        shapley.full[rows, shown], found.without[:, rows, shown], levels(score, count, sizes), given, classes,
        opened.facts, notes, alerts,
    )  # fmt: skip


def show(of: ImportanceResults) -> None:
    """Print the most important inputs."""
    table = Table(box=SIMPLE, title=f'what matters, {len(of.case_ids)} cases')
    for i, name in enumerate(('input', f'{of.metric} lost', '95 % interval', '|Shapley|', '|change|')):
        table.add_column(name, justify='right' if i else 'left', no_wrap=True)
    rows = sorted(summary_rows(of), key=lambda r: -(float(r['mean_abs_shapley']) if r['input'] in of.players else -1))
    for r in rows:
        table.add_row(
            str(r['input']), number(r['drop'], sign=True), interval([r['low'], r['high']], sign=True),
            number(r['mean_abs_shapley']), number(r['mean_abs_change_without']),
        )  # fmt: skip
    Console().print(table)
    print('|Shapley|: mean over the cases; |change|: of the probability when the input is missing, mean over the cases')


def _words(value: object) -> str:
    if value is None:
        return 'missing'
    return f'{value:g}' if isinstance(value, float) else str(value)
