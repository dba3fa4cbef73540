"""Running commands, in this process and in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.logging import MMLogger

from usmm.cli import main as cli


def forget_loggers() -> None:
    """A command starts without loggers; those of earlier tests write to a closed stdout, some of them errors only."""
    MMLogger._instance_dict.clear()


@pytest.fixture
def usmm(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`usmm ...` in this process, where the packages are loaded already: exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        forget_loggers()
        try:
            code = cli.main(list(map(str, words)))
        except SystemExit as ended:  # argparse ends in this way
            code = int(ended.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope='session')
def shell() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`usmm ...` in a process of its own, on one thread."""

    def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, '-m', 'usmm', *map(str, words)]
        environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300)

    return run
