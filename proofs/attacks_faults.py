"""Faults of the machine and greedy clients: a lost spool, processes that die or hang, connections, shared uploads."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from attacks_forms import PNG
from server_attacks import Attack, Expect
from server_target import Target, part

START_SECONDS = 60.0  # in which a killed server of forks is there again, on a busy machine
HANG_SECONDS = 20.0 + START_SECONDS
OTHER = '127.0.0.2'


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    for name, harm in SPOOL.items():
        yield Attack('spool', name, partial(_spool, harm), check=True)
    yield Attack('forks', 'the server of forks is killed', _killed, slow=True, check=True)
    yield Attack('forks', 'the server of forks is killed while it is asked', _killed_under_load, slow=True, check=True)
    yield Attack('forks', 'the server of forks hangs', _hanging, slow=True, check=True)
    yield Attack('crowd', 'silent connections of one client', _silent, check=True)
    yield Attack('crowd', 'half TLS handshakes of one client', _half_handshakes, check=True)
    yield Attack('batch', 'one upload of two patients', _two_patients)
    yield Attack('batch', 'one upload twice in a row', _twice)


def _removed(spool: Path) -> Callable[[], None]:
    shutil.rmtree(spool)
    return lambda: None


def _part_removed(spool: Path) -> Callable[[], None]:
    for place in spool.glob('server-*'):
        shutil.rmtree(place)
    return lambda: None


def _linked(spool: Path) -> Callable[[], None]:
    kept = spool.with_name('kept')
    spool.rename(kept)
    spool.symlink_to(kept.with_name('elsewhere'))

    def repair() -> None:
        spool.unlink()
        kept.rename(spool)

    return repair


def _file(spool: Path) -> Callable[[], None]:
    kept = spool.with_name('kept')
    spool.rename(kept)
    spool.write_text('')

    def repair() -> None:
        spool.unlink()
        kept.rename(spool)

    return repair


SPOOL: dict[str, Callable[[Path], Callable[[], None]]] = {
    'all of it is removed': _removed,
    'the part of the server is removed': _part_removed,
    'a link stands in its place': _linked,
    'a file stands in its place': _file,
}


def _spool(harm: Callable[[Path], Callable[[], None]], target: Target) -> str | None:
    repair = harm(target.running.spool)
    try:
        problem = Expect((200, 503, 507))(target.upload(PNG)) or Expect((200, 503))(target.ask('GET', '/api/v1/health'))
    finally:
        repair()
    time.sleep(1.1)  # health is looked at once a second
    return problem or Expect((200,))(target.upload(PNG)) or Expect((200,))(target.ask('GET', '/api/v1/health'))


def _server_of_forks(target: Target) -> int:
    """Its process: the child of the server that has children or says in its command that it is one."""
    found = [target.running.process.pid]
    for pid in found:
        for task in Path(f'/proc/{pid}/task').glob('*/children'):
            found += [int(child) for child in task.read_text().split()]
    for pid in found[1:]:
        with suppress(OSError):
            if b'forkserver' in Path(f'/proc/{pid}/cmdline').read_bytes():
                return pid
    raise RuntimeError('there is no server of forks')


def _after(target: Target, seconds: float) -> str | None:
    """The first answers may be 503; one in this time is right."""
    end = time.monotonic() + seconds
    while (found := target.upload(PNG)).status == 503 and time.monotonic() < end:
        time.sleep(0.2)
    return Expect((200,))(found)


def _killed(target: Target) -> str | None:
    os.kill(_server_of_forks(target), signal.SIGKILL)
    return Expect((200, 503))(target.upload(PNG)) or _after(target, START_SECONDS)


def _killed_under_load(target: Target) -> str | None:
    for _ in range(5):
        os.kill(_server_of_forks(target), signal.SIGKILL)
        for _ in range(3):
            if problem := Expect((200, 503))(target.upload(PNG)):
                return problem
        if problem := _after(target, START_SECONDS):
            return problem
    return None


def _hanging(target: Target) -> str | None:
    os.kill(_server_of_forks(target), signal.SIGSTOP)
    start = time.monotonic()
    problem = Expect((503,))(target.upload(PNG))
    if time.monotonic() - start > HANG_SECONDS:
        return f'it took {time.monotonic() - start:.0f} s'
    return problem or _after(target, START_SECONDS)


def _silent(target: Target) -> str | None:
    """More of them than the server allows in all: another client is still answered, at once."""
    with suppress(OSError):
        lines = [target.connect() for _ in range(int(target.limits['connections']) + 20)]
    start = time.monotonic()
    problem = Expect((200,))(target.ask('GET', '/api/v1/health', source=OTHER))
    took = time.monotonic() - start
    for line in lines:
        line.close()
    problem = problem or (f'it took {took:.1f} s' if took > target.limits['header_seconds'] + 5 else None)
    return problem or _again(target)


def _half_handshakes(target: Target) -> str | None:
    """The beginning of a TLS greeting, on a server without TLS: closed, as it is not HTTP, or after its time."""
    outgoing, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
    greeting = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname='localhost')
    with suppress(ssl.SSLWantReadError):
        greeting.do_handshake()
    content = outgoing.read()[:40]
    lines = []
    with suppress(OSError):
        for _ in range(int(target.limits['connections'])):
            lines.append(target.connect())
            lines[-1].sendall(content)
    problem = Expect((200,))(target.ask('GET', '/api/v1/health', source=OTHER))
    for line in lines:
        line.close()
    return problem or _again(target)


def _again(target: Target) -> str | None:
    """The client itself is answered again soon: its next connection may arrive before the end of the old ones does."""
    end = time.monotonic() + target.limits['header_seconds'] + 5
    while (found := target.ask('GET', '/api/v1/health')).status == 0 and time.monotonic() < end:
        time.sleep(0.05)
    return Expect((200,))(found)


def _batch(target: Target, patients: str, words: str, again: bool = False) -> str | None:
    """A table of a row a patient; all rows name the same files, one for each field, and `again` the first one twice."""
    files = {}
    for head, content in target.parts:
        if b'filename="' in head:
            field = head.decode().split('name="')[1].split('"')[0]
            files[field] = (f'file_of_{field}', content)
    cells = [name for name, _ in files.values()]
    cells[0] += f';{cells[0]}' if again else ''
    rows = [','.join((f'case_{patient}', patient, *cells)) for patient in patients]
    table = '\n'.join([','.join(('case_id', 'patient_id', *files)), *rows, ''])
    parts = [part('table', table, 'cases.csv'), *(part('files', content, name) for name, content in files.values())]
    found = target.post(target.batch, parts)
    if problem := Expect((200,))(found):
        return problem
    errors = [row['error'] or '' for row in found.json['rows']]
    return None if len(errors) == len(patients) and all(words in error for error in errors) else f'rows say {errors}'


def _two_patients(target: Target) -> str | None:
    return _batch(target, 'ab', 'rows 1, 2 are of different patients and name the same file')


def _twice(target: Target) -> str | None:
    return _batch(target, 'a', 'one file is named twice', again=True)
