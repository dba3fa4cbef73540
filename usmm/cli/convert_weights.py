"""Convert weights of a torchvision ResNet or r2plus1d_18 to the names of the backbones of usmm, with a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.console import plain_errors
from usmm.weights import write_tensors


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', type=Path, help="torchvision's file, such as resnet18-f37072fd.pth")
    parser.add_argument('out', type=Path, help='safetensors file to write')
    return parser.parse_args()


@plain_errors
def main() -> None:
    args = parse_args()
    if args.out.exists():
        raise ValueError(f'{args.out} is there already')
    from usmm.models.convert import from_torchvision_file, loaded_tensors

    backbone, report = from_torchvision_file(args.source)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = args.out.with_name(f'.{args.out.name}.part')
    write_tensors(temporary, loaded_tensors(backbone, report), {'source': args.source.name})
    temporary.replace(args.out)
    print(f'{type(backbone).__name__}: {report}')
    print(f"init_cfg=dict(type='Pretrained', checkpoint='{args.out}')")


if __name__ == '__main__':
    raise SystemExit(main())
