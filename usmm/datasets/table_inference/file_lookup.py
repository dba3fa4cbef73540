"""Names of files in cells -> files: relative to the table or to one of its folders, in any spelling."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from usmm.datasets.file_cells import CLIP_SUFFIXES, IMAGE_SUFFIXES
from usmm.datasets.table_inference.name_words import natural

MOST_FILES = 200_000
SUFFIXES = IMAGE_SUFFIXES | CLIP_SUFFIXES
SEPARATORS = (';', '&', '|', '\n', ',')
PLACEHOLDER = re.compile(r'\{([^{}]+)\}')


@dataclass(frozen=True)
class CellFiles:
    """The files that a cell names.

    Args:
        files: Those that exist.
        absent: Names of those that do not.
        unclear: Names that several files have.
        how: Ways in which the names differ from the files: `'folder'`, `'case'`, `'suffix'`.
    """

    files: tuple[Path, ...] = ()
    absent: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    how: frozenset[str] = frozenset()


class FileLookup:
    """Finds the files that cells of a table name.

    Args:
        folder: Folder of the table.
        roots: Further folders; of several files of one name, those in these folders count.

    Raises:
        ValueError: One of the roots is not a folder.
    """

    def __init__(self, folder: Path, roots: Sequence[Path] = ()) -> None:
        for root in roots:
            if not root.is_dir():
                raise ValueError(
                    f'expected a folder of images, got {str(root)!r}: --image-root needs an existing folder'
                )
        self.folder = folder.absolute()
        self.stated = tuple(Path(os.path.normpath(root.absolute())) for root in roots)
        self.roots = (self.folder, *self.stated)

    @cached_property
    def files(self) -> list[Path]:
        """All images and clips below the folders; hidden folders are left out.

        Raises:
            ValueError: There are more files than can be looked through.
        """
        listed: dict[Path, None] = {}
        count = 0
        for root in self.roots:
            for folder, folders, names in os.walk(root):
                folders[:] = sorted(name for name in folders if not name.startswith('.'))
                count += len(names)
                if count > MOST_FILES:
                    raise ValueError(
                        f'{root} holds more than {MOST_FILES} files: move the table, or the images, to a smaller folder'
                    )
                listed.update({Path(folder, n): None for n in sorted(names) if Path(n).suffix.lower() in SUFFIXES})
        return list(listed)

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        return _grouped((_key(path.name), path) for path in self.files)

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        return _grouped((_key(path.stem), path) for path in self.files)

    def cell(self, text: str, bare: bool = False) -> CellFiles:
        """The files of a cell, which may name several.

        Args:
            text: The cell.
            bare: Whether names may lack their suffix.
        """
        if (path := self._exact(text)) is not None:
            return CellFiles((path,))
        for mark in SEPARATORS:
            parts = [part.strip() for part in text.split(mark) if part.strip()]
            if len(parts) > 1 and all(bare or has_suffix(part) for part in parts):
                return _united([self._one(part, bare) for part in parts])
        return self._one(text, bare)

    def matching(self, pattern: str, row: dict[str, str | None]) -> CellFiles:
        """The files whose path, from one of the folders, matches a pattern with the cells of a row in it.

        Args:
            pattern: Such as `'clips/{patient_id}_*.mp4'`; `*` is any text without a slash.
            row: Column -> cell.

        Raises:
            ValueError: The pattern names a column that the row does not have, or is not a pattern of file names.
        """
        for name in PLACEHOLDER.findall(pattern):
            if name not in row:
                raise ValueError(
                    f'the pattern {pattern!r} names {name!r}, which is not a column; columns: {list(row)[:20]}'
                )
            if row[name] is None:
                return CellFiles()
        text = PLACEHOLDER.sub(lambda match: re.sub(r'([*?\[])', r'[\1]', str(row[match[1]])), pattern)
        roots = self.roots
        if Path(text).is_absolute():
            anchor = Path(text).anchor
            roots, text = (Path(anchor),), text[len(anchor) :]
        forms = dict.fromkeys([text, *(unicodedata.normalize(form, text) for form in ('NFC', 'NFD'))])
        for root in roots:
            try:
                matches = {path for form in forms for path in root.glob(form) if path.is_file()}
            except (ValueError, NotImplementedError) as error:
                raise ValueError(f'{pattern!r} is not a pattern of file names: {error}') from error
            if matches:
                return CellFiles(tuple(sorted(matches, key=lambda path: natural(path.name))))
        return CellFiles(absent=(text,))

    def _exact(self, text: str) -> Path | None:
        """The file that a name is the path of, from the folder of the table."""
        for form in dict.fromkeys([text, text.replace('\\', '/')]):
            path = Path(os.path.normpath(self.folder / form)) if _is_short(form) else None
            if path is not None and has_suffix(form) and path.is_file():
                return path
        return None

    def candidates(self, text: str, bare: bool = False) -> list[Path]:
        """All files that one name may mean.

        Args:
            text: A name, with or without folders.
            bare: Whether it may lack its suffix.
        """
        parts = _parts(text)
        if not parts or not (bare or has_suffix(parts[-1])):
            return []
        name, folders = _key(parts[-1]), [_key(part) for part in parts[:-1]]
        group = self._by_name.get(name, [])
        group = group or (self._by_stem.get(name, []) if bare else [])
        group = _best_tail(group, folders)
        if len(parts) > 1 and group and not _agreement(group[0], folders):
            return []  # another folder's file of this name may be another patient's
        if len(group) > 1:
            exact = unicodedata.normalize('NFC', parts[-1])
            group = [path for path in group if unicodedata.normalize('NFC', path.name) == exact] or group
        if len(group) > 1:
            group = [path for path in group if any(path.is_relative_to(root) for root in self.stated)] or group
        return group

    def described(self, names: Sequence[str], bare: bool = False) -> str:
        """Names that several files have, with these files as a person would write them.

        Args:
            names: Such names.
            bare: Whether they may lack their suffix.
        """
        texts = []
        for name in names[:2]:
            paths = self.candidates(name, bare)
            near = [os.path.relpath(path, self.folder) for path in paths[:3]]
            more = f' and {len(paths) - 3} more' if len(paths) > 3 else ''
            texts.append(f'{name!r} is the name of {len(paths)} files ({", ".join(near)}{more})')
        return '; '.join(texts) + (f'; and {len(names) - 2} more names' if len(names) > 2 else '')

    def _one(self, text: str, bare: bool) -> CellFiles:
        if (path := self._exact(text)) is not None:
            return CellFiles((path,))
        parts = _parts(text)
        group = self.candidates(text, bare)
        if len(group) != 1:
            return CellFiles(unclear=(text,)) if group else CellFiles(absent=(text,))
        name = _key(parts[-1])
        how = {'suffix'} if _key(group[0].name) != name else {'case'} if group[0].name != parts[-1] else set()
        return CellFiles((group[0],), how=frozenset(how | {'folder'}))


def _parts(text: str) -> list[str]:
    return [part for part in PurePosixPath(text.replace('\\', '/')).parts if part not in ('/', '.', '..')]


def has_suffix(name: str) -> bool:
    """Whether a name ends like an image or a clip.

    Example:
        >>> has_suffix('a.PNG'), has_suffix('no. 5')
        (True, False)
    """
    return Path(name.strip()).suffix.lower() in SUFFIXES


def _key(name: str) -> str:
    """A name without what differs between file systems: case, and accents as one character or as two (NFC, NFD)."""
    return unicodedata.normalize('NFC', name).lower()


def _is_short(text: str) -> bool:
    return len(text) < 1000 and '\0' not in text


def _best_tail(paths: Sequence[Path], folders: Sequence[str]) -> list[Path]:
    """The paths whose last folders agree best with the ones that are named."""
    best = max((_agreement(path, folders) for path in paths), default=0)
    return [path for path in paths if _agreement(path, folders) == best]


def _agreement(path: Path, folders: Sequence[str]) -> int:
    """How many of the folders above a file, from the last one on, are those that are named."""
    own = [_key(part) for part in path.parts[:-1]]
    count = 0
    while count < min(len(own), len(folders)) and own[-1 - count] == folders[-1 - count]:
        count += 1
    return count


def _grouped(pairs: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for key, path in pairs:
        groups.setdefault(key, []).append(path)
    return groups


def _united(parts: Sequence[CellFiles]) -> CellFiles:
    return CellFiles(
        tuple(path for part in parts for path in part.files),
        tuple(name for part in parts for name in part.absent),
        tuple(name for part in parts for name in part.unclear),
        frozenset().union(*(part.how for part in parts)),
    )
