"""A real `usmm serve` in a process of its own: started, watched and ended by the proofs of the server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

TOKEN = 'a-token-of-the-proof-0123456789'
START_SECONDS, STOP_SECONDS = 120.0, 30.0


class Running:
    """A server on a free port of this machine.

    Args:
        models: As `usmm serve` takes them.
        folder: Where its spool, its log and its token lie.
        options: More options of the tool.

    Raises:
        RuntimeError: It does not start.
    """

    def __init__(self, models: Sequence[str], folder: Path, options: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.spool, self.log, self.errors = folder / 'spool', folder / 'log', folder / 'errors'
        (folder / 'token').touch(0o600)
        (folder / 'token').write_text(TOKEN, encoding='ascii')
        places = ['--spool', str(self.spool), '--log', str(self.log), '--token-file', str(folder / 'token')]
        command = [sys.executable, '-m', 'usmm', 'serve', *models, '--port', '0', '--device', 'cpu', *places, *options]
        start = time.monotonic()
        with self.errors.open('ab') as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.lines: list[str] = []
        thread = threading.Thread(target=self._read, daemon=True)
        thread.start()
        while not any('Research use only' in line for line in self.lines):
            if self.process.poll() is not None or time.monotonic() - start > START_SECONDS:
                self.kill()
                raise RuntimeError(f'the server did not start: {self.errors.read_text(errors="replace")[-2000:]}')
            time.sleep(0.02)
        self.seconds = time.monotonic() - start
        self.port = int(re.findall(r':(\d+)$', self.lines[0])[0])

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip())

    def stop(self) -> int:
        """End it as Ctrl+C and service managers do.

        Returns:
            Its exit code.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it with no chance to clean up."""
        self.process.kill()
        self.process.wait()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def memory(self) -> dict[str, float]:
        """MiB: resident pages of the server's own process, and the share (PSS) of it and all it started."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f'/proc/{pid}/task').glob('*/children'):
                found += [int(child) for child in _text(task).split() if int(child) not in found]
        share = sum(_kilobytes(Path(f'/proc/{pid}/smaps_rollup'), 'Pss') for pid in found)
        return {'rss': _kilobytes(Path(f'/proc/{found[0]}/status'), 'VmRSS') / 1024, 'pss': share / 1024}

    def uploads(self) -> list[Path]:
        """Files of requests in the spool: all but locks."""
        return [path for path in self.spool.rglob('*') if path.is_file() and path.name not in ('lock', '.start')]

    def empty(self, seconds: float = 5.0) -> bool:
        """Whether the spool holds no upload, at once or after a moment."""
        end = time.monotonic() + seconds
        while self.uploads() and time.monotonic() < end:
            time.sleep(0.02)
        return not self.uploads()

    def written(self) -> str:
        """All that it has logged and printed."""
        return '\n'.join([_text(self.log), _text(self.errors), *self.lines])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace')
    except OSError:  # a process that has just ended
        return ''


def _kilobytes(path: Path, name: str) -> int:
    return next((int(line.split()[1]) for line in _text(path).splitlines() if line.startswith(f'{name}:')), 0)


def free_of(text: str, words: Sequence[str]) -> str | None:
    """The first of the words that stands in a text, or None."""
    return next((word for word in words if word in text), None)


def machine() -> dict[str, object]:
    """What figures of time depend on."""
    return {'processors': os.cpu_count(), 'load': [round(value, 1) for value in os.getloadavg()]}
