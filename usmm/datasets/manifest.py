"""A manifest of a data set: the SHA-256 of every file, so that a later run can tell what changed."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from usmm.datasets.case_table import Problem
from usmm.readers import DataError

VERSION = 1


def write_manifest(path: str | Path, root: str | Path, digests: Mapping[Path, tuple[str, int]]) -> None:
    """Write a manifest, whole or not at all.

    Args:
        path: The manifest, a JSON file.
        root: Names in the manifest are relative to this folder.
        digests: File -> SHA-256 and length in bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {_name(file, root): dict(sha256=sha256, bytes=size) for file, (sha256, size) in digests.items()}
    part = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
    try:
        part.write_text(
            json.dumps(dict(version=VERSION, files=dict(sorted(files.items()))), indent=1), encoding='utf-8'
        )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_manifest(path: str | Path) -> dict[str, str]:
    """Name -> SHA-256 of a manifest. Raises DataError where the file is none."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        return {str(name): str(entry['sha256']) for name, entry in content['files'].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'no manifest of a data set ({type(error).__name__}: {error})', file=path) from error


def compare_manifest(path: str | Path, root: str | Path, digests: Mapping[Path, tuple[str, int]]) -> list[Problem]:
    """What changed since a manifest was written: problems of kind `changed`, `added` and `removed`, in that order.

    Args:
        path: The manifest.
        root, digests: As in `write_manifest`, of the data set as it is now.
    """
    old, root = read_manifest(path), Path(root)
    new = {_name(file, root): sha256 for file, (sha256, _) in digests.items()}
    changed = [name for name in sorted(set(old) & set(new)) if old[name] != new[name]]
    words = {
        'changed': (changed, 'the content differs from that in the manifest'),
        'added': (sorted(set(new) - set(old)), 'the file is not in the manifest'),
        'removed': (sorted(set(old) - set(new)), 'the file of the manifest is not in the data set any more'),
    }
    return [Problem(kind, None, root / name, None, text) for kind, (names, text) in words.items() for name in names]


def _name(file: Path, root: str | Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()
