"""Evaluate a trained model: metrics, predictions and figures of the test part (or another)."""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.arguments import PARTS, add_checkpoint, add_config, add_config_file, add_launcher, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    add_checkpoint(parser)
    text = 'where results are written (default: <work_dir of the config>/test)'
    parser.add_argument('--work-dir', type=out_folder, help=text)
    parser.add_argument(
        '--parts', nargs='+', default=['test'], choices=PARTS,
        help='parts of the split; all: every case of the table, for an external validation (default: test)',
    )  # fmt: skip
    add_config(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> None:
    from usmm.config import TESTED, load_config

    needed = (*TESTED, 'evaluator', *([] if args.work_dir else ['work_dir']))
    config = load_config(args.config, options_of(args), needed=needed)

    from usmm.engine import Experiment, RunOptions
    from usmm.engine.launched import start_launched
    from usmm.engine.workdir.outputs import check_no_run
    from usmm.engine.workdir.ownership import Ownership

    work_dir = args.work_dir or str(Path(config.work_dir, 'test'))
    start_launched(args.launcher, config)
    with Ownership(work_dir).held():
        check_no_run(Path(work_dir), args.checkpoint)
        experiment = Experiment(config, work_dir, RunOptions(args.launcher), args.parts, args.checkpoint)
        experiment.verify()
        metrics, rows = experiment.evaluate(args.parts)
        content = {**metrics, 'checkpoint': args.checkpoint, **experiment.facts()}
        if experiment.skipped:
            content['skipped'] = experiment.skipped
        experiment.write_results(content, rows)
        if experiment.is_main:
            from usmm.visualization.pages.run_page import report_run

            report_run(experiment.work_dir, content)
    experiment.close()


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm test my_config.py work_dirs/my_config/model.pth',
        'usmm test my_config.py work_dirs/my_config/model.pth --parts all --cfg-options data_root=data/other_hospital',
    ),
)
