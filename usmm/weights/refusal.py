"""Opening a file of weights: what it is, and the one way in which it is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from usmm.utils.stand_ins import START, stand_in_of
from usmm.weights import weight_limits

ZIP, TENSORS, PICKLE = 'zip', 'safetensors', 'pickle'


def refused(path: Path | str, why: object) -> ValueError:
    """The error of a file that is not loaded.

    Example:
        >>> refused('model.pth', 'it is empty')
        ValueError('model.pth is no checkpoint that can be loaded safely: it is empty')
    """
    lines = str(why).splitlines() or ['no reason is known']
    return ValueError(f'{path} is no checkpoint that can be loaded safely: {lines[0]}')


def open_regular(path: Path | str) -> BinaryIO:
    """Open a file for reading; folders, pipes and devices are refused without being opened, links are followed.

    Raises:
        ValueError: There is none, it is no regular file, it is empty or over `weight_limits.MAX_BYTES`.
    """
    try:
        found = Path(path).stat()
        if stat.S_ISDIR(found.st_mode):
            raise refused(path, 'it is a folder')
        if not stat.S_ISREG(found.st_mode):
            raise refused(path, 'it is no regular file')
        # not blocking, should a pipe have taken the file's place meanwhile
        handle = os.open(path, os.O_RDONLY | getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_BINARY', 0))
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f'no checkpoint at {path}') from None
    except OSError as error:
        raise refused(path, error.strerror or error) from error
    file = os.fdopen(handle, 'rb')
    opened = os.fstat(file.fileno())
    problem = None
    if not stat.S_ISREG(opened.st_mode):
        problem = 'it is no regular file'
    elif opened.st_size == 0:
        problem = 'it is empty'
    elif opened.st_size > weight_limits.MAX_BYTES:
        problem = f'it has {opened.st_size} bytes, over the limit of {weight_limits.MAX_BYTES}'
    if problem is not None:
        file.close()
        raise refused(path, problem)
    return file


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def kind_of(file: BinaryIO, path: Path | str) -> str:
    """What an open file is by its first bytes, whatever its name says: `zip`, `safetensors` or `pickle`.

    Raises:
        ValueError: It is none of them; the message says what it seems to be.
    """
    file.seek(0)
    start = file.read(START)
    file.seek(0)
    if start.startswith(b'PK\x03\x04'):
        return ZIP
    if start[8:9] == b'{':
        return TENSORS
    if start.startswith(b'\x80') and start[1:2] <= b'\x05':
        return PICKLE
    raise refused(path, f'it is {_guess(start)}')


def _guess(start: bytes) -> str:
    if (other := stand_in_of(start, 'the weights themselves')) is not None:
        return other
    if start[257:262] == b'ustar':
        return 'a tar archive, as torch wrote it before version 0.4'
    if start.startswith((b'\x1f\x8b', b'BZh', b'\xfd7zXZ', b'7z\xbc\xaf', b'PK')):
        return 'a packed file: unpack it first'
    return 'neither safetensors nor a file that torch saved'
