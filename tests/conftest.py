"""Fixtures that every room uses."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist keep the order of the files; its own, most tests first, ends with the longest on one core."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that hold a test marked `slow` run first, so that all processes are busy to the end."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """The imported packages stay: garbage collection, which every training asks for, need not visit them."""
    gc.collect()
    gc.freeze()


class WarmPython:
    """Commands in processes of their own that need not load the packages first (`tests/warm_python.py`).

    What a command does when it starts, and torchrun, are not for this.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        words = [sys.executable, str(ROOT / 'tests' / 'warm_python.py')]
        environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=environment)

    def run(
        self, argv: Sequence[object], cwd: Path | None = None, env: Sequence[dict[str, object]] = ({},)
    ) -> list[subprocess.CompletedProcess[str]]:
        """Run a command as often at once as there are environments; `argv` as behind `python`."""
        commands = []
        for words in env:
            self.count += 1
            files = {name: str(self.folder / f'{self.count}.{name}') for name in ('stdout', 'stderr')}
            given = {name: str(value) for name, value in words.items()}
            commands.append({'argv': [*map(str, argv)], 'cwd': str(cwd or Path.cwd()), 'env': given, **files})
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(commands), file=self.process.stdin, flush=True)
        codes = json.loads(self.process.stdout.readline())
        return [
            subprocess.CompletedProcess(c['argv'], code, Path(c['stdout']).read_text(), Path(c['stderr']).read_text())
            for c, code in zip(commands, codes, strict=True)
        ]

    def run_two(self, argv: Sequence[object], cwd: Path | None = None) -> list[subprocess.CompletedProcess[str]]:
        """Run a command as two processes that find each other, as torchrun starts them; both must end well."""
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        shared: dict[str, object] = dict(WORLD_SIZE=2, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        both = self.run(argv, cwd, [{**shared, 'RANK': rank, 'LOCAL_RANK': rank} for rank in range(2)])
        assert [done.returncode for done in both] == [0, 0], [done.stderr[-2000:] for done in both]
        return both

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


@pytest.fixture(scope='session')
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    """Runs commands in processes that have the packages loaded."""
    warm = WarmPython(tmp_path_factory.mktemp('warm_python'))
    yield warm
    warm.close()


@pytest.fixture(scope='session')
def project_root() -> Path:
    """The clone."""
    return ROOT


@pytest.fixture(scope='session')
def real_data() -> Path:
    """The folder of real public ultrasound data; skips where it is absent."""
    folder = Path(os.environ.get('USMM_REAL_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no real data at {folder}; set USMM_REAL_DATA')
    return folder


@pytest.fixture(scope='session')
def made() -> ModuleType:
    """The module tests/visualization/made.py: work directories with made-up results."""
    spec = importlib.util.spec_from_file_location('made', ROOT / 'tests' / 'visualization' / 'made.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def tiny() -> ModuleType:
    """The module tests/tiny.py: a data set and a config that train in seconds."""
    spec = importlib.util.spec_from_file_location('tiny', ROOT / 'tests' / 'tiny.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def tiny_data(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny data set."""
    root = tmp_path_factory.mktemp('tiny')
    tiny.write_data(root)
    return root


@pytest.fixture(scope='session')
def write_tiny_config(tiny: ModuleType, tiny_data: Path) -> Callable[[Path], Path]:
    """Write `tiny.py` into a folder: a config on the tiny data set that works in the folder `work` beside it."""

    def write(folder: Path) -> Path:
        path = folder / 'tiny.py'
        path.write_text(tiny.CONFIG.format(root=tiny_data, work_dir=folder / 'work'))
        return path

    return write


@pytest.fixture
def tiny_config(write_tiny_config: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The tiny config in a folder of the test's own."""
    return write_tiny_config(tmp_path)


@pytest.fixture(scope='session')
def tiny_run(write_tiny_config: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of a run of all modalities, one epoch a stage; tests read it and change nothing in it."""
    import torch

    from usmm.config import load_config
    from usmm.engine import Experiment, RunOptions

    torch.set_num_threads(1)
    config = load_config(write_tiny_config(tmp_path_factory.mktemp('tiny_run')), {'max_epochs': 1})
    experiment = Experiment(config, options=RunOptions(progress=False))
    experiment.train()
    return experiment.work_dir
