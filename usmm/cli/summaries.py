"""The first line of what a command states about itself, read from its file: nothing is imported."""

from __future__ import annotations

import ast
import re
from pathlib import Path

DOCSTRING = re.compile(r'\A(?:#[^\n]*\n)*"""(.*?)"""', re.DOTALL)


def docstring_of(source: str) -> str:
    """The docstring of a module, by its text; parsing all modules of the commands would take longer than `usmm --help`.

    Example:
        >>> docstring_of('\"\"\"Train a model.\"\"\"' + chr(10) + 'import os')
        'Train a model.'
    """
    match = DOCSTRING.match(source)
    return match[1].strip() if match else (ast.get_docstring(ast.parse(source)) or '')


def summary_of(file: Path) -> str:
    """The first line of a module's docstring, or the first comment of a shell script."""
    text = file.read_text(encoding='utf-8')
    if file.suffix == '.sh':
        return next((line[1:].strip() for line in text.splitlines() if line.startswith('# ')), '')
    return docstring_of(text).partition('\n')[0]
