"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import os

from usmm.cli.completers import complete, config_keys, config_names
from usmm.utils.argument_types import config_file, whole

PARTS = ('train', 'val', 'test', 'all')


def add_config_file(
    parser: argparse.ArgumentParser, text: str = 'path of a config, or the name of a shipped one'
) -> None:
    """The config that a command reads."""
    complete(parser.add_argument('config', type=config_file, help=text), config_names)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """The weights that belong to the config."""
    parser.add_argument('checkpoint', help='weights, as usmm train writes them (model.pth)')


def add_part(parser: argparse.ArgumentParser, default: str = 'test') -> None:
    """The part of the split whose cases are taken."""
    text = 'part of the split whose cases are taken; all: every case of the table (default: %(default)s)'
    parser.add_argument('--part', default=default, choices=PARTS, help=text)


def add_training(parser: argparse.ArgumentParser) -> None:
    """How a training runs."""
    parser.add_argument('--amp', action='store_true', help='mixed precision and channels-last memory')
    parser.add_argument('--no-validate', action='store_true', help='no validation; the last epoch counts')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate by batch size / 16')
    parser.add_argument('--deterministic', action='store_true', help='the same bits in two runs on one machine')


def add_folds(parser: argparse.ArgumentParser) -> None:
    """Which folds are trained, with which seeds, and how many at a time."""
    parser.add_argument('--folds', type=int, help="number of folds (default: the config's)")
    parser.add_argument('--fold', type=int, help='run this fold alone, say as one job of a cluster array')
    parser.add_argument('--seeds', type=int, nargs='+', help="train every fold with each seed (default: the config's)")
    parser.add_argument('--fold-seed', type=int, help='one seed for the folds of all seeds (default: folds by seed)')
    parser.add_argument('--resume', action='store_true', help='go on inside a fold that was broken off')
    parser.add_argument('--jobs', type=whole(1), default=1, help='folds at a time, each in a process of its own')
    parser.add_argument('--keep-checkpoints', action='store_true', help='keep the checkpoints of finished folds')


def add_config(parser: argparse.ArgumentParser, text: str = 'override settings of the config') -> None:
    """Overrides of the config."""
    complete(parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help=text), config_keys)


def add_zoo(parser: argparse.ArgumentParser) -> None:
    """Where models are found by name."""
    parser.add_argument('--zoo', help='folder or address of the zoo (default: USMM_ZOO, or the one of usmm)')


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where a model runs."""
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: a GPU if there is one)')


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """How several processes come about."""
    text = 'what started the processes of a distributed run (default: none)'
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none', help=text)
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)


def options_of(args: argparse.Namespace) -> dict[str, object]:
    """Overrides of the config that the arguments stand for."""
    from usmm.config import parse_options

    options = parse_options(args.cfg_options)
    given = vars(args)  # a command has the shared arguments that it adds
    if given.get('deterministic'):
        options['deterministic'] = True
    local_rank_of(args)
    return options


def local_rank_of(args: argparse.Namespace) -> None:
    """Put the rank that older launchers give as an argument where mmengine looks for it."""
    given = vars(args)
    if 'local_rank' in given:
        os.environ.setdefault('LOCAL_RANK', str(given['local_rank']))
