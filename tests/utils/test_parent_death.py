"""A process ends with the one that started it, however that ends; all with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import os, sys, time
from types import SimpleNamespace
from usmm.utils import parent_death
{before}
parent_death.end_with_parent()
print(os.getpid(), flush=True)
time.sleep(120)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), flush=True)
time.sleep(120)
"""
WATCH = 'parent_death._signal_on_death = lambda: False; parent_death.PAUSE = 0.05'  # as on systems without the signal


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f'/proc/{pid}/stat')
    return not status.exists() or status.read_text().rpartition(')')[2].split()[0] != 'Z'


def ends(pid: int, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.parametrize('before', ['', WATCH], ids=['signal', 'watch'])
def test_a_child_ends_with_a_parent_that_is_killed(before: str) -> None:
    words = [sys.executable, '-c', PARENT, CHILD.format(before=before)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert is_alive(child)
            parent.kill()
            assert ends(child)
        finally:
            if is_alive(child):
                os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    'parent',
    ['pid=os.getppid() + 1, is_alive=lambda: True', 'pid=os.getppid(), is_alive=lambda: False'],
    ids=['another has taken its place', 'it has ended'],
)  # fmt: skip
def test_a_child_whose_parent_has_ended_before_ends_at_once(parent: str) -> None:
    before = f'parent_death.parent_process = lambda: SimpleNamespace({parent})'
    done = subprocess.run([sys.executable, '-c', CHILD.format(before=before)], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b'')


@pytest.mark.parametrize('method', ['fork', 'spawn', 'forkserver'])
def test_children_of_multiprocessing_live_as_long_as_their_parent(method: str, tmp_path: Path) -> None:
    script = tmp_path / 'script.py'
    script.write_text(
        'import multiprocessing, os, time\n'
        'from usmm.utils.parent_death import end_with_parent\n'
        'def work(queue):\n'
        '    end_with_parent()\n'
        '    queue.put(os.getpid())\n'
        '    time.sleep(120)\n'
        "if __name__ == '__main__':\n"
        f'    context = multiprocessing.get_context({method!r})\n'
        '    queue = context.SimpleQueue()\n'
        '    process = context.Process(target=work, args=(queue,))\n'
        '    process.start()\n'
        '    print(queue.get(), flush=True)\n'
        '    time.sleep(120)\n'
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
        assert ends(child)
