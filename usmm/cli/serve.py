"""Serve models: a page and an API for one machine, where people upload a patient and see what the model sees.

Research use only. By default only this machine can reach the server; for others a token is needed, in a file or in
the environment variable USMM_SERVE_TOKEN (never on the command line, which all users of a machine can read).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.utils.console import plain_errors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('serve', __doc__, allow_abbrev=False)
    parser.add_argument('models', nargs='+', metavar='MODEL', help='a run, a fold, a published folder, or of the zoo')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen at (default: 127.0.0.1)')
    parser.add_argument('--port', type=int, default=8000, help='0: a free one (default: 8000)')
    parser.add_argument('--token-file', type=Path, help='file with the token, 16 characters or more')
    parser.add_argument('--allow-host', action='append', default=[], metavar='NAME', help='a name of the server')
    parser.add_argument('--certfile', help='TLS certificate, PEM')
    parser.add_argument('--keyfile', help='its key, if not in the same file')
    parser.add_argument('--zoo', help='folder or address of the zoo (default: USMM_ZOO, or the one of usmm)')
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: a GPU if there is one)')
    parser.add_argument('--jobs', type=int, default=2, help='requests answered at a time (default: 2)')
    parser.add_argument('--connections', type=int, default=200, help='open connections at a time (default: 200)')
    parser.add_argument('--spool', type=Path, help='private folder for uploads while they are read')
    parser.add_argument('--log', type=Path, help='file for the access log (default: standard error)')
    parser.add_argument('--limit', action='append', default=[], metavar='NAME=VALUE', help='such as waiting=32')
    args = parser.parse_args(argv)
    if args.keyfile and not args.certfile:
        parser.error('--keyfile needs --certfile')
    if not 0 <= args.port <= 65535:
        parser.error(f'--port must be 0 to 65535, got {args.port}')
    return args


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)

    from usmm.server.http.app import Server, Settings
    from usmm.server.http.start import (
        address_of,
        check_exposure,
        named_hosts,
        open_socket,
        read_limits,
        read_token,
        serve,
    )

    limits, token, tls = read_limits(args.limit), read_token(args.token_file), args.certfile is not None
    for warning in check_exposure(args.host, args.allow_host, token, tls):
        print(f'warning: {warning}', file=sys.stderr)
    settings = Settings(limits, token, named_hosts(args.host, args.allow_host), args.jobs, args.spool)
    with open_socket(args.host, args.port) as listener:
        from usmm.server.engine import Engine

        server = Server(Engine(args.models, limits, args.zoo, args.device), settings)
        print(f'usmm serves at {address_of(listener, tls)}')
        for model in server.engine.models():
            print(f'  {model["id"]}: {model["title"]}')
        print('Research use only: not a medical device. Ctrl+C stops it.', flush=True)
        serve(server, listener, args.connections, args.certfile, args.keyfile, args.log)
    return 0
