"""What the system holds a decoding process to: time, memory, its own files to read, none to write, no processes."""

from __future__ import annotations

import ctypes
import math
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from usmm.server.decode.landlock import keep_only
from usmm.utils.parent_death import end_with_parent

OPEN_FILES = 64
MAPPED = 2**30  # address space beyond the memory: libraries and files that are mapped
DUMPABLE, NO_NEW_PRIVILEGES = 4, 38  # of prctl(2)


@dataclass(frozen=True)
class Bounds:
    """Limits of a decoding process.

    Args:
        seconds: Of processor time.
        memory: Bytes beyond what it starts with.
    """

    seconds: float
    memory: int


def confine(bounds: Bounds, paths: Sequence[Path] = ()) -> None:
    """Limit this process for good; what a system does not have is left out.

    Args:
        bounds: Time and memory.
        paths: The files that it may read.
    """
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # decoders write what they find in a file to the server's log
        os.dup2(quiet, stream)
    data, space = _sizes()
    end_with_parent()
    _prctl()
    seconds = math.ceil(bounds.seconds)
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)  # two numbers: the signal that comes first says why
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    if space:
        _limit(resource.RLIMIT_DATA, data + bounds.memory)
        _limit(resource.RLIMIT_AS, space + bounds.memory + MAPPED)
    if hasattr(resource, 'RLIMIT_NPROC'):
        _limit(resource.RLIMIT_NPROC, 0)
    keep_only(paths)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    now = resource.getrlimit(kind)[1]
    wanted = soft if hard is None else hard
    most = wanted if now == resource.RLIM_INFINITY else min(wanted, now)
    try:
        resource.setrlimit(kind, (min(soft, most), most))
    except (ValueError, OSError):  # a system that has the name and not the limit
        return


def _sizes() -> tuple[int, int]:
    """Bytes of data and of address space, or zeros where the system does not tell."""
    try:
        lines = Path('/proc/self/status').read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError:
        return 0, 0
    known = {line.split(':')[0]: line.split() for line in lines}
    return tuple(int(known[name][1]) * 1024 if name in known else 0 for name in ('VmData', 'VmSize'))  # type: ignore[return-value]


def _prctl() -> None:
    """Linux: hand out no memory, gain no rights."""
    call = getattr(ctypes.CDLL(None), 'prctl', None)
    if call is not None:
        call(DUMPABLE, 0)
        call(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
