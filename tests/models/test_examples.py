"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import usmm.models

MODULES = [m.name for m in pkgutil.walk_packages(usmm.models.__path__, 'usmm.models.')]


@pytest.mark.parametrize('name', MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
