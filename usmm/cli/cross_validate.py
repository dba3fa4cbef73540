"""Cross-validate a config: train and test every fold, pool the predictions, and write a report."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from usmm.cli.arguments import add_config, add_folds, add_launcher, add_training, command_parser, options_of
from usmm.cli.case_pictures import pictures_of
from usmm.config import load_config
from usmm.utils.console import plain_errors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('cross_validate', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    add_folds(parser)
    parser.add_argument('--work-dir', help='where everything is written (default: work_dirs/<config>_cv)')
    add_training(parser)
    add_config(parser)
    add_launcher(parser)
    return parser.parse_args(argv)


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    options = options_of(args)
    work_dir = Path(args.work_dir or f'work_dirs/{load_config(args.config, options).name}_cv')

    from usmm.engine import CrossValidation, RunOptions, run_folds
    from usmm.visualization.pages.cross_validation_page import report_cross_validation
    from usmm.visualization.pages.summary_table import summary_table

    seeds = None if args.seeds is None else tuple(args.seeds)
    plan = CrossValidation(args.config, work_dir, args.folds, seeds, args.fold_seed, options, args.keep_checkpoints)
    flags = RunOptions(args.launcher, args.amp, not args.no_validate, args.auto_scale_lr)
    run_folds(plan.tasks(args.fold), flags, args.resume, args.jobs)
    if os.environ.get('RANK', '0') != '0':
        return
    undone = [task.name for task in plan.tasks() if not task.finished]
    if undone:
        print(f'{len(undone)} folds are still to be run: {"; ".join(undone)}')
        return
    Console().print(summary_table(plan.gather()))
    print(f'report: {report_cross_validation(work_dir, pictures_of(plan.tasks()[0].load()))}')
