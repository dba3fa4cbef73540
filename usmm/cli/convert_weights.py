"""Convert weights of a torchvision ResNet or r2plus1d_18 to the names of the backbones of usmm, with a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.command import Command
from usmm.utils.argument_types import out_file
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('source', help="torchvision's file, such as resnet18-f37072fd.pth")
    parser.add_argument('out', type=out_file, help='safetensors file to write')


def run(args: argparse.Namespace) -> None:
    source, out = Path(args.source), Path(args.out)
    if out.exists():
        raise ValueError(f'{out} is there already')

    from usmm.models.convert import from_torchvision_file, loaded_tensors
    from usmm.utils.atomic_files import atomic_path
    from usmm.weights import write_tensors

    backbone, report = from_torchvision_file(source)
    with atomic_path(out, overwrite=False) as temporary:
        write_tensors(temporary, loaded_tensors(backbone, report), {'source': source.name})
    print(f'{type(backbone).__name__}: {report}')
    print(f"init_cfg=dict(type='Pretrained', checkpoint='{out}')")


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm convert_weights resnet18-f37072fd.pth resnet18.safetensors',
        'usmm convert_weights r2plus1d_18-91a641e6.pth r2plus1d_18.safetensors',
    ),
)
