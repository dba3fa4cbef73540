"""Train every stage of a config, evaluate, and write metrics, predictions and figures to the work directory.

A plain mmengine config (train_dataloader, train_cfg, optim_wrapper, ...) is trained by mmengine's Runner as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import (
    add_config,
    add_config_file,
    add_launcher,
    add_training,
    local_rank_of,
    options_of,
)
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    from usmm.engine import RunOptions


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    parser.add_argument('--work-dir', type=out_folder, help='where everything is written (default: work_dirs/<config>)')
    parser.add_argument(
        '--resume', nargs='?', const=True, default=False, metavar='PATH',
        help='go on where the work directory stands, or from a checkpoint of a stage',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='start over where the work directory holds a run')
    parser.add_argument('--stage', help='run this stage alone (the ones before it must be done)')
    add_training(parser)
    add_config(parser)
    add_launcher(parser)


def flags_of(args: argparse.Namespace) -> RunOptions:
    """How to run, by the arguments."""
    from usmm.engine import RunOptions

    return RunOptions(args.launcher, args.amp, not args.no_validate, args.auto_scale_lr)


def train_plain(args: argparse.Namespace) -> None:
    """Train with a plain mmengine config.

    Raises:
        ValueError: An option that only stages have, or a config that cannot be built.
    """
    if args.stage is not None:
        raise ValueError(f'--stage is for a config with stages, {args.config} is a plain config of mmengine')
    from usmm.config.plain import load_plain

    config = load_plain(args.config, args.cfg_options)
    local_rank_of(args)
    if args.deterministic:
        config.randomness = {**config.get('randomness', {}), 'deterministic': True}
    if args.work_dir is not None:
        config.work_dir = args.work_dir
    elif not config.get('work_dir'):
        config.work_dir = f'work_dirs/{Path(config.filename).stem}'

    from usmm.engine.launched import start_launched
    from usmm.engine.plain_run import runner_of
    from usmm.engine.workdir.outputs import check_unused
    from usmm.engine.workdir.ownership import Ownership

    start_launched(args.launcher, config)
    with Ownership(config.work_dir).held():
        if not args.resume and not args.overwrite:
            check_unused(Path(config.work_dir), ['.'])
        runner_of(config, flags_of(args), args.resume).train()


def run(args: argparse.Namespace) -> None:
    from usmm.config import load_config
    from usmm.config.build_failure import components_named
    from usmm.config.complete import check_complete
    from usmm.config.plain import is_plain

    if args.resume and args.overwrite:
        raise ValueError('--resume goes on with a run, --overwrite starts over: give one of both')
    if is_plain(args.config):
        train_plain(args)
        return
    options = options_of(args)
    if args.work_dir is not None:
        options['work_dir'] = args.work_dir
    config = load_config(args.config, options)
    check_complete(config, args.stage)

    from usmm.datasets.folds import forget_folds
    from usmm.engine import Experiment
    from usmm.engine.launched import start_launched
    from usmm.engine.workdir.ownership import Ownership

    start_launched(args.launcher, config)
    ownership = Ownership(config.work_dir)
    with ownership.held(), components_named(config):
        if args.overwrite:
            forget_folds(config)
        experiment = Experiment(config, options=flags_of(args), ownership=ownership)
        metrics = experiment.train(args.resume, args.stage, args.overwrite)
        if experiment.is_main:
            from usmm.visualization.pages.run_page import report_run

            report_run(experiment.work_dir, metrics)
    experiment.close()


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm train msmfn_small_phantom --cfg-options data_root=data/phantom',
        'usmm train my_config.py --work-dir work_dirs/first --amp --cfg-options max_epochs=50 batch_size=8',
        'usmm train my_config.py --resume',
    ),
)
