"""Loading workers that are killed, hang, or cannot hand over what they have read: one clear error, and no wait."""

from __future__ import annotations

import os
import re
from functools import partial, wraps
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter as LoaderIterator

TIMEOUT = 'USMM_LOADER_TIMEOUT'  # seconds without a batch after which a loader is given up; 0: never
SECONDS = 900.0
KILLED = re.compile(r'worker \(pid\D*([\d, ]+)\) (?:is killed by signal: ([\w ]+)|exited unexpectedly)')
NO_ROOM = (
    'the shared memory is full ({cause}): give the container more (docker run --shm-size=8g), or set num_workers=0 or '
    'a smaller batch_size'
)
CAUSES = {
    'Killed': 'most likely the memory of the machine or of the job ran out: set a smaller num_workers or batch_size',
    'Bus error': NO_ROOM.format(cause='/dev/shm'),
}
_UPSTREAM: list[Callable[..., None]] = []


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

    if _UPSTREAM or not hasattr(dataloader._MultiProcessingDataLoaderIter, '_try_get_data'):
        return False
    _UPSTREAM.append(worker._worker_loop)
    worker._worker_loop = run_worker  # type: ignore[assignment]
    signal_handling._error_if_any_worker_fails = _clear(signal_handling._error_if_any_worker_fails)
    iterator = dataloader._MultiProcessingDataLoaderIter
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
    full = any(word in reason for word in ('No space left', 'shared memory', 'shm'))
    text = NO_ROOM.format(cause=reason) if full else f'a loading worker cannot hand over a batch: {reason}'
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
        try:
            success, data = get(self, *args)
        except LoadingError:
            _end_workers(self)
            raise
        except RuntimeError as error:
            _end_workers(self)
            if isinstance(error.__cause__, LoadingError):
                raise error.__cause__ from error
            raise LoadingError(_killed(str(error))) from error
        if success and isinstance(data[1], LoadingError):
            _end_workers(self)
            raise data[1]
        self._usmm_looks = 0 if success else getattr(self, '_usmm_looks', 0) + 1  # type: ignore[attr-defined]
        if not success:
            _check_patience(self)
        return success, data

    return try_get_data


def _check_patience(loader: LoaderIterator) -> None:
    """Give up a loader that has waited too long; counted in looks, of which a suspended process makes none."""
    from torch.utils.data._utils import MP_STATUS_CHECK_INTERVAL

    limit = loader._timeout or patience()
    seconds = loader._timeout or loader._usmm_looks * MP_STATUS_CHECK_INTERVAL  # type: ignore[attr-defined]
    if not limit or seconds < limit:
        return
    pids = ', '.join(str(worker.pid) for worker in loader._workers)
    _end_workers(loader)
    text = f'no batch came for {seconds:.0f} s from the loading workers (pid {pids}), of which one hangs: see whether'
    raise LoadingError(
        f'{text} the folder of the data answers, or set num_workers=0; {TIMEOUT}=SECONDS waits longer, 0 without end'
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
    from torch.utils.data._utils import signal_handling

    if loader._worker_pids_set:  # or their end would be one more error
        signal_handling._remove_worker_pids(id(loader))
        loader._worker_pids_set = False
    for worker in loader._workers:
        worker.kill()


def _killed(text: str) -> str:
    """What torch states of a worker that failed, in one line with the likely cause."""
    match = KILLED.search(text)
    if match is None:
        return f'a loading worker failed: {" ".join(text.split())}'
    pids, signal = match[1].strip(), match[2]
    if signal is None:
        return f'a loading worker (pid {pids}) ended by itself; {CAUSES["Killed"]}'
    cause = CAUSES.get(signal.strip())
    return f'a loading worker (pid {pids}) was killed by the signal {signal.strip()}{f"; {cause}" if cause else ""}'
