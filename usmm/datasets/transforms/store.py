"""Arrays and plain facts on disk: written whole or not at all, verified when read, never unpickled."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from mmengine.logging import print_log

import usmm.readers
from usmm.datasets.data_digest import data_digest, file_state
from usmm.readers import DataError
from usmm.utils.array_archive import read_arrays
from usmm.utils.atomic_files import atomic_binary
from usmm.utils.digests import code_digest, value_digest
from usmm.utils.plain_json import read_plain_json

FACTS = 'facts'  # the entry of the archive that holds the JSON

# packages that turn files into pixels
DECODERS = (
    'av', 'numpy', 'opencv-contrib-python', 'opencv-python', 'opencv-python-headless', 'pillow', 'pydicom', 'pyjpegls',
    'pylibjpeg', 'pylibjpeg-openjpeg', 'pylibjpeg-rle',
)  # fmt: skip


class ArrayStore:
    """A folder of entries, each some arrays and some facts, found by a key.

    Several processes may share a folder: an entry is written under a temporary name and renamed, and both of two
    writers write the same. A damaged entry reads as absent. A folder that cannot be written costs a warning, not the
    run.

    Args:
        folder: Made when the first entry is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f'ArrayStore({str(self.folder)!r})'

    def path(self, key: str) -> Path:
        """The file of an entry."""
        return self.folder / key[:2] / f'{key[2:]}.npz'

    def get(self, key: str) -> tuple[dict[str, np.ndarray], Any] | None:
        """Arrays and facts of an entry, or None where it is absent or damaged."""
        try:
            arrays = read_arrays(self.path(key))  # checks the CRC of each
            return arrays, read_plain_json(arrays.pop(FACTS).tobytes(), constants=True)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, MemoryError) as error:
            print_log(f'{self.path(key)} is damaged ({error}) and will be made anew', 'current', logging.WARNING)
            return None

    def put(self, key: str, arrays: dict[str, np.ndarray], facts: object) -> None:
        """Write an entry.

        Args:
            key: Hexadecimal digest of everything that the entry depends on.
            arrays: Name -> array; a name may hold `/`.
            facts: Anything that JSON can hold.
        """
        encoded = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
        self._write(self.path(key), lambda file: np.savez(file, **arrays, **{FACTS: encoded}))  # type: ignore[arg-type]

    def digest(self, file: Path) -> str:
        """SHA-256 of a file; kept by path and `file_state`, so that new workers need not read it again."""
        note = self.folder / 'digests' / value_digest([str(file.absolute()), file_state(file)])
        try:
            text = note.read_text(encoding='ascii')
        except (OSError, UnicodeDecodeError):
            text = ''
        if len(text) == 64 and not text.strip('0123456789abcdef'):
            return text
        found = data_digest(file)
        self._write(note, lambda file: file.write(found.encode('ascii')))
        return found

    def _write(self, path: Path, save: Callable[[BinaryIO], object]) -> None:
        """Write a file whole or not at all."""
        try:
            with atomic_binary(path, sync=False) as file:  # an entry that a loss of power damages is made again
                save(file)
        except OSError as error:
            message = f'the cache {self.folder} cannot be written ({error}); going on without'
            print_log(message, 'current', logging.WARNING)


def digests(store: ArrayStore | None, files: Iterable[Path], case: str | None = None) -> list[str]:
    """Digests of files, through a store where there is one. Raises DataError for a file that cannot be read."""
    result = []
    for file in files:
        try:
            result.append(data_digest(file) if store is None else store.digest(file))
        except OSError as error:
            raise DataError(f'cannot be read: {error}', file=file, case=case) from error
    return result


def made_by() -> str:
    """A digest of the code that makes the entries (this room and the readers) and of the versions of the decoders.

    With new code, or another decoder, entries are made anew.
    """
    code = code_digest(Path(__file__).parent, *map(Path, usmm.readers.__path__))
    return value_digest([code, {name: _version(name) for name in DECODERS}])


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # OpenCV comes by several names
        return None
