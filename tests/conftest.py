"""Fixtures that every room uses."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Callable
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
