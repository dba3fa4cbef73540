"""Time the network and the data path against plain references: ratios measured in one run, as a table and as JSON.

Each pair is timed in turn, step by step, and the median of the steps' ratios counts, so that other work on the machine
falls on both sides. Sections: runner (mmengine's Runner with its hooks against a plain loop over the same modules),
amp (channels-last and bfloat16 against contiguous float32), loader (two workers against the training step), keyframes
(against bare decoding of a 90 s clip, the fastest of each), memory (peak of a training step in a fresh process), peak
(share of the machine's measured matrix speed).
"""

from __future__ import annotations

import argparse

from usmm.cli.arguments import add_config
from usmm.cli.command import Command
from usmm.cli.completers import complete, config_names
from usmm.utils.argument_types import config_file, out_file, whole
from usmm.utils.command_parser import CommandParser

SECTIONS = ('runner', 'amp', 'loader', 'keyframes', 'memory', 'peak')


def add_arguments(parser: CommandParser) -> None:
    action = parser.add_argument(
        'config', nargs='?', type=config_file, default='msmfn_r50_r2plus1d',
        help='path of a config, or the name of a shipped one (default: %(default)s)',
    )  # fmt: skip
    complete(action, config_names)
    text = 'sections to time (default: all)'
    parser.add_argument('--only', nargs='+', choices=SECTIONS, default=list(SECTIONS), help=text)
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: a GPU if there is one)')
    parser.add_argument('--batch-size', type=whole(1), default=4, help='cases of a batch (default: %(default)s)')
    parser.add_argument('--repeats', type=whole(1), default=5, help='timed steps of each side (default: %(default)s)')
    parser.add_argument('--warmup', type=whole(0), default=1, help='steps before them (default: %(default)s)')
    parser.add_argument('--threads', type=whole(1), help="torch's threads (default: as torch chooses)")
    parser.add_argument('--matrix', type=whole(1), help='size of the square matrices (default: 2048, on a GPU 8192)')
    parser.add_argument('--data-root', help='cases for the loader section (default: phantoms, made for the run)')
    text = 'length of the clip that key frames are of, in s (default: %(default)g)'
    parser.add_argument('--clip-seconds', type=float, default=90.0, help=text)
    text = 'JSON file of the results (default: %(default)s)'
    parser.add_argument('--out', type=out_file, default='benchmark.json', help=text)
    add_config(parser)
    parser.add_argument('--peak-of', choices=('float32', 'bfloat16'), help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    from usmm.cli import benchmark_sections

    return benchmark_sections.run(args)


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm benchmark    # the network in the size of the paper, all sections',
        'usmm benchmark msmfn_small_phantom --only runner amp --batch-size 8 --device cuda',
    ),
)
