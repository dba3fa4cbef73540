"""Running commands in this process."""

from __future__ import annotations

from collections.abc import Callable

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
