"""Convert weights of a torchvision ResNet or r2plus1d_18 to the names of the backbones of usmm, with a report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.utils.atomic_files import atomic_path
from usmm.utils.console import plain_errors
from usmm.weights import write_tensors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('convert_weights', __doc__)
    parser.add_argument('source', type=Path, help="torchvision's file, such as resnet18-f37072fd.pth")
    parser.add_argument('out', type=Path, help='safetensors file to write')
    return parser.parse_args(argv)


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    if args.out.exists():
        raise ValueError(f'{args.out} is there already')
    from usmm.models.convert import from_torchvision_file, loaded_tensors

    backbone, report = from_torchvision_file(args.source)
    with atomic_path(args.out, overwrite=False) as temporary:
        write_tensors(temporary, loaded_tensors(backbone, report), {'source': args.source.name})
    print(f'{type(backbone).__name__}: {report}')
    print(f"init_cfg=dict(type='Pretrained', checkpoint='{args.out}')")
