"""How a tool ends: with an exit code, and with one message instead of a traceback where the input is at fault."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from usmm.readers import DataError
from usmm.utils.locations import folder

TRACEBACK = 'USMM_TRACEBACK'  # set to 1: every error with its traceback
FAILED, INTERRUPTED = 2, 130
IN_WORKER = 'Original Traceback (most recent call last)'  # torch puts a worker's traceback into the message
Arguments = ParamSpec('Arguments')


def plain_errors(main: Callable[Arguments, int | None]) -> Callable[Arguments, int]:
    """Make the `main` of a tool print `error: ...` and return 2 where it was given something that it cannot use.

    That is a `DataError`, an `OSError`, a config that is no Python, and a `ValueError` or `TypeError` that usmm itself
    raises. All others, and all with USMM_TRACEBACK=1 in the environment, are defects and keep their traceback.

    Args:
        main: Returns an exit code, or None for 0.

    Example:
        >>> from contextlib import redirect_stderr
        >>> @plain_errors
        ... def main() -> None:
        ...     raise DataError('is empty', file='a.png')
        >>> with redirect_stderr(sys.stdout):
        ...     main()
        error: is empty (file a.png)
        2
    """

    @functools.wraps(main)
    def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            return main(*args, **kwargs) or 0
        except KeyboardInterrupt:
            if os.environ.get(TRACEBACK):
                raise
            print('interrupted', file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            if os.environ.get(TRACEBACK) or not is_for_the_user(error):
                raise
            print(f'error: {message_of(error)}', file=sys.stderr)
            return FAILED

    return wrapped


def is_for_the_user(error: Exception) -> bool:
    """Whether an error speaks of what was given, not of a defect."""
    if isinstance(error, (DataError, OSError, SyntaxError)):
        return True
    return isinstance(error, (ValueError, TypeError)) and _raised_here(error)


def message_of(error: Exception) -> str:
    """An error's text without tracebacks.

    Example:
        >>> message_of(ValueError('cases must be at least 1, got 0'))
        'cases must be at least 1, got 0'
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f'{error.filename}:{error.lineno}: {error.msg}'
    text = str(error)
    if IN_WORKER in text:
        # the part behind the frames, which are indented: `usmm.readers.errors.DataError: the text`
        lines = text.splitlines()
        last = max(i for i, line in enumerate(lines) if line.startswith('  File ') or line.startswith('    '))
        text = '\n'.join(lines[last + 1 :]).partition(': ')[2] or text
    return text


def _raised_here(error: Exception) -> bool:
    """Whether the line that raised is one of usmm's, or of its tools."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _is_ours(Path(frames[-1].filename))


def _is_ours(file: Path) -> bool:
    return any(file.resolve().is_relative_to(root.resolve()) for root in (Path(__file__).parents[1], folder('tools')))
