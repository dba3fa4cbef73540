"""How a tool ends: with an exit code, and with one message instead of a traceback where the input is at fault."""

from __future__ import annotations

import functools
import os
import select
import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import ParamSpec

from usmm.utils.locations import folder

TRACEBACK = 'USMM_TRACEBACK'  # set to 1: every error with its traceback
FAILED, INTERRUPTED = 2, 130
NO_READER = 141  # as of a process that the signal SIGPIPE ended: `usmm list models | head -1`
IN_WORKER = 'Original Traceback (most recent call last)'  # torch puts a worker's traceback into the message
Arguments = ParamSpec('Arguments')


def plain_errors(main: Callable[Arguments, int | None]) -> Callable[Arguments, int]:
    """Make the `main` of a tool print `error: ...` and return 2 where it was given something that it cannot use.

    That is a `DataError`, an `OSError`, a config that is no Python, a `ValueError` or `TypeError` that usmm itself
    raises, and a loading worker that was killed or hangs. All others, and all with USMM_TRACEBACK=1 in the environment,
    are defects and keep their traceback. Output that cannot be written ends the tool without a traceback, too.

    Args:
        main: Returns an exit code, or None for 0.

    Example:
        >>> from contextlib import redirect_stderr
        >>> @plain_errors
        ... def main() -> None:
        ...     raise FileNotFoundError('no file a.png')
        >>> with redirect_stderr(sys.stdout):
        ...     main()
        error: no file a.png
        2
    """

    @functools.wraps(main)
    def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        _write_every_letter()
        try:
            _check_current_folder()
            return finish_output(main(*args, **kwargs) or 0)
        except SystemExit as ended:  # of argparse, behind a help text
            if ended.code in (None, 0):
                raise SystemExit(finish_output(0)) from None
            raise
        except KeyboardInterrupt:
            if os.environ.get(TRACEBACK):
                raise
            print('interrupted', file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _reader_is_gone():
                _drop_output()
                return NO_READER
            if isinstance(error, OSError) and (code := finish_output(0)):
                return code  # it was the output that failed
            if os.environ.get(TRACEBACK) or not is_for_the_user(error):
                raise
            print(f'error: {message_of(error)}{_encoding_hint(str(error))}', file=sys.stderr)
            return finish_output(FAILED)

    return wrapped


def finish_output(code: int) -> int:
    """Write what is still in the buffer of the standard output, while a failure can still be reported.

    Python itself would write it at the very end, and print a traceback and exit with 120 where that fails.

    Args:
        code: The exit code of the tool.

    Returns:
        `code`, or another one where the output could not be written: 141 if its reader has gone, 2 for a full disk.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return NO_READER
    except OSError as error:
        _drop_output()
        print(f'error: cannot write the output: {error.strerror or error}', file=sys.stderr)
        return FAILED
    except ValueError:  # it is closed
        pass
    return code


def _write_every_letter() -> None:
    """Let letters that the output has no code for, as an umlaut under PYTHONIOENCODING=ascii, be escaped, not fail.

    An output that was closed (`>&-`) is one that goes nowhere.
    """
    for name in ('stdout', 'stderr'):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))  # noqa: PTH123, SIM115  a device
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == 'strict':
        sys.stdout.reconfigure(errors='backslashreplace')


def _check_current_folder() -> None:
    """See that the folder that the process is in is there; most names of files start from it."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise FileNotFoundError('the current folder was removed: change to one that is there') from None


def _encoding_hint(text: str) -> str:
    """What helps where names of files are not read as UTF-8, for an error with such a name; else empty."""
    encoding = sys.getfilesystemencoding()
    if encoding == 'utf-8' or (text.isascii() and 'codec' not in text):
        return ''
    return f' (names of files are read as {encoding} here; set PYTHONUTF8=1 in the environment if they are UTF-8)'


def _reader_is_gone() -> bool:
    """Whether the standard output is a pipe that nobody reads any more; other pipes may break, too."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # it is not a file of the system, or closed
        return False
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _drop_output() -> None:
    """Let what is in the buffer go nowhere, so that Python does not try again."""
    with open(os.devnull, 'w') as nowhere:  # noqa: PTH123  a device
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def is_for_the_user(error: Exception) -> bool:
    """Whether an error speaks of what was given, not of a defect."""
    if isinstance(error, (OSError, SyntaxError)):
        return True
    if isinstance(error, (ValueError, TypeError)):
        return _raised_here(error)
    from usmm.compat.loaders import LoadingError
    from usmm.readers.errors import (
        DataError,  # here, for the readers load pandas, and most errors of a config are above
    )

    return isinstance(error, (DataError, LoadingError))


def message_of(error: Exception) -> str:
    """An error's text without tracebacks.

    Example:
        >>> message_of(ValueError('cases must be at least 1, got 0'))
        'cases must be at least 1, got 0'
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f'{error.filename}:{error.lineno}: {error.msg}'
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        text = error.strerror  # without the number of the error
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
