"""A mend to mmengine's questions about installed packages, which need a module that setuptools has dropped."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from usmm.compat.patching import rebind


def packages_without_pkg_resources() -> bool:
    """Answer `is_installed`, `get_installed_path` and `package2module` where `pkg_resources` is gone.

    mmengine 0.10.7 asks `pkg_resources`, which setuptools 81 and later no longer hold, so that
    `get_config('mmpretrain::...')` and `_base_ = 'mmpretrain::...'` fail. Can go when mmengine asks
    `importlib.metadata`.

    Returns:
        Whether the mend was needed.
    """
    if importlib.util.find_spec('pkg_resources') is not None:
        return False
    from mmengine.utils import package_utils

    for new in (is_installed, get_installed_path, package2module):
        rebind(getattr(package_utils, new.__name__), new)
    return True


def is_installed(package: str) -> bool:
    """Whether a distribution (`mmcv-lite`) or an importable module (`mmcv`) of this name is there."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        spec = importlib.util.find_spec(package)
        return spec is not None and spec.origin is not None
    return True


def get_installed_path(package: str) -> str:
    """The folder of a package, named by distribution or by module; editable installs included.

    Raises:
        PackageNotFoundError: There is neither a distribution nor a module of this name.
        RuntimeError: It is a namespace package, which has no folder of its own.
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        spec = importlib.util.find_spec(package2module(package))
    if spec is None:
        raise metadata.PackageNotFoundError(package)
    if spec.origin is None:
        raise RuntimeError(f'{package} is a namespace package, it has no folder of its own')
    return str(Path(spec.origin).parent)


def package2module(package: str) -> str:
    """The first module that a distribution installs.

    Raises:
        PackageNotFoundError: There is no such distribution.
        ValueError: The distribution does not say which modules it holds.
    """
    distribution = metadata.distribution(package)
    named = (distribution.read_text('top_level.txt') or '').split()
    found = named or [f.parts[0] for f in distribution.files or () if len(f.parts) == 2 and f.name == '__init__.py']
    if not found:
        raise ValueError(f'distribution {package} does not say which modules it holds')
    return found[0]
