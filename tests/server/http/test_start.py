from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from usmm.server.http.start import (
    TOKEN_VARIABLE,
    address_of,
    check_exposure,
    is_loopback,
    named_hosts,
    open_socket,
    read_limits,
    read_token,
)

TOKEN = 'correct-horse-battery'


@pytest.mark.parametrize(
    ('host', 'expected'),
    [
        ('127.0.0.1', True), ('127.8.8.8', True), ('localhost', True),
        ('::1', True), ('[::1]', True), ('0.0.0.0', False),
        ('::', False), ('10.0.0.1', False), ('', False), ('localhost.example', False),
    ],
)  # fmt: skip
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize('host', ['0.0.0.0', '::', '', '10.0.0.5', 'scan.example'])
def test_others_need_a_token(host: str) -> None:
    with pytest.raises(ValueError, match='can be reached from other machines: give a token'):
        check_exposure(host, ['scan.example'], None, True)


@pytest.mark.parametrize('host', ['0.0.0.0', '::', ''])
def test_listening_everywhere_needs_a_name(host: str) -> None:
    with pytest.raises(ValueError, match='say by which names the server is called: --allow-host'):
        check_exposure(host, [], TOKEN, True)


def test_warnings() -> None:
    assert check_exposure('127.0.0.1', [], None, False) == []
    assert check_exposure('10.0.0.5', [], TOKEN, True) == []
    assert ['unencrypted' in words for words in check_exposure('10.0.0.5', [], TOKEN, False)] == [True]


def test_names() -> None:
    assert named_hosts('10.0.0.5', ['a']) == ['10.0.0.5', 'a']
    assert named_hosts('0.0.0.0', ['a']) == ['a']


def test_a_token_of_a_file_and_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, 'from the environment')
    assert read_token(None) == 'from the environment'
    assert TOKEN_VARIABLE not in os.environ
    assert read_token(None) is None
    file = tmp_path / 'token'
    file.write_text(f'{TOKEN}\n')
    file.chmod(0o600)
    assert read_token(file) == TOKEN


def test_a_token_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / 'token'
    file.write_text(TOKEN)
    file.chmod(0o604)
    with pytest.raises(ValueError, match='everybody may read the token file'):
        read_token(file)


def test_an_empty_token_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / 'token'
    file.write_text('\n')
    file.chmod(0o600)
    with pytest.raises(ValueError, match=r'the token file .* is empty'):
        read_token(file)


def test_limits_by_name() -> None:
    limits = read_limits(['waiting=32', 'upload_seconds=1.5', 'waiting=33'])
    assert (limits.waiting, limits.upload_seconds, limits.files) == (33, 1.5, 16)


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ('wating=1', 'a limit is NAME=VALUE, and NAME one of file_bytes.*got .wating=1'),
        ('waiting', 'a limit is NAME=VALUE'),
        ('waiting=1.5', "limit waiting must be a whole number, got '1.5'"),
        ('wait_seconds=long', "limit wait_seconds must be a number, got 'long'"),
        ('waiting=0', 'waiting must be positive, got 0'),
        ('wait_seconds=nan', "limit wait_seconds must be finite, got 'nan'"),
        ('wait_seconds=inf', "limit wait_seconds must be finite, got 'inf'"),
    ],
)
def test_limits_that_are_none(given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_limits([given])


def test_a_socket_and_its_address() -> None:
    with open_socket('127.0.0.1', 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener, False) == f'http://127.0.0.1:{port}'
        assert address_of(listener, True) == f'https://127.0.0.1:{port}'
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            open_socket('127.0.0.1', port)


@pytest.mark.skipif(not socket.has_ipv6, reason='no IPv6 here')
def test_ipv6() -> None:
    try:
        listener = open_socket('[::1]', 0)
    except OSError:
        pytest.skip('no IPv6 here')
    with listener:
        assert address_of(listener, False).startswith('http://[::1]:')
