"""A training in processes of its own that can be killed at chosen moments."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

KINDS = ('step', 'save', 'validate', 'between', 'time')
FOLD = 'fold'  # the first stage begins: in a cross-validation, the fold before it is done
MARK = '@moment '  # the start of the lines by which the training says where it is
LIMIT = 300.0  # seconds after which a training hangs


class Training:
    """Start a tool on one work directory, as often as it takes.

    Args:
        config: The config.
        work_dir: The work directory.
        processes: 2: through tools/dist_train.sh.
        flags: Further arguments.
        command: Name of the tool, which takes the config, `--work-dir` and `--resume`.
    """

    def __init__(
        self, config: Path, work_dir: Path, processes: int, flags: tuple[str, ...], command: str = 'train'
    ) -> None:
        self.work_dir = work_dir
        start = [sys.executable, '-m', 'usmm', command, str(config)]
        if processes > 1:
            start = [sys.executable, '-m', 'usmm', 'dist_train', str(config), str(processes)]
        self.command = [*start, '--work-dir', str(work_dir), *flags]
        self.folder = config.parent
        self.marks: Counter[str] = Counter()
        self.token = ''
        self.lines: list[str] = []

    def run(self, resume: bool) -> str:
        """Let it end; an empty text, or what it said when it failed."""
        process = self._start(resume)
        for _ in self._moments(process):
            pass
        return self._ended(process)

    def kill_on(self, kind: str, nth: int, delay: float, resume: bool) -> str | None:
        """Kill `delay` seconds after the nth moment of a kind; not None: it ended before, with this error or none."""
        process = self._start(resume)
        for moment in self._moments(process):
            if moment == kind and self.marks[kind] >= nth:
                time.sleep(delay)
                self.kill(process)
                return None
        return self._ended(process)

    def kill_at(self, seconds: float, resume: bool) -> str | None:
        """Kill after some seconds; not None: it ended before, with this error or none."""
        process = self._start(resume)
        reader = threading.Thread(target=lambda: [*self._moments(process)])
        reader.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(process)
            reader.join()
            return None
        reader.join()
        return self._ended(process)

    def kill(self, process: subprocess.Popen[str]) -> None:
        """SIGKILL all processes of the training at once; those of torchrun are in sessions of their own."""
        found = [process.pid]
        while found:
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            found = _processes(self.token)

    def _start(self, resume: bool) -> subprocess.Popen[str]:
        self.marks, self.lines, self.token = Counter(), [], uuid.uuid4().hex
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = str(free.getsockname()[1])
        paths = os.pathsep.join([str(self.folder), *filter(None, [os.environ.get('PYTHONPATH')])])
        environment = {
            **os.environ, 'PYTHONPATH': paths, 'PYTHON': sys.executable, 'PORT': port, 'OMP_NUM_THREADS': '1',
            'USMM_PROOF': self.token,
        }  # fmt: skip
        command = [*self.command, *(['--resume'] if resume else [])]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environment)

    def _moments(self, process: subprocess.Popen[str]) -> Iterator[str]:
        """The moments of the main process as they come."""
        timer = threading.Timer(LIMIT, self.kill, [process])
        timer.daemon = True
        timer.start()
        try:
            for line in process.stdout or ():
                self.lines.append(line)
                if line.startswith(MARK):
                    moment = line.split()[1]
                    self.marks[moment] += 1
                    yield moment
        finally:
            timer.cancel()

    def _ended(self, process: subprocess.Popen[str]) -> str:
        code = process.wait()
        return '' if code == 0 else f'exit code {code}: {"".join(self.lines[-8:])}'


def _processes(token: str) -> list[int]:
    """Living processes with this word in their environment."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            running = b') Z ' not in (folder / 'stat').read_bytes()
            if running and token.encode() in (folder / 'environ').read_bytes():
                found.append(int(folder.name))
    return found
