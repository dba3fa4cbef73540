"""Train every stage of a config, evaluate, and write metrics, predictions and figures to the work directory."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from usmm.cli.arguments import add_config, add_launcher, add_training, command_parser, options_of
from usmm.config import load_config
from usmm.utils.console import plain_errors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('train', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--work-dir', help='where everything is written (default: work_dirs/<config>)')
    parser.add_argument(
        '--resume', nargs='?', const=True, default=False, metavar='PATH',
        help='go on where the work directory stands, or from a checkpoint of a stage',
    )  # fmt: skip
    parser.add_argument('--stage', help='run this stage alone (the ones before it must be done)')
    add_training(parser)
    add_config(parser)
    add_launcher(parser)
    return parser.parse_args(argv)


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    options = options_of(args)
    if args.work_dir is not None:
        options['work_dir'] = args.work_dir
    config = load_config(args.config, options)

    from usmm.engine import Experiment, RunOptions

    flags = RunOptions(args.launcher, args.amp, not args.no_validate, args.auto_scale_lr)
    experiment = Experiment(config, options=flags)
    metrics = experiment.train(args.resume, args.stage)
    if experiment.is_main:
        from usmm.visualization.pages.run_page import report_run

        report_run(experiment.work_dir, metrics)
    experiment.close()
