"""Export a trained model to ONNX, and compare both on the same inputs: the file is only left if they agree.

The file takes uint8 pixels and the raw clinical row; normalisation and all stages are inside. It is refused if a
probability differs by more than 1e-4 or a case gets another class.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.utils.console import plain_errors

if TYPE_CHECKING:
    from usmm.export.cases import ArrayBatch


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('export', __doc__)
    parser.add_argument('source', help='folder of a run or of a zoo model, or a config (path or name)')
    parser.add_argument('checkpoint', nargs='?', help='weights, where the source is a config')
    parser.add_argument('--out', default='model.onnx', help='the file (default model.onnx)')
    parser.add_argument('--parity', type=int, default=200, metavar='N', help='inputs to compare on (default 200)')
    parser.add_argument('--data', action='store_true', help="compare on the data set's cases, not on random inputs")
    parser.add_argument('--part', default='test', choices=('train', 'val', 'test', 'all'), help='of --data')
    parser.add_argument('--shape', nargs='+', default=[], metavar='MODALITY=SIZE', help='224x224, clips 10x128x128')
    parser.add_argument('--opset', type=int, default=20, help="version of ONNX's operations (default 20)")
    parser.add_argument('--seed', type=int, default=0, help='of random inputs and weights')
    parser.add_argument('--threads', type=int, default=1, help='of both while they are compared (default 1)')
    parser.add_argument('--untrained', action='store_true', help='random weights, to try a design or measure its time')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    args = parser.parse_args(argv)
    for name, low in (('parity', 1), ('opset', 18), ('threads', 1)):
        if getattr(args, name) < low:
            parser.error(f'--{name} must be {low} or more, got {getattr(args, name)}')
    if args.untrained and args.data:
        parser.error('--untrained knows no categories of a data set: leave out --data')
    return args


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)

    import torch

    from usmm.cli.export_model import data_batches, facts, find, shapes_of, trained, untrained
    from usmm.export import OnnxModel, export_onnx, random_batches

    source, checkpoint = find(args.source, args.checkpoint)
    if (checkpoint is None) != args.untrained:
        raise ValueError(f'{args.source} needs weights, or --untrained and no weights; got {checkpoint}')
    if Path(args.out).resolve() in {Path(path).resolve() for path in (source, checkpoint) if path is not None}:
        raise ValueError(f'--out {args.out} is a file that is read; give it another name')
    if Path(args.out).is_dir():
        raise ValueError(f'--out {args.out} is a folder; give it the name of a file')
    config = load_config(source, parse_options(args.cfg_options))
    torch.set_num_threads(args.threads)
    model, meta = untrained(config, args.seed) if checkpoint is None else trained(config, checkpoint)

    cases: Iterator[ArrayBatch] = iter(())
    if args.data:
        # read anew: the categories in the other are settled, and its weights' are checked against the data's
        fresh = load_config(source, parse_options(args.cfg_options))
        cases = data_batches(fresh, checkpoint, args.part, args.parity)

    def batches(exported: OnnxModel) -> Iterator[ArrayBatch]:
        return cases if args.data else random_batches(exported, args.parity, args.seed)

    parity = export_onnx(
        model, args.out, config.schema.to_dict(), shapes_of(config, model, args.shape), batches, args.opset,
        facts(config, meta), args.threads,
    )  # fmt: skip
    print(f'{args.out}: {Path(args.out).stat().st_size / 2**20:.2f} MiB; {parity}')
    return 0
