"""A block of code that may not open files, reach a network, start a process or import other packages.

Reference: the audit events of CPython, https://docs.python.org/3/library/audit_events.html (PEP 578).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The beginnings of the names of events that are refused; `open` and `import` are looked at more closely.
REFUSED = (
    'socket.', 'subprocess.', 'os.system', 'os.exec', 'os.posix_spawn', 'os.spawn', 'os.fork', 'os.startfile',
    'os.kill', 'os.remove', 'os.rename', 'os.mkdir', 'os.rmdir', 'os.link', 'os.symlink', 'os.truncate', 'os.chmod',
    'os.chown', 'os.utime', 'os.putenv', 'os.unsetenv', 'os.setxattr', 'pty.', 'shutil.', 'tempfile.', 'urllib.',
    'http.', 'ftplib.', 'smtplib.', 'poplib.', 'imaplib.', 'telnetlib.', 'nntplib.', 'webbrowser.', 'sqlite3.', 'mmap.',
    'pickle.find_class', 'ctypes.dlopen', 'syslog.', 'winreg.',
)  # fmt: skip
CODE = ('.py', '.pyc', '.so', '.pyd', '.dylib', 'METADATA', '.zip')  # imports, and questions for versions
# Packages of which parts may be imported, though none of theirs was before: what our models are made of.
PACKAGES = frozenset({'usmm', 'torch', 'torchvision', 'mmengine', 'mmcv', 'mmpretrain', 'mmaction', 'timm', 'numpy',
                      'scipy', 'sklearn', 'cv2', 'PIL', 'einops'})  # fmt: skip


class AccessError(PermissionError):
    """A file, a network, a process or a package was asked for where none may be."""


_state = threading.local()
_installed = threading.Lock()
_hooked: list[bool] = []


@contextmanager
def no_access() -> Iterator[None]:
    """Refuse access to files, networks, processes and other packages in this thread.

    What Python imports of the packages named in `PACKAGES`, of the standard library and of packages that were imported
    before is let through. Native code that opens files by itself raises no audit event, so this is a second line of
    defence, behind a check of what is run at all. The first call installs an audit hook, which stays.

    Raises:
        AccessError: The block asked for access, whether or not it caught the error itself.

    Example:
        >>> with no_access():
        ...     open('/etc/hostname')
        Traceback (most recent call last):
        ...
        usmm.utils.no_access.AccessError: it opens '/etc/hostname'
    """
    with _installed:
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked.append(True)
    outer: list[str] | None = getattr(_state, 'refused', None)
    refused: list[str] = []
    _state.refused = refused
    try:
        yield
    finally:
        _state.refused = outer
    if refused:  # a constructor that catches errors of every type must not hide one
        raise AccessError(refused[0])


def _hook(event: str, args: tuple[object, ...]) -> None:
    refused: list[str] | None = getattr(_state, 'refused', None)
    if refused is None:
        return
    problem = None
    if event == 'open':
        problem = _problem_of_open(*args[:3])
    elif event == 'import':
        problem = _problem_of_import(str(args[0]))
    elif event.startswith(REFUSED):
        problem = f'it asks the system for {event}'
    if problem is not None:
        refused.append(problem)
        raise AccessError(problem)


def _problem_of_open(path: object, mode: object = None, flags: object = 0) -> str | None:
    """Why a file may not be opened; None: it is code that an import reads."""
    if not isinstance(path, (str, bytes)):
        return f'it opens {path!r}'
    name = os.fsdecode(path)
    writes = any(sign in str(mode or 'r') for sign in 'wax+') or (
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
    if not writes and name.endswith(CODE) and any(name.startswith(folder) for folder in _code_folders()):
        return None
    return f'it opens {name[:200]!r}'


def _problem_of_import(module: str) -> str | None:
    """Why a module may not be imported; None: it may."""
    top = module.partition('.')[0]
    if top in PACKAGES or top in sys.stdlib_module_names or top in sys.modules:
        return None
    return f'it imports {module[:100]!r}'


def _code_folders() -> tuple[str, ...]:
    """Where installed packages and usmm itself lie; the folder that Python was started in does not count."""
    own = Path(__file__).parents[1]
    return (sys.prefix + os.sep, sys.base_prefix + os.sep, f'{own}{os.sep}')
