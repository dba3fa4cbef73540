"""Cross-validate a config: train and test every fold, pool the predictions, and write a report."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from usmm.cli.arguments import add_config, add_config_file, add_folds, add_launcher, add_training, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    add_folds(parser)
    text = 'where everything is written (default: work_dirs/<config>_cv)'
    parser.add_argument('--work-dir', type=out_folder, help=text)
    add_training(parser)
    add_config(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> None:
    from usmm.config import load_config

    options = options_of(args)
    loaded = load_config(args.config, options)
    work_dir = Path(args.work_dir or str(options.pop('work_dir', '')) or f'work_dirs/{loaded.name}_cv')

    from rich.console import Console

    from usmm.cli.case_pictures import pictures_of
    from usmm.engine import CrossValidation, RunOptions, run_folds
    from usmm.engine.launched import start_launched
    from usmm.engine.workdir.ownership import Ownership
    from usmm.visualization.pages.cross_validation_page import report_cross_validation
    from usmm.visualization.pages.summary_table import summary_table

    seeds = None if args.seeds is None else tuple(args.seeds)
    plan = CrossValidation(args.config, work_dir, args.folds, seeds, args.fold_seed, options, args.keep_checkpoints)
    flags = RunOptions(args.launcher, args.amp, not args.no_validate, args.auto_scale_lr)
    start_launched(args.launcher, loaded)
    # jobs of a cluster array, each with a fold of its own, work in the folder together
    with Ownership(work_dir, shared=args.fold is not None).held():
        run_folds(plan.tasks(args.fold), flags, args.resume, args.jobs)
        if os.environ.get('RANK', '0') != '0':
            return
        undone = [task.name for task in plan.tasks() if not task.finished]
        if undone:
            print(f'{len(undone)} folds are still to be run: {"; ".join(undone)}')
            return
        summary = plan.gather()
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(summary_table(summary))
        for text in summary['warnings']:
            console.print(f'WARNING: {text}', markup=False, soft_wrap=True)
        print(f'report: {report_cross_validation(work_dir, pictures_of(plan.tasks()[0].load()))}')


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm cross_validate my_config.py',
        'usmm cross_validate my_config.py --folds 5 --seeds 0 1 2 --jobs 2',
        'usmm cross_validate my_config.py --fold 3    # one job of a cluster array',
    ),
)
