"""Download models of a zoo by name into the cache, checked against their SHA-256; or list them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.utils.console import plain_errors
from usmm.utils.json_types import as_mapping
from usmm.zoo import FetchOptions, Zoo


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('download', __doc__)
    parser.add_argument('names', nargs='*', metavar='NAME', help='models, or patterns such as msmfn_*')
    parser.add_argument('--zoo', help='folder or address of a zoo (default: USMM_ZOO, else the one of usmm)')
    parser.add_argument('--all', action='store_true', help='download every model')
    parser.add_argument('--list', action='store_true', help='list the models (that fit), and download nothing')
    parser.add_argument('--cache', type=Path, help="where files go (default: USMM_CACHE, else the system's place)")
    parser.add_argument('--offline', action='store_true', help='ask no server')
    parser.add_argument('--allow-host', nargs='+', default=[], metavar='HOST', help='follow redirects to these hosts')
    args = parser.parse_args(argv)
    if not args.names and not args.all and not args.list:
        parser.error('name a model, or give --all or --list')
    return args


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    zoo = Zoo(args.zoo, args.cache, args.offline or None, FetchOptions(hosts=args.allow_host))
    names = zoo.list_models() if not args.names else []
    for word in args.names:
        # a plain word is a name, and an unknown name is an error; while listing, and with signs, it is a pattern
        found = zoo.list_models(word) if args.list or set(word) & set('*?[') else [zoo.entry(word).name]
        names += [name for name in found if name not in names]
    if not names:
        print(f'no model of {zoo.place} fits')
    for name in names:
        entry = zoo.entry(name)
        if args.list:
            data = as_mapping(entry.record.get('Metadata')).get('Training Data', '')
            print(f'{name:<32} {entry.size / 2**20:6.1f} MiB  {data}'[:120])
        else:
            print(zoo.download(name))
