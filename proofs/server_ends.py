"""How a server ends: told to, killed, told twice, and with a decoder that dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attacks_wire import HEAD, POST
from server_attacks import Result
from server_process import Running
from server_target import Part, Target, form, part, read_reply, request

Start = Callable[[], Running]


def run_ends(
    models: Sequence[str], model: str, parts: Sequence[Part], folder: Path, limits: dict[str, float]
) -> Iterator[Result]:
    """Servers on one spool, started and ended one after another.

    Args:
        models: As `usmm serve` takes them.
        model, parts, limits: As of `Target`.
        folder: Of the spool.
    """

    def start() -> Running:
        return Running(models, folder, [f'--limit={name}={limits[name]:g}' for name in ('upload_seconds',)])

    for name, end in ENDS.items():
        began, running = time.monotonic(), start()
        try:
            problem = end(running, Target(running, model, parts, limits), start)
        except Exception as error:  # one that cannot be tried proves nothing
            problem = f'it could not be tried: {type(error).__name__}: {error}'
        finally:
            if running.alive:
                running.kill()
        yield Result('end', name, problem, time.monotonic() - began)


def _half(target: Target) -> socket.socket:
    """An upload that has begun and does not go on; its file is in the spool."""
    line = target.connect()
    line.sendall(POST + b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % (len(HEAD) + 4000) + HEAD + b'x' * 4000 + b'\r\n')
    end = time.monotonic() + 10
    while not target.running.uploads() and time.monotonic() < end:
        time.sleep(0.01)
    if not target.running.uploads():
        raise RuntimeError('the upload did not reach the spool')
    return line


def _killed(running: Running, target: Target, start: Start) -> str | None:
    with _half(target):
        running.kill()
    if not running.uploads():
        return 'nothing was left, so nothing is shown'
    again = start()
    try:
        return 'an upload of the killed server is still there' if again.uploads() else None
    finally:
        again.stop()


def _term(running: Running, target: Target, start: Start) -> str | None:
    with _half(target):
        code = running.stop()
    return _ended(running, code)


def _twice(running: Running, target: Target, start: Start) -> str | None:
    """Ctrl+C, and again while it still waits for a client."""
    with _half(target):
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.7)
        if running.alive:
            running.process.send_signal(signal.SIGINT)
        code = running.process.wait(20)
    return _ended(running, code)


def _ended(running: Running, code: int) -> str | None:
    if running.uploads() or list(running.spool.glob('server-*')):
        return 'an upload is still there'
    if code not in (0, -signal.SIGTERM, -signal.SIGINT, 130):
        return f'exit code {code}'
    return 'it ended with a traceback' if 'Traceback' in running.written() else None


def _decoder(running: Running, target: Target, start: Start) -> str | None:
    """Processes that read files are killed as they come: requests fail one by one, and the server answers after."""
    children = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(running.process.pid)], capture_output=True, text=True)
    parents = [int(word) for word in children.stdout.split()]
    found: list[int] = []
    for _ in range(5):
        with target.connect() as line:
            body, kind = form([*target.parts, part('explain', 'false')])
            line.sendall(request('POST', target.predict, [f'Content-Type: {kind}', 'Connection: close'], body))
            end = time.monotonic() + 3
            while time.monotonic() < end and not _kill_grandchildren(parents):
                pass
            found.append(read_reply(line).status)
    if not set(found) <= {200, 422}:
        return f'answered {found}'
    return target.harmed() or (None if 422 in found else f'no process was hit: {found}')


def _kill_grandchildren(parents: Sequence[int]) -> bool:
    hit = False
    for parent in parents:
        for task in Path(f'/proc/{parent}/task').glob('*/children'):
            for pid in task.read_text().split():
                os.kill(int(pid), signal.SIGSEGV)
                hit = True
    return hit


ENDS: dict[str, Callable[[Running, Target, Start], str | None]] = {
    'killed during an upload, and started again': _killed,
    'SIGTERM during an upload': _term,
    'Ctrl+C twice during an upload': _twice,
    'decoders that crash': _decoder,
}
