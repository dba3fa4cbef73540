"""Train every stage of a config, evaluate, and write metrics, predictions and figures to the work directory."""

from __future__ import annotations

import argparse
import os

from usmm.config import load_config, parse_options
from usmm.console import plain_errors


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--work-dir', help='where everything is written (default: work_dirs/<config>)')
    parser.add_argument(
        '--resume', nargs='?', const=True, default=False, metavar='PATH',
        help='go on where the work directory stands, or from a checkpoint of a stage',
    )  # fmt: skip
    parser.add_argument('--stage', help='run this stage alone (the ones before it must be done)')
    parser.add_argument('--amp', action='store_true', help='mixed precision and channels-last memory')
    parser.add_argument('--no-validate', action='store_true', help='no validation; the last epoch counts')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate by batch size / 16')
    parser.add_argument('--deterministic', action='store_true', help='the same bits in two runs on one machine')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


@plain_errors
def main() -> None:
    args = parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    options = parse_options(args.cfg_options)
    if args.work_dir is not None:
        options['work_dir'] = args.work_dir
    if args.deterministic:
        options['deterministic'] = True
    config = load_config(args.config, options)

    from usmm.engine import Experiment, RunOptions

    flags = RunOptions(args.launcher, args.amp, not args.no_validate, args.auto_scale_lr)
    experiment = Experiment(config, options=flags)
    metrics = experiment.train(args.resume, args.stage)
    if experiment.is_main:
        from usmm.reports.run import report_run

        report_run(experiment.work_dir, metrics)
    experiment.close()


if __name__ == '__main__':
    raise SystemExit(main())
