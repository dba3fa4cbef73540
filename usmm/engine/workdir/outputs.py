"""JSON files and checkpoints of a work directory, and checks that they can be written and are intact."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import numpy as np
import torch

from usmm.engine.specs import Checkpoint
from usmm.utils import work_files
from usmm.utils.atomic_files import atomic_binary, write_text
from usmm.utils.output_paths import check_folder_path
from usmm.weights import read_checkpoint


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
    check_folder_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b'usmm')
    except OSError as error:
        raise OSError(error.errno, f'cannot write into {folder}: {error.strerror or error}') from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def check_unused(folder: Path, stages: Sequence[str], stage: str | None = None) -> None:
    """See that a training destroys no run of its work directory.

    Args:
        folder: The work directory.
        stages: Names of the stages, in order.
        stage: The stage that is to run alone: the ones before it may be done.

    Raises:
        ValueError: There are checkpoints or results of a run.
    """
    names = list(stages)
    later = names[names.index(stage) :] if stage in names else names
    found = [folder / work_files.WEIGHTS] if stage is None else []
    found += [path for name in later for path in sorted((folder / name).glob('*.pth'))]
    there = [str(path.relative_to(folder)) for path in found if path.is_file()]
    if there:
        raise ValueError(
            f'{folder} holds a run already ({", ".join(there[:3])}{", ..." if len(there) > 3 else ""}): go on with it '
            '(--resume, in Python resume=True), start over and lose it (--overwrite, overwrite=True), or choose '
            'another work_dir'
        )


def check_no_folds(folder: Path) -> None:
    """See that a training replaces no results of a cross-validation.

    Args:
        folder: The work directory of the training.

    Raises:
        ValueError: The folder holds a cross-validation.
    """
    if (folder / work_files.SUMMARY).is_file() or (folder / f'{work_files.FOLD_PREFIX}0').is_dir():
        raise ValueError(f'{folder} holds a cross-validation, whose results a run would replace: use another work_dir')


def check_no_run(folder: Path, checkpoint: str | Path) -> None:
    """See that results of a test replace none of a training, and none of other weights.

    Args:
        folder: Where they will be written.
        checkpoint: The weights that are tested.

    Raises:
        ValueError: The folder holds a run, a cross-validation, or a test of other weights.
    """
    there = [name for name in (work_files.WEIGHTS, work_files.STAGES, work_files.SUMMARY) if (folder / name).is_file()]
    if there:
        raise ValueError(
            f'{folder} holds the results of a training ({there[0]}), which those of a test would replace: name another '
            'folder with --work-dir'
        )

    try:
        before = json.loads((folder / work_files.METRICS).read_text(encoding='utf-8')).get('checkpoint')
    except (OSError, ValueError, AttributeError):
        return
    if before is not None and Path(before).absolute() != Path(checkpoint).absolute():
        raise ValueError(
            f'{folder} holds a test of other weights ({before}): name another folder with --work-dir, or remove it'
        )


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file; numbers that are not finite become null, as JSON knows no NaN."""
    write_text(path, json.dumps(_plain(content), indent=2, allow_nan=False) + '\n')


def save_checkpoint(path: Path, state: Mapping[str, torch.Tensor], meta: Mapping[str, object]) -> None:
    """Save weights with plain metadata, loadable with `weights_only=True`."""
    with atomic_binary(path, check_whole) as file:
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
