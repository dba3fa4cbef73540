"""A process that has the packages loaded and forks for each run of tests: a run then starts in a fraction of a second.

It reads a line of JSON from stdin: `tree` (a copy of the project), `tests`, `seconds`, and `lines` (a file), which asks
for the lines of the project that each test runs; it answers with the exit code of pytest, or `timeout`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

LOADED = (
    'numpy', 'scipy.stats', 'pandas', 'sklearn.linear_model', 'sklearn.metrics', 'statsmodels.api', 'torch', 'cv2',
    'PIL.Image', 'av', 'pydicom', 'openpyxl', 'safetensors.torch', 'yaml', 'rich.console', 'matplotlib.pyplot',
    'mmengine.runner',    'fastapi.testclient', 'uvicorn', 'pytest', '_pytest.assertion.rewrite', 'coverage',
)  # fmt: skip


class Lines:
    """A plugin of pytest that notes the lines that each test runs, and how long it takes.

    Args:
        tree: The copy of the project.
    """

    def __init__(self, tree: Path) -> None:
        import coverage

        self.tree = tree
        self.seconds: dict[str, float] = {}
        self.coverage = coverage.Coverage(data_file=None, source=[str(tree / 'usmm')], concurrency=['thread'])
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """What runs from now on, fixtures included, belongs to this test."""
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add the time of a step of a test."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

    def result(self) -> dict[str, Any]:
        """Test -> its seconds, and module -> line -> the tests that run it."""
        self.coverage.stop()
        data, lines = self.coverage.get_data(), {}
        for file in data.measured_files():
            tests = {str(line): [t for t in names if t] for line, names in data.contexts_by_lineno(file).items()}
            lines[str(Path(file).relative_to(self.tree))] = tests
        return {'seconds': self.seconds, 'lines': lines}


def tested(task: dict[str, Any]) -> int:
    """Run the tests of a task in this process, and return the exit code of pytest."""
    import pytest

    tree = Path(task['tree'])
    os.chdir(tree)
    sys.path[:0] = [str(tree)]
    os.environ.update(PYTHONPATH=str(tree), PYTHONDONTWRITEBYTECODE='1', OMP_NUM_THREADS='1')
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    lines = Lines(tree) if task.get('lines') else None
    options = ['-q', '-x', '-p', 'no:cacheprovider', '-p', 'no:randomly', f'--basetemp={task["temporary"]}']
    options = [o for o in options if not (o == '-x' and lines)]
    code = int(pytest.main([*options, *task['tests']], plugins=[lines] if lines else []))
    if lines is not None:
        Path(task['lines']).write_text(json.dumps(lines.result()), encoding='utf-8')
    return code


def forked(task: dict[str, Any]) -> int | str:
    """Run a task in a child, whose processes end with it."""
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 70
        try:
            code = tested(task)
        finally:
            os._exit(code)
    end = time.monotonic() + task['seconds']
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _kill(child)  # what it left behind
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _kill(child)
    os.waitpid(child, 0)
    return 'timeout'


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Answer until stdin is closed."""
    os.environ['MPLBACKEND'] = 'agg'
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    answers = os.fdopen(os.dup(1), 'w')
    while line := sys.stdin.readline():
        print(json.dumps(forked(json.loads(line))), file=answers, flush=True)


if __name__ == '__main__':
    main()
