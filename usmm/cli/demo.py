"""Make synthetic patients, train and test a small MSMFN on them, and list the results: about two minutes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from usmm.cli import make_phantom, test, train
from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser

CONFIG = 'msmfn_small_phantom'
INPUTS = 'bus+cdfi+ue+dceus+clinical'  # of CONFIG, as truth.json names this set


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        'out', nargs='?', type=out_folder, default='work_dirs/demo', help='folder (default: %(default)s)'
    )
    parser.add_argument('--cases', type=whole(1), default=160, help='patients for training (default: %(default)s)')
    parser.add_argument('--test-cases', type=whole(1), default=100, help='patients for testing (default: %(default)s)')
    parser.add_argument('--epochs', type=whole(1), help="epochs of each stage at most (default: the config's)")


def run(args: argparse.Namespace) -> int:
    data, run = Path(args.out, 'data'), Path(args.out, 'run')

    print(f'== 1/3 synthetic patients: {args.cases} for training, {args.test_cases} for testing')
    if (data / 'truth.json').is_file():
        print(f'   using the phantom that is already in {data}')
    else:
        words = ['--cases', args.cases, '--test-cases', args.test_cases, '--strength', 2, '--clip-seconds', 6]
        _run(make_phantom, [data, *words, '--force'])
    truth = json.loads((data / 'truth.json').read_text(encoding='utf-8'))
    # clips of 6 s show the examination of 90 s, so key frames are sampled with a shorter step
    settings = [f'data_root={data}', f'keyframe_step={truth["key_frame_step"]["dceus"]}']
    settings += [] if args.epochs is None else [f'max_epochs={args.epochs}']

    print('== 2/3 training: the network of four modalities, then the clinical stage')
    _run(train, [CONFIG, '--work-dir', run, '--overwrite', '--cfg-options', *settings])

    print('== 3/3 test of the saved weights')
    _run(test, [CONFIG, run / work_files.WEIGHTS, '--work-dir', run / 'test', '--cfg-options', *settings])

    print(f'\nmetrics      {run / "test" / work_files.METRICS}\npredictions  {run / "test" / work_files.PREDICTIONS}')
    for figure in sorted(run.rglob('figures/*.png')):
        print(f'figure       {figure}')
    print(f'best AUC     {truth["best_auc"][INPUTS]:.3f} is the highest that these data allow')
    return 0


def _run(command: ModuleType, words: Sequence[object]) -> None:
    """Run another command; its error message has been printed when it fails."""
    code = command.main([str(word) for word in words])
    if code:
        raise SystemExit(code)


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm demo    # in work_dirs/demo',
        'usmm demo OUT --epochs 2    # shorter, for a first look at the files',
    ),
)
