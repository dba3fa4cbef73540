"""Arrays of an .npz file: sizes are compared with the bytes that are there before memory is taken."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from usmm.utils.unpacking import open_archive, read_entry

SUFFIX = '.npy'
MAX_ENTRIES = 10_000
MAX_HEADER = 10_000  # characters of the description of an array, as numpy limits them


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of `numpy.savez` by name.

    Args:
        path: The file. It is not compressed, as `numpy.savez` writes it, so that it is as large as its arrays.

    Raises:
        ValueError: It is damaged, compressed, holds objects, or an array whose shape does not fit its bytes.
        OSError: It cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, 'a.npz'), a=np.arange(3))
        ...     read_arrays(Path(folder, 'a.npz'))
        {'a': array([0, 1, 2])}
    """
    with open_archive(path) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise ValueError(f'it has {len(entries)} entries, over the limit of {MAX_ENTRIES}')
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError('its archive is compressed')
        size = path.stat().st_size
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError(f'its archive unpacks to more than the {size} bytes that it has')
        return {entry.filename.removesuffix(SUFFIX): _array(archive, entry) for entry in entries}


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    name = repr(entry.filename[:100])
    with archive.open(entry) as file:
        try:
            major, _ = npy.read_magic(file)  # type: ignore[arg-type]
            shape, fortran, kind = npy.read_array_header_1_0(file, MAX_HEADER)  # type: ignore[arg-type]
        except Exception as error:  # numpy raises what comes, TokenError and the like
            raise ValueError(f'its entry {name} has a description that cannot be read') from error
        start = file.tell()
    need = math.prod(shape) * kind.itemsize
    # the formats 2 and 3 are for descriptions over 64 KiB and names of fields, which no cache has
    if major != 1 or kind.hasobject or min(shape, default=0) < 0:
        raise ValueError(f'its entry {name} has the format {major} of numpy, the type {kind} and the shape {shape}')
    if need != entry.file_size - start:
        raise ValueError(f'its entry {name} states {need} bytes, and {entry.file_size - start} are there')
    content = bytearray(read_entry(archive, entry, entry.file_size))  # an array of it can be changed
    found = np.frombuffer(content, kind, math.prod(shape), start)
    return found.reshape(shape, order='F' if fortran else 'C')
