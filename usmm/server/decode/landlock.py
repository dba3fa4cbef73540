"""Linux: a process gives up all files but some, and TCP. Without rights of its own, for good, and for all it calls.

Reference: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # system calls, of the same number on every machine
ASK_VERSION, PATH_BENEATH = 1, 1
READ_FILE, READ_DIR = 4, 8
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # from this version on, so many rights
TCP, SCOPES = 3, 3  # bind and connect; abstract sockets and signals
NET_VERSION, SCOPE_VERSION = 4, 6
PACKAGE = Path(__file__).resolve().parents[2]
SYSTEM = ('/usr', '/lib', '/lib64', '/etc/ld.so.cache', '/dev/null', '/dev/urandom')
"""What a library may still open when it is used for the first time."""


class _Ruleset(ctypes.Structure):
    _fields_ = [('files', ctypes.c_uint64), ('net', ctypes.c_uint64), ('scoped', ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [('allowed', ctypes.c_uint64), ('parent', ctypes.c_int32)]


def version() -> int:
    """Of Landlock; 0 where there is none."""
    if not sys.platform.startswith('linux'):
        return 0
    return max(0, _call(CREATE, None, 0, ASK_VERSION))


def keep_only(paths: Sequence[Path]) -> bool:
    """Give up all but reading these files and the libraries; no program can be started any more.

    `NO_NEW_PRIVS` must be set before.

    Args:
        paths: Files.

    Returns:
        Whether the system could do it.
    """
    known = version()
    if not known:
        return False
    rights = (1 << max(count for start, count in FILE_RIGHTS.items() if start <= known)) - 1
    rules = _Ruleset(rights, TCP if known >= NET_VERSION else 0, SCOPES if known >= SCOPE_VERSION else 0)
    size = 8 if known < NET_VERSION else 16 if known < SCOPE_VERSION else 24
    file = _call(CREATE, ctypes.byref(rules), size, 0)
    if file < 0:
        return False
    try:
        for path in (*map(Path, (*SYSTEM, sys.prefix, sys.base_prefix)), PACKAGE, *paths):
            _allow(file, path)
        return _call(RESTRICT, file, 0) == 0
    finally:
        os.close(file)


def _allow(rules: int, path: Path) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = READ_FILE | READ_DIR if path.is_dir() else READ_FILE
        rule = _Beneath(allowed, parent)
        _call(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)


def _call(number: int, *args: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args)))
