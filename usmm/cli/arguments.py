"""The parser of a command, and arguments that several commands share."""

from __future__ import annotations

import argparse
import os

from usmm.config import parse_options


def command_parser(name: str, description: str | None, allow_abbrev: bool = True) -> argparse.ArgumentParser:
    """The parser of a command; its help shows the description as it is written.

    Args:
        name: Name of the command.
        description: `__doc__` of its module.
        allow_abbrev: Whether long options may be shortened.
    """
    return argparse.ArgumentParser(
        prog=f'usmm {name}', description=description, allow_abbrev=allow_abbrev,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip


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
    parser.add_argument('--jobs', type=int, default=1, help='folds at a time, each in a process of its own')
    parser.add_argument('--keep-checkpoints', action='store_true', help='keep the checkpoints of finished folds')


def add_config(parser: argparse.ArgumentParser) -> None:
    """Overrides of the config."""
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """How several processes come about."""
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)


def options_of(args: argparse.Namespace) -> dict[str, object]:
    """Overrides of the config that the arguments stand for."""
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
