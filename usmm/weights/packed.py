"""Weights in a .zip of a published folder: unpacked as far as they fit what they state, and no further."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO

from usmm.utils import work_files
from usmm.utils.unpacking import entry_chunks, open_archive
from usmm.weights import weight_limits


def unpack_weights(path: Path, file: BinaryIO) -> None:
    """Unpack the safetensors file of an archive. Nothing else in it is unpacked.

    Args:
        path: The archive.
        file: Where the weights go; flushed.

    Raises:
        ValueError: The archive is damaged, has no such file or several, or one that is a link, too large, or far larger
            than it is packed. Says what is wrong; without the archive's name.
        OSError: It cannot be read, or the weights cannot be written.
    """
    with open_archive(path) as archive:
        entries = [e for e in archive.infolist() if e.filename.rpartition('/')[2] == work_files.PUBLISHED]
        if len(entries) != 1:
            raise ValueError(f'it must have one {work_files.PUBLISHED}, and has {len(entries)}')
        kind = stat.S_IFMT(entries[0].external_attr >> 16)  # as Unix has it; 0 where it is not stated
        if kind not in (0, stat.S_IFREG):
            what = 'a link' if kind == stat.S_IFLNK else 'not a regular file'
            raise ValueError(f'its entry {entries[0].filename[:100]!r} is {what}: pack the file itself')
        packed, size = min(entries[0].compress_size, path.stat().st_size), entries[0].file_size
        # trained weights hardly shrink; what shrinks to a hundredth is a way to fill a disk
        most = min(weight_limits.MAX_BYTES, weight_limits.MAX_RATIO * packed + weight_limits.SMALL_BYTES)
        if size > most:
            raise ValueError(
                f'its {work_files.PUBLISHED} of {packed} bytes unpacks to {size}, over the limit of {most}'
            )
        for chunk in entry_chunks(archive, entries[0], most):
            file.write(chunk)
        file.flush()
