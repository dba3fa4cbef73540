"""A manifest of a data set: the SHA-256 of every file, so that a later run can tell what changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usmm.datasets.table_problem import Problem
from usmm.readers import DataError
from usmm.utils.atomic_files import write_text
from usmm.utils.plain_json import read_json_object

VERSION = 1
Digests = Mapping[Path, tuple[str, int]]


@dataclass(frozen=True)
class Manifest:
    """The files of a data set as a check found them, to be written when its report is out.

    Args:
        path: The manifest, a JSON file.
        root: Names in the manifest are relative to this folder.
        digests: File -> SHA-256 and length in bytes.
    """

    path: Path
    root: Path
    digests: Digests

    def write(self) -> str:
        """Write it, and return a line that states so.

        Raises:
            OSError: It cannot be written.
        """
        write_manifest(self.path, self.root, self.digests)
        return f'manifest of {len(self.digests)} files written to {self.path}'


def write_manifest(path: str | Path, root: str | Path, digests: Digests) -> None:
    """Write a manifest, whole or not at all; entries of files that are there but not among these stay.

    It states the folder of the data as well, see `root_of`.

    Args:
        path: The manifest, a JSON file.
        root: Names in the manifest are relative to this folder.
        digests: File -> SHA-256 and length in bytes.

    Raises:
        DataError: There is a file of this name, which is no manifest.
    """
    path, root = Path(path), Path(root)
    entries = read_manifest(path) if path.is_file() else {}
    entries = {name: entry for name, entry in entries.items() if (root / name).is_file()}
    entries |= {_name(file, root): entry for file, entry in digests.items()}
    files = {name: dict(sha256=sha256, bytes=size) for name, (sha256, size) in sorted(entries.items())}
    write_text(path, json.dumps(dict(version=VERSION, root=str(root.resolve()), files=files), indent=1))


def read_manifest(path: str | Path) -> dict[str, tuple[str, int]]:
    """Name -> SHA-256 and length in bytes. Raises DataError where the file is no manifest."""
    try:
        files = read_json_object(path)['files']
        return {str(name): (str(entry['sha256']), int(entry['bytes'])) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'no manifest of a data set ({type(error).__name__}: {error})', file=path) from error


def root_of(path: str | Path) -> Path | None:
    """The folder of the data that a manifest is of; None where there is none or it is an older one, without it."""
    try:
        root = json.loads(Path(path).read_text(encoding='utf-8'))['root']
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Path(root) if isinstance(root, str) else None


def compare_manifest(path: str | Path, root: str | Path, digests: Digests) -> list[Problem]:
    """What changed since a manifest was written: problems of kind `changed`, `added` and `removed`, in that order.

    A file that this config does not name is not removed as long as it is there: configs of one data set share a
    manifest.

    Args:
        path: The manifest.
        root, digests: As in `write_manifest`, of the data set as it is now.
    """
    old, root = read_manifest(path), Path(root)
    new = {_name(file, root): entry for file, entry in digests.items()}
    changed = [name for name in sorted(set(old) & set(new)) if old[name][0] != new[name][0]]
    removed = [name for name in sorted(set(old) - set(new)) if not (root / name).is_file()]
    words = {
        'changed': (changed, 'the content differs from that in the manifest'),
        'added': (sorted(set(new) - set(old)), 'the file is not in the manifest'),
        'removed': (removed, 'the file of the manifest is gone'),
    }
    return [Problem(kind, None, root / name, None, text) for kind, (names, text) in words.items() for name in names]


def _name(file: Path, root: str | Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()
