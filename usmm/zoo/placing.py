"""Putting a model into the folder of a zoo so that a kill at any moment leaves the old or the new one whole.

The order: the new folder is filled under a hidden name and flushed to the disk; the index, replaced in one step, states
its files; the old folder gets a hidden name; the new one gets its own; the old one is removed. Who finds that a file is
not the one that the index states looks for it in the hidden folders (`waiting_paths`), and the next publishing moves
them to their places (`mend`). One process at a time publishes in a zoo.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from usmm.utils import work_files
from usmm.utils.atomic_files import MARK, remove_temporary_files, sync_folder
from usmm.utils.digests import file_digest
from usmm.utils.inside import open_inside
from usmm.utils.locks import FileLock, LockedError
from usmm.zoo.index import NAME, Entry

OLD = 'old'
LOCK_SECONDS = 600.0  # a publishing takes seconds


@contextmanager
def publishing(zoo: Path) -> Iterator[None]:
    """Own a zoo: no other process publishes in it during the block.

    Args:
        zoo: Its folder; made if there is none.

    Raises:
        LockedError: Another process publishes for over `LOCK_SECONDS`.
        OSError: The folder cannot be made or written.
    """
    lock = FileLock(zoo / work_files.LOCK, LOCK_SECONDS)
    try:
        zoo.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except LockedError as error:
        raise LockedError(error.errno, f'another process publishes in {zoo}; wait until it has ended') from error
    except OSError as error:
        reason = f'{error.filename or lock.path}: {error.strerror or error}'
        raise OSError(error.errno, f'cannot publish in {zoo}: {reason}') from error
    try:
        yield
    finally:
        lock.release()


def new_place(zoo: Path, name: str) -> Path:
    """An empty folder that is to become the one of a model; hidden until `place` is called."""
    folder = zoo / f'.{name}.{secrets.token_hex(4)}.{MARK}'
    folder.mkdir()
    return folder


def sync_files(folder: Path) -> None:
    """Flush the files of a folder and their names to the disk."""
    for path in folder.iterdir():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    sync_folder(folder)
    sync_folder(folder.parent)


def place(folder: Path, zoo: Path, name: str) -> None:
    """Give a filled folder, whose files the index states already, the name of its model.

    Raises:
        OSError: It cannot be renamed; the model is then found under the hidden name.
    """
    target = zoo / name
    if target.exists():
        target.rename(zoo / f'.{name}.{secrets.token_hex(4)}.{OLD}')
    folder.rename(target)
    sync_folder(zoo)
    for old in _hidden(zoo, name):
        shutil.rmtree(old, ignore_errors=True)


def mend(zoo: Path, entries: Mapping[str, Entry]) -> None:
    """Finish what a process that was killed while publishing began, and remove what it left. Only in `publishing`.

    Args:
        zoo: The folder of the zoo.
        entries: Its index.
    """
    remove_temporary_files(zoo)
    for name, entry in entries.items():
        hidden = _hidden(zoo, name)
        whole = [folder for folder in hidden if _is_whole(zoo, name, entry, folder.name)]
        # one whose card is the published one as well is new, even if the weights are those that stand there
        new = [folder for folder in whole if _has_card(folder, entry)]
        if new or (whole and not _is_whole(zoo, name, entry)):
            place((new or whole)[0], zoo, name)
    for folder in _hidden(zoo):
        name = folder.name[1:].rsplit('.', 2)[0]
        if NAME.fullmatch(name) is None:
            continue  # not of a publishing
        # the last copy of a model stays, even one that the index does not state
        if folder.suffix == f'.{OLD}' and not (zoo / name).exists():
            folder.rename(zoo / name)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def waiting_paths(zoo: Path, path: str) -> list[str]:
    """Where a file of a model is while its publishing is not finished, relative to the zoo.

    Args:
        zoo: The folder of the zoo.
        path: Where the index says that it is.
    """
    name, _, rest = path.partition('/')
    return [f'{folder.name}/{rest}' for folder in _hidden(zoo, name)] if rest else []


def _hidden(zoo: Path, name: str = '*') -> list[Path]:
    """The folders that publishing made and did not finish, in the order of their names."""
    pattern = name if name == '*' else glob.escape(name)
    random = '[0-9a-f]' * 8
    found = [*zoo.glob(f'.{pattern}.{random}.{MARK}'), *zoo.glob(f'.{pattern}.{random}.{OLD}')]
    return sorted(folder for folder in found if folder.is_dir() and not folder.is_symlink())


def _has_card(folder: Path, entry: Entry) -> bool:
    card = folder / entry.page.rpartition('/')[2]
    return bool(entry.page_sha256) and card.is_file() and file_digest(card) == entry.page_sha256


def _is_whole(zoo: Path, name: str, entry: Entry, folder: str | None = None) -> bool:
    """Whether a folder (default: the one of the model) has every file as the index states it."""
    for file in entry.files:
        first, _, rest = file.path.partition('/')
        where = f'{folder}/{rest}' if folder and first == name else file.path
        try:
            with open_inside(zoo, where, file.size):
                pass
            if file_digest(zoo / where) != file.sha256:
                return False
        except OSError:
            return False
    return True
