"""Versions of what a result depends on."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

PACKAGES = ('usmm', 'torch', 'mmengine', 'mmpretrain', 'mmaction2', 'numpy')


@cache
def versions() -> dict[str, str]:
    """Version of Python and of the packages that decide about numbers, by name; read once a process."""
    return {name: version(name) for name in PACKAGES} | {'python': platform.python_version()}
