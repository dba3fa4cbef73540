"""Fixtures that every room uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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
