"""Makes `hostile.py`, the files that must be refused, a module that tests can import and pickles can name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if 'hostile' not in sys.modules:
    spec = importlib.util.spec_from_file_location('hostile', Path(__file__).with_name('hostile.py'))
    assert spec is not None and spec.loader is not None
    module = sys.modules['hostile'] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
