"""The examples in the docstrings of every module run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'usmm'
FILES = sorted(p for p in PACKAGE.rglob('*.py') if '.mim' not in p.parts)
MODULES = [
    '.'.join(p.relative_to(PACKAGE.parent).with_suffix('').parts).removesuffix('.__init__')
    for p in FILES
    if p.stem != '__main__'
]


@pytest.mark.parametrize('name', MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    assert failed == 0, 'see the captured output'


def test_there_are_examples_to_run() -> None:
    with_examples = [p for p in FILES if '>>> ' in p.read_text(encoding='utf-8')]
    assert len(with_examples) > 40 and {p.relative_to(PACKAGE).parts[0] for p in with_examples} >= {
        'config', 'datasets', 'evaluation', 'models', 'phantoms', 'readers', 'structures', 'utils',
    }  # fmt: skip
