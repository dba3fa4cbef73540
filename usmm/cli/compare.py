"""Compare two models on the same cases: AUC of each, their difference, and paired tests by patient and fold."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.command_parser import CommandParser
from usmm.utils.suggestions import did_you_mean

if TYPE_CHECKING:
    from usmm.engine.specs import Difference


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('first', type=Path, help='work directory or predictions.csv')
    parser.add_argument('second', type=Path, help='work directory or predictions.csv')
    parser.add_argument('--positive', required=True, help='name of the positive class')
    parser.add_argument('--part', default='test', help='part whose cases count (default: %(default)s)')
    parser.add_argument('--seed', type=int, help='only the rows of this seed, of a cross-validation with several')


Key = tuple[str, str]  # seed and case
PROBABILITY = 'prob_'


def rows_of(path: Path, part: str, positive: str, seed: int | None) -> dict[Key, Mapping[str, Any]]:
    """(seed, case id) -> its row, of the labelled cases of a part.

    Raises:
        ValueError: The table has no such class, no labelled case of the part or no rows of the seed; or several rows
            of a case and seed.
    """
    from usmm.engine.workdir.predictions import read_predictions

    table = read_predictions(path / work_files.PREDICTIONS if path.is_dir() else path)
    if table and f'{PROBABILITY}{positive}' not in table[0]:
        classes = [c.removeprefix(PROBABILITY) for c in table[0] if c.startswith(PROBABILITY)]
        raise ValueError(f'{path} has no class {positive!r}; {did_you_mean(positive, classes)}')
    parts = dict.fromkeys(str(row['part']) for row in table if row['label'])
    if part not in parts:
        raise ValueError(f'{path} has no labelled cases of the part {part!r}; the parts with labels are {[*parts]}')
    rows = [row for row in table if row['part'] == part and row['label']]
    if seed is not None:
        seeds = sorted({str(row['seed']) for row in rows})
        rows = [row for row in rows if row['seed'] == str(seed)]
        if not rows:
            raise ValueError(f'{path} has no rows of seed {seed} in the part {part!r}; it has the seeds {seeds}')
    count = Counter((str(row['seed']), str(row['case_id'])) for row in rows)
    twice = [case for (_, case), number in count.items() if number > 1]
    if twice:
        raise ValueError(f'{path} has several rows of {len(twice)} cases in the part {part!r}: {", ".join(twice[:5])}')
    odd = [str(row['case_id']) for row in rows if not math.isfinite(float(row[f'{PROBABILITY}{positive}']))]
    if odd:
        raise ValueError(f'{path} has predictions that are no numbers for {len(odd)} cases: {", ".join(odd[:5])}')
    unlabelled = sum(row['part'] == part and not row['label'] for row in table)
    if unlabelled:
        print(f'{path}: {unlabelled} rows of the part {part!r} without a label are not compared')
    return {(str(row['seed']), str(row['case_id'])): row for row in rows}


def paired(
    one: Mapping[Key, Mapping[str, Any]], other: Mapping[Key, Mapping[str, Any]], names: tuple[str, str]
) -> None:
    """See that both tables hold the same cases, seeds, folds, patients and labels.

    Raises:
        ValueError: They do not.
    """
    if one.keys() != other.keys() or not one:
        seeds = [sorted({seed for seed, _ in table}) for table in (one, other)]
        if seeds[0] != seeds[1]:
            raise ValueError(
                f'{names[0]} has the seeds {seeds[0]}, {names[1]} the seeds {seeds[1]}: choose a common one with --seed'
            )
        only = sorted({case for _, case in one.keys() ^ other.keys()})
        raise ValueError(f'{names[0]} and {names[1]} hold different cases ({len(only)}, such as {only[:3]})')
    for column, what in (('label', 'labels'), ('patient_id', 'patients'), ('fold', 'folds')):
        differing = [
            f'{key[1]}: {one[key][column]} and {other[key][column]}'
            for key in one
            if str(one[key][column]) != str(other[key][column])
        ]
        if differing:
            why = 'a fold is compared with itself' if column == 'fold' else 'they are predictions of different data'
            raise ValueError(
                f'{names[0]} and {names[1]} have different {what} for {len(differing)} cases '
                f'({"; ".join(differing[:3])}): {why}'
            )


def classes_of(
    one: Mapping[Key, Mapping[str, Any]], other: Mapping[Key, Mapping[str, Any]], names: tuple[str, str]
) -> list[str]:
    """The classes of both tables.

    Raises:
        ValueError: They differ.
    """
    found = [
        sorted(c.removeprefix(PROBABILITY) for c in next(iter(table.values())) if c.startswith(PROBABILITY))
        for table in (one, other)
    ]
    if found[0] != found[1]:
        raise ValueError(f'{names[0]} has the classes {found[0]}, {names[1]} the classes {found[1]}')
    return found[0]


def of_positive(row: Mapping[str, Any], positive: str) -> dict[str, Any]:
    """A row of two classes: the positive one, and the rest."""
    score = float(row[f'{PROBABILITY}{positive}'])
    label = 'positive' if row['label'] == positive else 'rest'
    return {**row, 'label': label, f'{PROBABILITY}positive': score, f'{PROBABILITY}rest': 1 - score}


def run(args: argparse.Namespace) -> None:
    from usmm.engine.studies.comparison import MODELS, RETRAINED, PairedCases

    names = (str(args.first), str(args.second))
    tables = [rows_of(path, args.part, args.positive, args.seed) for path in (args.first, args.second)]
    paired(tables[0], tables[1], names)
    classes = classes_of(tables[0], tables[1], names)
    if len(classes) > 2:
        print(f'{len(classes)} classes: the AUC is that of {args.positive!r} against the rest')
    first, second = ([of_positive(row, args.positive) for row in table.values()] for table in tables)
    found = PairedCases.of(first, second, ('rest', 'positive'), 'positive', ' and '.join(names))
    if not found.folds:
        raise ValueError(
            f'{names[0]} and {names[1]} cannot be compared: no fold has two patients with and two without '
            f'{args.positive!r} among {found.cases} cases'
        )
    for which, name in enumerate(names):
        auc = found.auc(which)
        limits = 'no interval' if auc.ci[0] != auc.ci[0] else f'[{auc.ci[0]:.3f}, {auc.ci[1]:.3f}]'
        print(f'AUC {auc.estimate:.3f} {limits}  {name}')
    patients, folds = len(set(found.patients.tolist())), f'{found.folds} folds, ' if found.folds > 1 else ''
    print(f'{folds}{found.cases} cases, {patients} patients: {auc.method}')
    if found.left_out:
        print(f'WARNING: {found.left_out} folds have fewer than two patients of a class, and do not count')
    for test in (RETRAINED, MODELS) if found.folds > 1 else (MODELS,):
        print(result(found.difference(test)))


def result(found: Difference) -> str:
    """A difference in two lines: what was found, and what was asked."""
    limits = '' if found['ci95'] is None else f' [{found["ci95"][0]:+.3f}, {found["ci95"][1]:+.3f}]'
    p = 'no p value' if math.isnan(found['pvalue']) else f'p = {found["pvalue"]:.2g}'
    return f'difference {found["estimate"]:+.3f}{limits}, {p} ({found["test"]})\n  p answers: {found["question"]}'


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm compare work_dirs/fusion work_dirs/bmode --positive malignant',
        'usmm compare fusion/predictions.csv bmode/predictions.csv --positive SCC --part val',
        'usmm compare work_dirs/fusion_cv work_dirs/bmode_cv --positive malignant --seed 0',
    ),
)
