"""The tiny config without its clip: the engine is the same, and the clip's network takes half of the time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def write_tiny_config(tiny: ModuleType, tiny_data: Path) -> Callable[[Path], Path]:
    """Write `tiny.py` into a folder: images and table; `modalities` may name the clip again."""

    def write(folder: Path) -> Path:
        path = folder / 'tiny.py'
        text = tiny.CONFIG.format(root=tiny_data, work_dir=folder / 'work')
        path.write_text(
            text.replace("modalities = ('bus', 'ue', 'clip', 'clinical')", "modalities = ('bus', 'ue', 'clinical')")
        )
        return path

    return write
