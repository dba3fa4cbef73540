"""Loading workers that are killed, hang, or cannot hand over what they have read: one clear error, and no wait."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import weakref
from contextlib import suppress
from functools import partial, wraps
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from torch.utils.data import DataLoader
    from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter as LoaderIterator

TIMEOUT = 'USMM_LOADER_TIMEOUT'  # seconds without a batch after which a loader is given up; 0: never
SECONDS = 900.0
LOOKS = 100  # of 0.02 s each, for the end of a worker whose connection has ended
PERIOD = 5.0  # seconds between two looks at the loaders that wait
KILLED = re.compile(
    r'worker \(pid\D*([\d, ]+)\) (?:is killed by signal: ([\w ]+)|exited unexpectedly(?: with exit code (\d+))?)'
)
NO_ROOM = (
    'the shared memory is full ({cause}): give the container more (docker run --shm-size=8g), or set num_workers=0 or '
    'a smaller batch_size'
)
CAUSES = {
    'Killed': 'most likely the memory of the machine or of the job ran out: set a smaller num_workers or batch_size',
    'Bus error': NO_ROOM.format(cause='/dev/shm'),
}
TOO_MANY_FILES = 'the limit of open files is too low ({cause}): raise it (ulimit -n 4096), or set num_workers=0'
_UPSTREAM: list[Callable[..., None]] = []
_WATCHING: list[int] = []  # the processes that have a thread that counts
_WAITING: MutableMapping[LoaderIterator, bool] = weakref.WeakKeyDictionary()
_PERIODS: MutableMapping[LoaderIterator, int] = weakref.WeakKeyDictionary()
_GIVEN_UP: MutableMapping[LoaderIterator, bool] = weakref.WeakKeyDictionary()


class LoadingError(RuntimeError):
    """A worker of a data loader was killed, hangs, or cannot hand over a batch.

    No `OSError`: a worker may be killed while the parent writes a file, which has nothing to do with it.
    """


def loaders_that_wait() -> bool:
    """Let loaders of torch fail with one line where their workers do, and let the workers end with their parent.

    A worker that finds the shared memory full drops the batch, and the loader waits for it forever; so it does for a
    worker that hangs, unless each loader has a `timeout`. That of torch counts the time for which the process is
    suspended, this one does not. Torch (2.13) has no setting for either; can go when it has.

    Returns:
        Whether the mend was needed.
    """
    from torch.utils.data import dataloader
    from torch.utils.data._utils import signal_handling, worker

    import usmm.utils.parent_death  # noqa: F401  here, so that forks need not import it

    if _UPSTREAM or not hasattr(dataloader._MultiProcessingDataLoaderIter, '_try_get_data'):
        return False
    _UPSTREAM.append(worker._worker_loop)
    worker._worker_loop = run_worker  # type: ignore[assignment]
    signal_handling._error_if_any_worker_fails = _clear(signal_handling._error_if_any_worker_fails)
    iterator = dataloader._MultiProcessingDataLoaderIter
    iterator._shutdown = True  # until it is built: one that cannot be built has nothing to end, and torch looks for it
    iterator.__init__ = _clear_start(iterator.__init__)  # type: ignore[method-assign]
    iterator._try_get_data = _impatient(iterator._try_get_data)  # type: ignore[method-assign]
    return True


def run_worker(dataset_kind: object, dataset: object, indices: object, results: Queue[Any], *args: object) -> None:
    """The loop of a worker of torch, for a process that ends with its parent and reports what it cannot hand over."""
    from torch.utils.data._utils import worker

    from usmm.utils.parent_death import end_with_parent

    end_with_parent()
    results._on_queue_feeder_error = partial(_send_error, results)  # type: ignore[attr-defined]
    loop = _UPSTREAM[0] if _UPSTREAM else worker._worker_loop
    loop(dataset_kind, dataset, indices, results, *args)


def _send_error(results: Queue[Any], error: Exception, item: tuple[int, object]) -> None:
    """Send the reason in place of a batch that cannot be sent."""
    reason = str(error).partition('\n')[0]
    if 'Too many open files' in reason:
        text = TOO_MANY_FILES.format(cause=reason)
    elif any(word in reason for word in ('No space left', 'shared memory', 'shm')):
        text = NO_ROOM.format(cause=reason)
    else:
        text = f'a loading worker cannot hand over a batch: {reason}'
    results.put((item[0], LoadingError(text)))


def _clear(check: Callable[[], None]) -> Callable[[], None]:
    """The check of torch whether a worker has failed, with an error that names the likely cause."""

    @wraps(check)
    def checked() -> None:
        try:
            check()
        except RuntimeError as error:
            raise LoadingError(_killed(str(error))) from error

    return checked


def _impatient(get: Callable[..., tuple[bool, Any]]) -> Callable[..., tuple[bool, Any]]:
    """A look for the next batch that ends the workers, and the wait, where there will be none."""

    @wraps(get)
    def try_get_data(self: LoaderIterator, *args: float) -> tuple[bool, Any]:
        _watch_over(self)
        try:
            success, data = get(self, *args)
        except (RuntimeError, EOFError, OSError) as error:
            _forget_workers(self)
            reason = _signal_of(self, late=not isinstance(error, RuntimeError)) or str(error)
            _end_workers(self)
            if self in _GIVEN_UP:
                raise LoadingError(_hanging(self, patience())) from error
            if isinstance(error, LoadingError):
                raise
            if isinstance(error.__cause__, LoadingError):
                raise error.__cause__ from error
            raise LoadingError(_killed(reason)) from error
        finally:
            _WAITING.pop(self, None)
        if success and (found := _failure_in(data[1])) is not None:
            _end_workers(self)
            raise found
        if success:
            _PERIODS.pop(self, None)
        elif self._timeout:
            _end_workers(self)
            raise LoadingError(_hanging(self, self._timeout))
        return success, data

    return try_get_data


def _signal_of(loader: LoaderIterator, late: bool) -> str:
    """Which signal has ended a worker, in the words of torch; empty where none has.

    Args:
        loader: The loader.
        late: The connection to a worker has ended, which happens a moment before the worker has.
    """
    for _ in range(LOOKS if late else 1):
        for worker in loader._workers:
            code = None if worker.is_alive() else worker.exitcode
            if code is not None:
                return f'worker (pid {worker.pid}) is killed by signal: {signal.strsignal(-code)}' if code < 0 else ''
        if late:
            time.sleep(0.02)
    return ''


def _failure_in(data: object) -> LoadingError | None:
    """The failure that stands in place of a batch; a batch may be put together in the shared memory from the start."""
    if isinstance(data, LoadingError):
        return data
    text = getattr(data, 'exc_msg', '')  # of torch's ExceptionWrapper
    if 'unable to allocate shared memory' in text:
        return LoadingError(NO_ROOM.format(cause=text.strip().splitlines()[-1].partition(': ')[2]))
    return None


def _clear_start(build: Callable[..., None]) -> Callable[..., None]:
    """The start of the workers, with an error that states what failed."""

    @wraps(build)
    def start(self: LoaderIterator, loader: DataLoader) -> None:
        try:
            build(self, loader)
        except OSError as error:
            reason = error.strerror or str(error)
            text = f'the {loader.num_workers} loading workers cannot be started: {reason}'
            text = f'{text}; they need memory, processes and /dev/shm to write to: give them more, or set num_workers=0'
            raise LoadingError(text) from error

    return start


def _watch_over(loader: LoaderIterator) -> None:
    """Let a thread count for how long a loader waits: a worker may hang while it hands over a batch, too."""
    patience()  # a wrong setting is reported here, not in the thread
    _WAITING[loader] = True
    if _WATCHING[-1:] != [os.getpid()]:  # a fork has no threads
        _WATCHING.append(os.getpid())
        threading.Thread(target=_watch, daemon=True, name='usmm-loaders').start()


def _watch() -> None:
    while True:
        time.sleep(PERIOD)
        _count_period()


def _count_period() -> None:
    """Count a period for each loader that waits, and end the workers of those that have waited too long.

    A process that is suspended counts none, whatever a clock says.
    """
    limit = patience()
    for loader in [*_WAITING]:
        _PERIODS[loader] = _PERIODS.get(loader, 0) + 1
        if limit and _PERIODS[loader] * PERIOD >= limit:
            _GIVEN_UP[loader] = True
            _end_workers(loader)  # which wakes up the thread that waits


def _hanging(loader: LoaderIterator, seconds: float) -> str:
    pids = ', '.join(str(worker.pid) for worker in loader._workers)
    return (
        f'no batch came for {seconds:g} s from the loading workers (pid {pids}), of which one hangs: see whether the '
        f'folder of the data answers, or set num_workers=0; {TIMEOUT}=SECONDS waits longer, 0 without end'
    )


def patience() -> float:
    """Seconds that a loader waits for a batch; 0: without end.

    Raises:
        ValueError: The environment has no number of seconds.
    """
    text = os.environ.get(TIMEOUT, str(SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float('inf'):
        raise ValueError(f'{TIMEOUT} in the environment must be seconds, 0 or more, got {text!r}')
    return seconds


def _end_workers(loader: LoaderIterator) -> None:
    """Kill the workers of a loader; one that hangs or is stopped does not follow a request."""
    _forget_workers(loader)
    for worker in loader._workers:
        worker.kill()


def _forget_workers(loader: LoaderIterator) -> None:
    """Let torch watch the workers no more, whose end would raise one more error wherever the process is then."""
    from torch.utils.data._utils import signal_handling

    if loader._worker_pids_set:
        loader._worker_pids_set = False
        with suppress(ValueError):  # another thread was faster
            signal_handling._remove_worker_pids(id(loader))


def _killed(text: str) -> str:
    """What torch states of a worker that failed, in one line with the likely cause."""
    match = KILLED.search(text)
    if 'Too many open files' in text:
        return TOO_MANY_FILES.format(cause='of this process')
    if match is None and not text:
        return f'a loading worker ended as it handed over a batch; {CAUSES["Killed"]}'
    if match is None:
        return f'a loading worker failed: {" ".join(text.split())}'
    pids, name = match[1].strip(), match[2]
    if match[3] is not None and match[3] != '0':
        return f'a loading worker (pid {pids}) ended with exit code {match[3]}; what it has written before states why'
    if name is None:
        return f'a loading worker (pid {pids}) ended by itself; {CAUSES["Killed"]}'
    cause = CAUSES.get(name.strip())
    return f'a loading worker (pid {pids}) was killed by the signal {name.strip()}{f"; {cause}" if cause else ""}'
