"""Loading workers that are killed, hang, or cannot hand over a batch: one error, and no worker left."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing.reduction import ForkingPickler
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from usmm import compat
from usmm.compat import loaders
from usmm.compat.loaders import LoadingError
from usmm.utils.console import plain_errors

compat.apply()


class Failing(Dataset):
    """Four samples, the third of which does something to its worker."""

    def __init__(self, act) -> None:
        self.act = act

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> object:
        return self.act() if index == 2 else torch.zeros(3)


class NoRoom:
    """A sample that cannot be sent, as torch reports a full shared memory."""

    def __reduce__(self):
        raise RuntimeError('unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)')


class NoFiles:
    def __reduce__(self):
        raise RuntimeError(
            'unable to open shared memory object </torch_1> in read-write mode: Too many open files (24)'
        )


def no_room_from_the_start() -> None:
    raise RuntimeError('unable to allocate shared memory(shm) for file </torch_2>: No space left on device (28)')


class NoCopy:
    def __reduce__(self):
        raise ValueError('this cannot be copied')


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stopped() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def bus_error() -> None:
    os.kill(os.getpid(), signal.SIGBUS)


def ended() -> None:
    os._exit(0)


@pytest.mark.parametrize(
    ('act', 'text'),
    [
        (killed, r'worker \(pid \d+\) was killed by the signal Killed; most likely the memory of the machine'),
        (bus_error, r'worker \(pid \d+\) was killed by the signal Bus error; the shared memory is full'),
        (
            NoRoom,
            r'the shared memory is full \(unable to allocate .*\): give the container more \(docker run --shm-size',
        ),
        (
            no_room_from_the_start,
            r'the shared memory is full \(unable to .*</torch_2>: No space left on device \(28\)\)',
        ),
        (NoFiles, r'the limit of open files is too low \(unable to open .*\): raise it \(ulimit -n 4096\)'),
        (NoCopy, 'a loading worker cannot hand over a batch: this cannot be copied'),
        (stopped, r'no batch came for 1 s from the loading workers \(pid \d+, \d+\), of which one hangs: see whether'),
    ],
)
@pytest.mark.timeout(120)
def test_a_worker_that_fails_is_one_error_and_leaves_no_process(act, text):
    # a timeout of torch in place of the looks of five seconds each
    loader = DataLoader(Failing(act), batch_size=None, num_workers=2, timeout=1 if act is stopped else 0)
    iterator = iter(loader)
    workers = [*iterator._workers]
    with pytest.raises(LoadingError, match=text):
        list(iterator)
    for worker in workers:
        worker.join(30)
        if worker.exitcode is None:  # it was fetched at the moment at which the error came, and lost with it
            with pytest.raises(ProcessLookupError):
                os.kill(worker.pid, 0)


def test_a_worker_whose_end_torch_notices_late_is_killed_all_the_same():
    worker = SimpleNamespace(pid=9, exitcode=-signal.SIGKILL, is_alive=lambda: False, kill=lambda: None)
    loader = Loader()
    loader._workers = [worker]

    def get(_: Loader) -> None:
        raise RuntimeError('DataLoader worker (pid(s) 9) exited unexpectedly')

    with pytest.raises(LoadingError, match=r'worker \(pid 9\) was killed by the signal Killed; most likely'):
        loaders._impatient(get)(loader)


def test_a_worker_that_ends_by_itself_is_told_from_one_that_is_killed():
    text = loaders._killed('worker (pid(s) 7, 8) exited unexpectedly')
    assert text.startswith('a loading worker (pid 7, 8) ended by itself; most likely the memory')
    text = loaders._killed('worker (pid 7) exited unexpectedly with exit code 3. Details are lost')
    assert text == 'a loading worker (pid 7) ended with exit code 3; what it has written before states why'
    assert loaders._killed('worker (pid 7) is killed by signal: Aborted. ').endswith('killed by the signal Aborted')
    assert loaders._killed('another\n  reason') == 'a loading worker failed: another reason'
    assert loaders._killed('').startswith('a loading worker ended as it handed over a batch; most likely')
    assert 'raise it (ulimit -n 4096)' in loaders._killed('Too many open files. Communication')


class Loader:
    """What the mend reads of a loader; it waits until its workers are killed."""

    _timeout = 0

    def __init__(self, *looks: bool) -> None:
        self.looks, self.killed = list(looks), False
        worker = SimpleNamespace(pid=7, kill=self.end, exitcode=None, is_alive=lambda: not self.killed)
        self._workers, self._worker_pids_set = [worker], False

    def end(self) -> None:
        self.killed = True


def test_patience_counts_periods_and_not_the_time_of_a_process_that_is_suspended(monkeypatch):
    monkeypatch.setenv(loaders.TIMEOUT, '20')
    monkeypatch.setattr(loaders, '_WATCHING', [os.getpid()])  # the periods are counted here
    monkeypatch.setattr(time, 'monotonic', lambda: pytest.fail('a clock goes on while a process is suspended'))

    def get(loader: Loader) -> tuple[bool, object]:
        loaders._count_period()
        if loader.killed:
            raise RuntimeError('DataLoader worker (pid(s) 7) exited unexpectedly')
        return (True, (0, 'batch')) if loader.looks.pop(0) else (False, None)

    look, loader = loaders._impatient(get), Loader(False, False, False, True, False, False, False, False)
    monkeypatch.setattr(loaders, 'PERIOD', 5.0)
    for expected in (False, False, False):
        assert look(loader)[0] is expected
    loaders._PERIODS[loader] = 2
    assert look(loader) == (True, (0, 'batch')), 'a batch that comes starts the count anew'
    for _ in range(3):
        assert look(loader) == (False, None)
    loaders._count_period()
    assert not loader.killed, 'nobody waits for it now'
    with pytest.raises(LoadingError, match=r'no batch came for 20 s .*pid 7.* USMM_LOADER_TIMEOUT=SECONDS waits'):
        look(loader)
    other = Loader(False)
    monkeypatch.setenv(loaders.TIMEOUT, '0')
    loaders._PERIODS[other] = 10**6
    assert look(other) == (False, None)


def hands_over_and_stops() -> torch.Tensor:
    """The main process asks the worker for its memory, which does not answer any more."""
    torch.multiprocessing.reductions.storage_from_cache  # noqa: B018  its module is loaded
    ForkingPickler.register(torch.UntypedStorage, stop_and_reduce)
    return torch.zeros(3)


def stop_and_reduce(storage: torch.UntypedStorage):
    threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGSTOP)).start()
    return torch.multiprocessing.reductions.reduce_storage(storage)


@pytest.mark.timeout(120)
def test_a_worker_that_stops_while_it_hands_over_a_batch(monkeypatch):
    monkeypatch.setenv(loaders.TIMEOUT, '1')
    monkeypatch.setattr(loaders, 'PERIOD', 0.5)
    monkeypatch.setattr(loaders, '_WATCHING', [])
    loader = DataLoader(Failing(hands_over_and_stops), batch_size=None, num_workers=1)
    with pytest.raises(LoadingError, match='no batch came for 1 s from the loading workers'):
        list(loader)


@pytest.mark.parametrize('text', ['soon', '-1', 'inf', 'nan'])
def test_patience_is_a_number_of_seconds(text, monkeypatch):
    monkeypatch.delenv(loaders.TIMEOUT, raising=False)
    assert loaders.patience() == 900
    monkeypatch.setenv(loaders.TIMEOUT, text)
    with pytest.raises(ValueError, match=f'USMM_LOADER_TIMEOUT in the environment must be seconds, .* got {text!r}'):
        loaders.patience()


def test_a_command_ends_with_one_line(capsys):
    @plain_errors
    def command() -> None:
        raise LoadingError('a loading worker was killed')

    assert command() == 2
    assert capsys.readouterr().err == 'error: a loading worker was killed\n'


def test_workers_that_cannot_be_started(monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(torch.multiprocessing, 'Queue', refuse)
    with pytest.raises(LoadingError, match='the 2 loading workers cannot be started: Permission denied; they need'):
        iter(DataLoader(Failing(killed), num_workers=2))
