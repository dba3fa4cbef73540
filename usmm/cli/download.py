"""Download models of a zoo by name into the cache, checked against their SHA-256; or list them."""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.arguments import add_zoo
from usmm.cli.command import Command
from usmm.cli.completers import complete, model_names
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    text = 'models, or patterns such as msmfn_*'
    complete(parser.add_argument('names', nargs='*', metavar='NAME', help=text), model_names)
    add_zoo(parser)
    parser.add_argument('--all', action='store_true', help='download every model')
    parser.add_argument('--list', action='store_true', help='list the models (that fit), and download nothing')
    parser.add_argument(
        '--cache', type=out_folder, help="where files go (default: USMM_CACHE, else the system's place)"
    )
    parser.add_argument('--offline', action='store_true', help='ask no server')
    parser.add_argument('--allow-host', nargs='+', default=[], metavar='HOST', help='follow redirects to these hosts')


def check(args: argparse.Namespace) -> None:
    """Check that something is to be downloaded. Raises ValueError where nothing is."""
    if not args.names and not args.all and not args.list:
        raise ValueError('name a model, or give --all or --list')


def run(args: argparse.Namespace) -> None:
    from usmm.utils.json_types import as_mapping
    from usmm.zoo import FetchOptions, Zoo

    cache = None if args.cache is None else Path(args.cache)
    zoo = Zoo(args.zoo, cache, args.offline or None, FetchOptions(hosts=args.allow_host))
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


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm download --list',
        'usmm download msmfn_small_breast',
        'usmm download --all --cache models --offline',
    ),
)
