"""Print a config as it is after inheritance, overrides and references."""

from __future__ import annotations

import argparse

from usmm.config import load_config, parse_options
from usmm.console import plain_errors


@plain_errors
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    args = parser.parse_args()
    print(load_config(args.config, parse_options(args.cfg_options)).pretty_text)


if __name__ == '__main__':
    raise SystemExit(main())
