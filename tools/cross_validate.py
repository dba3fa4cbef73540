"""Cross-validate a config: train and test every fold, pool the predictions, and write a report."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from _case_pictures import pictures_of
from rich.console import Console

from usmm.config import load_config, parse_options
from usmm.console import plain_errors


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--folds', type=int, help="number of folds (default: the config's)")
    parser.add_argument('--fold', type=int, help='run this fold alone, say as one job of a cluster array')
    parser.add_argument('--seeds', type=int, nargs='+', help="train every fold with each seed (default: the config's)")
    parser.add_argument('--fold-seed', type=int, help='one seed for the folds of all seeds (default: folds by seed)')
    parser.add_argument('--work-dir', help='where everything is written (default: work_dirs/<config>_cv)')
    parser.add_argument('--resume', action='store_true', help='go on inside a fold that was broken off')
    parser.add_argument('--jobs', type=int, default=1, help='folds at a time, each in a process of its own')
    parser.add_argument('--keep-checkpoints', action='store_true', help='keep the checkpoints of finished folds')
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
    if args.deterministic:
        options['deterministic'] = True
    work_dir = Path(args.work_dir or f'work_dirs/{load_config(args.config, options).name}_cv')

    from usmm.engine import CrossValidation, RunOptions, run_folds
    from usmm.reports.cross_validation import report_cross_validation
    from usmm.reports.summary_table import summary_table

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
    print(f'report: {report_cross_validation(work_dir, pictures_of(plan.load()))}')


if __name__ == '__main__':
    raise SystemExit(main())
