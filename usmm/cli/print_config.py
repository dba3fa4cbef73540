"""Print a config as it is after inheritance, overrides and references."""

from __future__ import annotations

from collections.abc import Sequence

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.utils.console import plain_errors


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    parser = command_parser('print_config', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    args = parser.parse_args(argv)
    print(load_config(args.config, parse_options(args.cfg_options)).pretty_text)
