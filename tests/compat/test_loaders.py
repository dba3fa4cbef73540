"""Loading workers that are killed, hang, or cannot hand over a batch: one error, and no worker left."""

from __future__ import annotations

import os
import signal
import time
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
        assert worker.exitcode is not None


def test_a_worker_that_ends_by_itself_is_told_from_one_that_is_killed():
    text = loaders._killed('worker (pid(s) 7, 8) exited unexpectedly')
    assert text.startswith('a loading worker (pid 7, 8) ended by itself; most likely the memory')
    assert loaders._killed('worker (pid 7) is killed by signal: Aborted. ').endswith('killed by the signal Aborted')
    assert loaders._killed('Too many\n open files') == 'a loading worker failed: Too many open files'


def test_patience_counts_looks_and_not_the_time_of_a_process_that_is_suspended(monkeypatch):
    killed: list[int] = []
    worker = SimpleNamespace(pid=7, kill=lambda: killed.append(7))
    looks = iter([(False, None)] * 3 + [(True, (0, 'batch'))] + [(False, None)] * 4)
    loader = SimpleNamespace(_timeout=0, _workers=[worker], _worker_pids_set=False)
    look = loaders._impatient(lambda self: next(looks))
    monkeypatch.setenv(loaders.TIMEOUT, '20')
    monkeypatch.setattr(time, 'monotonic', lambda: pytest.fail('the clock goes on while a process is suspended'))
    for _ in range(3):
        assert look(loader) == (False, None)
    assert look(loader) == (True, (0, 'batch')), 'a batch that comes starts the count anew'
    for _ in range(3):
        look(loader)
    with pytest.raises(LoadingError, match=r'no batch came for 20 s .* USMM_LOADER_TIMEOUT=SECONDS waits longer'):
        look(loader)
    assert killed == [7]
    monkeypatch.setenv(loaders.TIMEOUT, '0')
    loader._usmm_looks = 10**6
    loaders._check_patience(loader)


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
