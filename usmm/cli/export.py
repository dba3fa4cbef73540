"""Export a trained model to ONNX, and compare both on the same inputs: the file is only left if they agree.

The file takes uint8 pixels and the raw clinical row; normalisation and all stages are inside. It is refused if a
probability differs by more than 1e-4 or a case gets another class.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import PARTS, add_config, add_zoo, options_of
from usmm.cli.command import Command
from usmm.cli.completers import complete, config_names
from usmm.utils.argument_types import out_file, whole
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    from usmm.export.cases import ArrayBatch

OPSETS = (18, 23)  # oldest and newest version that the installed exporter writes


def add_arguments(parser: CommandParser) -> None:
    text = 'folder of a run, a published model (folder, .zip, model.safetensors), a name of the zoo, or a config'
    complete(parser.add_argument('source', help=text), config_names)
    parser.add_argument('checkpoint', nargs='?', help='weights, where the source is a config')
    parser.add_argument('--out', type=out_file, default='model.onnx', help='the file (default model.onnx)')
    parser.add_argument('--parity', type=whole(1), default=200, metavar='N', help='inputs to compare on (default 200)')
    parser.add_argument('--data', action='store_true', help="compare on the data set's cases, not on random inputs")
    parser.add_argument('--part', default='test', choices=PARTS, help='cases of --data (default: %(default)s)')
    parser.add_argument(
        '--shape', type=shape, nargs='+', default=[], metavar='MODALITY=SIZE', help='224x224, clips 10x128x128'
    )
    parser.add_argument('--opset', type=whole(*OPSETS), default=20, help="version of ONNX's operations (default 20)")
    parser.add_argument('--seed', type=int, default=0, help='of random inputs and weights (default 0)')
    parser.add_argument('--threads', type=whole(1), default=1, help='of both while they are compared (default 1)')
    parser.add_argument('--untrained', action='store_true', help='random weights, to try a design or measure its time')
    add_zoo(parser)
    add_config(parser)


def shape(text: str) -> str:
    """A word as `dceus=10x128x128`, before anything is loaded."""
    name, _, sizes = text.partition('=')
    if not re.fullmatch(r'\w+', name) or not re.fullmatch(r'[1-9]\d*(x[1-9]\d*){1,2}', sizes):
        raise argparse.ArgumentTypeError(
            f'expected MODALITY=HEIGHTxWIDTH or MODALITY=FRAMESxHEIGHTxWIDTH, each size 1 or more, got {text!r}'
        )
    return text


def check(args: argparse.Namespace) -> None:
    """Check arguments that do not go together. Raises ValueError."""
    if args.untrained and args.data:
        raise ValueError('--untrained has no categories of a data set: leave out --data')
    names = [text.partition('=')[0] for text in args.shape]
    if len(set(names)) < len(names):
        raise ValueError(f'--shape names a modality twice: {" ".join(args.shape)}')


def run(args: argparse.Namespace) -> int:
    import torch

    from usmm.apis.bundle import Bundle
    from usmm.cli.export_model import data_batches, facts, find, published, shapes_of, trained, untrained
    from usmm.config import TRAINED, load_config
    from usmm.export import OnnxModel, export_onnx, random_batches

    found = find(args.source, args.checkpoint, args.untrained, args.zoo)
    source, checkpoint = (found.source, None) if isinstance(found, Bundle) else found
    has_weights = isinstance(found, Bundle) or checkpoint is not None
    if has_weights == args.untrained:
        raise ValueError(f'{args.source} needs weights, or --untrained and no weights; got {checkpoint or source}')
    if Path(args.out).resolve() in {Path(path).resolve() for path in (source, checkpoint) if path is not None}:
        raise ValueError(f'--out {args.out} is a file that is read; give it another name')
    options = options_of(args)
    torch.set_num_threads(args.threads)
    if isinstance(found, Bundle):
        if options or args.data:
            raise ValueError(
                f'{args.source} is a published model, whose settings are fixed and name no data set: leave out '
                '--cfg-options and --data, or name a config and the weights'
            )
        config, model, meta = published(found)
    else:
        config = load_config(source, options, needed=TRAINED)
        model, meta = untrained(config, args.seed) if checkpoint is None else trained(config, checkpoint)

    cases: Iterator[ArrayBatch] = iter(())
    if args.data:
        # read anew: the categories in the other are settled, and its weights' are checked against the data's
        fresh = load_config(source, options)
        cases = data_batches(fresh, checkpoint, args.part, args.parity)

    def batches(exported: OnnxModel) -> Iterator[ArrayBatch]:
        return cases if args.data else random_batches(exported, args.parity, args.seed)

    parity = export_onnx(
        model, args.out, config.schema.to_dict(), shapes_of(config, model, args.shape), batches, args.opset,
        facts(config, meta), args.threads,
    )  # fmt: skip
    print(f'{args.out}: {Path(args.out).stat().st_size / 2**20:.2f} MiB; {parity}')
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm export work_dirs/my_config --out model.onnx',
        'usmm export my_config.py work_dirs/my_config/model.pth --data --parity 50',
        'usmm export msmfn_small_breast --out breast.onnx',
        'usmm export msmfn_small_phantom --untrained --shape dceus=10x128x128',
    ),
)
