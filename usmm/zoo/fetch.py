"""Download one file whose SHA-256 is known: resumed, tried again, and in place only when every byte is right."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from urllib.request import Request

from usmm.utils.digests import file_digest

CHUNK = 2**16
SLOWEST = 1000  # bytes a second, below which a server is given up
PASSING = {408, 425, 429, 500, 502, 503, 504}  # worth another try


class FetchError(OSError):
    """A file could not be had whole; the message says from where, and why."""


@dataclass(frozen=True)
class FetchOptions:
    """How to download.

    Args:
        timeout: Seconds without a byte, after which a connection is given up.
        attempts: Tries an address, the first included.
        pause: Seconds before the second try; doubled before each further one, up to 30.
        hosts: Hosts that a redirect may lead to beside the one that was asked.
    """

    timeout: float = 30.0
    attempts: int = 5
    pause: float = 0.5
    hosts: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.timeout <= 0 or self.pause < 0:
            raise ValueError(
                'expected timeout > 0, attempts >= 1 and pause >= 0, '
                f'got {self.timeout}, {self.attempts} and {self.pause}'
            )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects on the same host alone, or to hosts that are allowed; never from https to http."""

    max_redirections = 5

    def __init__(self, hosts: Collection[str]) -> None:
        self.hosts = hosts

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        safe = new.scheme == old.scheme or (old.scheme, new.scheme) == ('http', 'https')
        if not safe:
            raise FetchError(f'{req.full_url} redirects from {old.scheme} to {new.scheme}, which is refused')
        same = new.hostname == old.hostname and (new.port == old.port or new.scheme != old.scheme)
        if not same and new.hostname not in self.hosts:
            raise FetchError(f'{req.full_url} redirects to another host, {new.netloc}, which is refused')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_url(url: str, options: FetchOptions, start: int = 0) -> HTTPResponse:
    """The response to a request, from byte `start` on if the server can.

    Raises:
        FetchError: The address is no http(s), or redirects where it may not.
    """
    if urlsplit(url).scheme not in ('http', 'https'):
        raise FetchError(f'{url} is no http(s) address')
    headers = {'User-Agent': 'usmm', 'Accept-Encoding': 'identity'}
    if start:
        headers['Range'] = f'bytes={start}-'
    opener = urllib.request.build_opener(_Redirects(options.hosts))
    response: HTTPResponse = opener.open(Request(url, headers=headers), timeout=options.timeout)
    return response


def fetch_small(url: str, most: int, options: FetchOptions) -> bytes:
    """A small file whose checksum is not known, such as an index.

    Raises:
        FetchError: It cannot be had, or is larger than `most` bytes.
    """
    problem: Exception | None = None
    for attempt in range(options.attempts):
        _wait(attempt, options)
        try:
            with open_url(url, options) as response:
                content = _small(response, most, options)
                stated = response.headers.get('Content-Length')
            if len(content) > most:
                raise FetchError(f'{url} has over {most} bytes')
            if stated in (None, str(len(content))):
                return content
            problem = OSError(f'{len(content)} of {stated} bytes came')
        except FetchError:
            raise
        except (OSError, http.client.HTTPException) as error:
            problem = error
            if not _passes(error):
                break
    raise FetchError(f'cannot download {url}: {problem}') from problem


def fetch(url: str, part: Path, sha256: str, size: int, options: FetchOptions) -> None:
    """Bring a file to `part`; what a former try left there is gone on from.

    Args:
        url: Where it is.
        part: Path of the partial file; whole and right when this returns, absent or incomplete when it raises.
        sha256, size: Of the whole file.
        options: How often, how long.

    Raises:
        FetchError: It could not be had; names the address and the last problem.
    """
    problem: Exception | None = None
    for attempt in range(options.attempts):
        _wait(attempt, options)
        try:
            _receive(url, part, size, options)
            if file_digest(part) == sha256:
                return
            part.unlink(missing_ok=True)
            problem = OSError('its SHA-256 is not the one of the index')
        except FetchError:
            raise
        except (OSError, http.client.HTTPException) as error:
            problem = error
            if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                part.unlink(missing_ok=True)  # there is no such range: what is here is not its start
            elif not _passes(error):
                break
    raise FetchError(f'cannot download {url}: {problem}') from problem


def _receive(url: str, part: Path, size: int, options: FetchOptions) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    with open_url(url, options, have) as response:
        start = _start(response, have, size)
        with part.open('r+b' if start else 'wb') as file:
            file.seek(start)
            _copy(response, file, size - start, options)


def _start(response: HTTPResponse, have: int, size: int) -> int:
    """Where the bytes of a response belong: the start of the file, unless the server says that it took the range."""
    if response.status == 206:
        if response.headers.get('Content-Range') == f'bytes {have}-{size - 1}/{size}':
            return have
        raise urllib.error.HTTPError(response.url, 416, 'another range came than was asked for', None, None)  # type: ignore[arg-type]
    stated = response.headers.get('Content-Length')
    if stated is not None and stated != str(size):
        raise OSError(f'the server states {stated} bytes, the index {size}')
    return 0


def _copy(response: HTTPResponse, file: IO[bytes], expected: int, options: FetchOptions) -> None:
    came, end = 0, time.monotonic() + options.timeout + expected / SLOWEST
    while block := response.read1(CHUNK):
        came += len(block)
        if came > expected:
            file.truncate(0)
            raise OSError(f'more than the expected {expected} bytes came')
        file.write(block)
        if time.monotonic() > end:
            raise TimeoutError(f'only {came} bytes came in {options.timeout + expected / SLOWEST:.0f} s')
    if came < expected:
        raise OSError(f'{came} of {expected} bytes came')


def _small(response: HTTPResponse, most: int, options: FetchOptions) -> bytes:
    """The bytes of a response, at most one more than `most`, in the time that `_copy` has for as many."""
    content, end = b'', time.monotonic() + options.timeout + most / SLOWEST
    while len(content) <= most and (block := response.read1(min(CHUNK, most + 1 - len(content)))):
        content += block
        if time.monotonic() > end:
            raise TimeoutError(f'only {len(content)} bytes came in {options.timeout + most / SLOWEST:.0f} s')
    return content


def _wait(attempt: int, options: FetchOptions) -> None:
    if attempt:
        time.sleep(min(30.0, options.pause * 2 ** (attempt - 1)))


def _passes(error: Exception) -> bool:
    return not isinstance(error, urllib.error.HTTPError) or error.code in PASSING
