"""Versions of what a result depends on."""

from __future__ import annotations

import platform

import mmengine
import numpy
import torch

from usmm.engine.workdir.run_facts import versions
from usmm.version import __version__


def test_versions_are_those_of_the_imported_packages():
    found = versions()
    assert found['usmm'] == __version__ and found['python'] == platform.python_version()
    assert (found['mmengine'], found['numpy']) == (mmengine.__version__, numpy.__version__)
    assert found['torch'].split('+')[0] == torch.__version__.split('+')[0]
    assert {'mmpretrain', 'mmaction2'} <= set(found)
