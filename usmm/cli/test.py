"""Evaluate a trained model: metrics, predictions and figures of the test part (or another)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import add_config, add_launcher, command_parser, options_of
from usmm.config import load_config
from usmm.utils.console import plain_errors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('test', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('checkpoint', help='weights, as usmm train writes them (model.pth)')
    parser.add_argument('--work-dir', help='where results are written (default: <work_dir of the config>/test)')
    parser.add_argument(
        '--parts', nargs='+', default=['test'], choices=('train', 'val', 'test', 'all'),
        help='parts of the split; all: every case of the table, for patients of elsewhere (default test)',
    )  # fmt: skip
    add_config(parser)
    add_launcher(parser)
    return parser.parse_args(argv)


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    config = load_config(args.config, options_of(args))

    from usmm.engine import Experiment, RunOptions

    work_dir = args.work_dir or str(Path(config.work_dir, 'test'))
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
