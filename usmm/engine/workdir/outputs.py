"""What a work directory holds: predictions.csv, metrics.json, checkpoints; written whole or not at all."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from usmm.engine.specs import Checkpoint
from usmm.weights import read_checkpoint

COLUMNS = ('case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred')


@contextmanager
def replacing(path: Path, verify: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """A temporary path beside `path`: flushed to the disk, verified and moved over it when the block ends well.

    Args:
        path: What is written; when anything fails, what stood there stays.
        verify: Raises ValueError where the file at the path that it gets, read back from the disk, is damaged.

    Raises:
        OSError: It cannot be written, or did not come back as it was written.
    """
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open('rb+') as file:
            os.fsync(file.fileno())
            if hasattr(os, 'posix_fadvise'):
                # what is verified then comes from the disk, not from the memory that was just written
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if verify is not None:
            try:
                verify(temporary)
            except ValueError as error:
                raise OSError(errno.EIO, str(error)) from error
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, f'cannot write {path}: {error.strerror or error}') from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the temporary files that a process left in a folder when it was killed."""
    for path in folder.glob('.*'):
        if path.is_file() and re.fullmatch(r'\..+\.(\d+|[0-9a-f]{32})', path.name):
            path.unlink(missing_ok=True)


def check_whole(path: Path) -> None:
    """Check the checksums of every entry of a checkpoint, which torch itself does not do when it loads one.

    Raises:
        ValueError: The file is cut off or changed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.testzip()
    except FileNotFoundError:
        raise ValueError(f'no checkpoint at {path}') from None
    except Exception as error:  # a changed header can ask zipfile for anything
        raise ValueError(f'{path} is damaged: {error}') from error
    if entry is not None:
        raise ValueError(f'{path} is damaged: the checksum of {entry} is wrong')


def check_room(folder: Path, largest: int, total: int) -> None:
    """Find out before a run whether it can save, by reserving a file of the size of its checkpoints.

    Args:
        folder: Where files will be written.
        largest: Bytes of the largest of them.
        total: Bytes of all that are there at the same time.

    Raises:
        OSError: The folder cannot be written, or has no room.
    """
    probe = folder / f'.room.{os.getpid()}'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with probe.open('wb') as file:
            file.write(b'usmm')
            file.flush()
            _reserve(file.fileno(), largest)
            os.fsync(file.fileno())
    except OSError as error:
        text = f'cannot save checkpoints of {_mebibytes(largest)} in {folder}: {error.strerror}'
        raise OSError(error.errno, text) from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    if (free := shutil.disk_usage(folder).free) < total:
        text = f'checkpoints in {folder} need {_mebibytes(total)}, and {_mebibytes(free)} are free'
        raise OSError(errno.ENOSPC, text)


def check_folder(folder: Path) -> None:
    """Find out at once whether files can be written into a folder; it is made if there is none.

    Raises:
        OSError: They cannot: it is a file, may not be written, or has no room.
    """
    probe = folder / f'.probe.{os.getpid()}'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b'usmm')
    except OSError as error:
        # mkdir says of a file that it exists
        text = 'it is a file, no folder' if folder.exists() and not folder.is_dir() else error.strerror or str(error)
        raise OSError(error.errno, f'cannot write into {folder}: {text}') from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file; numbers that are not finite become null, as JSON knows no NaN."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_plain(content), indent=2, allow_nan=False) + '\n', encoding='utf-8')


def save_checkpoint(path: Path, state: Mapping[str, torch.Tensor], meta: Mapping[str, object]) -> None:
    """Save weights with plain metadata, loadable with `weights_only=True`."""
    with replacing(path, check_whole) as temporary, temporary.open('wb') as file:
        torch.save({'state_dict': dict(state), 'meta': _plain(meta)}, file)


def load_weights(path: Path) -> Checkpoint:
    """A checkpoint's content, on the CPU; code inside it is refused.

    Raises:
        ValueError: The file is missing, is no checkpoint, or holds more than tensors and plain values.
    """
    content = read_checkpoint(path, training=True)
    if not isinstance(content, dict) or 'state_dict' not in content:
        raise ValueError(f'{path} has no state_dict')
    return cast(Checkpoint, content)


def prediction_rows(
    rows: Iterable[Mapping[str, Any]], part: str, fold: int | None, seed: int, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of predictions.csv from a metric's rows (case_id, patient_id, label, scores)."""
    return [
        {
            'case_id': row['case_id'],
            'patient_id': row['patient_id'],
            'part': part,
            'fold': '' if fold is None else fold,
            'seed': seed,
            'label': '' if row['label'] is None else classes[row['label']],
            'pred': classes[int(np.argmax(row['scores']))],
            **{f'prob_{name}': float(score) for name, score in zip(classes, row['scores'], strict=True)},
        }
        for row in rows
    ]


def write_predictions(path: Path, rows: Sequence[Mapping[str, object]], classes: Sequence[str]) -> None:
    """Write predictions.csv: case_id, patient_id, part, fold, seed, label, pred, prob_<class>..."""
    columns = [*COLUMNS, *[f'prob_{name}' for name in classes]]
    with replacing(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """The rows of predictions.csv, probabilities as floats.

    Raises:
        ValueError: The file lacks one of the columns of the contract.
    """
    with Path(path).open(newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f'{path} is no predictions table: it has no columns {missing}')
        return [{k: float(v) if k.startswith('prob_') else v for k, v in row.items()} for row in reader]


def _sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; without this a loss of power can undo a rename."""
    if os.name != 'posix':
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # this file system has nothing to do for a folder
            raise
    finally:
        os.close(handle)


def _reserve(handle: int, size: int) -> None:
    if hasattr(os, 'posix_fallocate') and size > 0:
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # not on this file system
                raise


def _mebibytes(size: int) -> str:
    return f'{size / 2**20:.1f} MiB'


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
