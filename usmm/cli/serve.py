"""Serve models: a page and an API for one machine, where people upload a patient and see what the model sees.

Research use only. By default only this machine can reach the server; for others a token is needed, in a file or in
the environment variable USMM_SERVE_TOKEN (never on the command line, which all users of a machine can read).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from usmm.cli.arguments import add_device, add_zoo
from usmm.cli.command import Command
from usmm.cli.completers import complete, model_names
from usmm.utils.argument_types import out_file, out_folder, whole
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    text = 'a run, a fold, a published folder, or a name of the zoo'
    complete(parser.add_argument('models', nargs='+', metavar='MODEL', help=text), model_names)
    parser.add_argument('--host', default='127.0.0.1', help='address to listen at (default: 127.0.0.1)')
    parser.add_argument('--port', type=whole(0, 65535), default=8000, help='0: a free one (default: 8000)')
    parser.add_argument('--token-file', type=Path, help='file with the token, 16 characters or more')
    parser.add_argument('--allow-host', action='append', default=[], metavar='NAME', help='a name of the server')
    parser.add_argument('--certfile', help='TLS certificate, PEM')
    parser.add_argument('--keyfile', help='its key, if not in the same file')
    add_zoo(parser)
    add_device(parser)
    parser.add_argument('--jobs', type=whole(1), default=2, help='requests answered at a time (default: 2)')
    parser.add_argument('--connections', type=whole(1), default=200, help='open connections at a time (default: 200)')
    text = 'open connections of one client at a time (default: a quarter; behind a proxy, as --connections)'
    parser.add_argument('--connections-per-client', type=whole(1), help=text)
    parser.add_argument('--spool', type=out_folder, help='private folder for uploads while they are read')
    parser.add_argument('--log', type=out_file, help='file for the access log (default: standard error)')
    parser.add_argument('--limit', action='append', default=[], metavar='NAME=VALUE', help='such as waiting=32')


def check(args: argparse.Namespace) -> None:
    """Check the certificate before the models are loaded. Raises ValueError, which names its file."""
    if args.keyfile and not args.certfile:
        raise ValueError('--keyfile needs --certfile')
    for option, path in (('--certfile', args.certfile), ('--keyfile', args.keyfile)):
        if path and not Path(path).is_file():
            raise ValueError(f'{option}: there is no file {path}')
    if args.certfile:
        import ssl

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(args.certfile, args.keyfile, password='')
        except (OSError, ValueError) as error:
            key = args.keyfile or args.certfile
            reason = f'expected a certificate in PEM, and its key without a password in {key} ({error})'
            raise ValueError(f'--certfile {args.certfile} cannot be used: {reason}') from error


def run(args: argparse.Namespace) -> int:
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
    settings = Settings(
        limits,
        token,
        named_hosts(args.host, args.allow_host),
        args.jobs,
        None if args.spool is None else Path(args.spool),
    )
    with open_socket(args.host, args.port) as listener:
        from usmm.server.engine import Engine

        server = Server(Engine(args.models, limits, args.zoo, args.device), settings)
        print(f'usmm serves at {address_of(listener, tls)}')
        for model in server.engine.models():
            print(f'  {model["id"]}: {model["title"]}')
        print('Research use only: not a medical device. Ctrl+C stops it.', flush=True)
        serve(server, listener, args.connections, args.certfile, args.keyfile, args.log, args.connections_per_client)
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm serve msmfn_small_breast',
        'usmm serve work_dirs/my_config --port 8080 --device cpu',
        'usmm serve work_dirs/my_config --host 10.0.0.5 --token-file token --certfile cert.pem',
    ),
)
