"""File cells of a table: paths that start from its folder, with the problem that a path has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

IMAGE_SUFFIXES = frozenset({'.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.dcm', '.dicom'})
CLIP_SUFFIXES = frozenset({'.mp4', '.avi', '.mov', '.mpeg', '.mpg', '.m4v', '.gif', '.dcm', '.dicom'})
Report = Callable[[str, str, str, Path], None]
"""Takes a problem: its kind, the message, the modality and the file."""


class FileCells:
    """Resolves the file cells of a table.

    Letters with accents are one character (NFC) or two (NFD, as macOS writes them): a cell means the file whose name
    is the same text in either form. Where a folder holds both, the cell could mean either and is a problem.

    Args:
        folder: Folder that relative paths start from.
        report: Takes the problems.
    """

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder, self.report = folder, report
        self._names_in: dict[Path, list[str]] = {}

    def files(self, cell: str | None, modality: str, suffixes: frozenset[str]) -> tuple[Path, ...]:
        """The files of a cell, absolute; `;` stands between several.

        Args:
            cell: Text of the cell, or None where it is missing.
            modality: Whose files they are, for messages.
            suffixes: Suffixes that the files may have; files without a suffix, or with a number as one, may be DICOM.
        """
        parts = [part.strip() for part in cell.split(';')] if cell else []
        return tuple(self._file(part, modality, suffixes) for part in parts if part)

    def _file(self, text: str, modality: str, suffixes: frozenset[str]) -> Path:
        path = Path(os.path.normpath(self.folder / text))
        if '\\' in text and not _is_file(path):  # a table written on Windows
            path = Path(os.path.normpath(self.folder / text.replace('\\', '/')))
        path, *others = self._same_names(path) or [path]
        suffix = path.suffix.lower()
        if others:
            words = f'{1 + len(others)} files have this name, in different Unicode forms (NFC, NFD): rename all but one'
            self.report('two_files', words, modality, path)
        elif suffix not in suffixes and not _may_be_dicom(suffix):
            self.report('suffix', f'{suffix!r} is not one of {sorted(suffixes)}', modality, path)
        elif not _is_file(path):
            self.report('no_file', f'there is no such file{self._other_case(path)}', modality, path)
        return path

    def _same_names(self, path: Path) -> list[Path]:
        """The files that a path means, whichever Unicode form its names and those on the disk have."""
        start = self.folder if path.is_relative_to(self.folder) else Path(path.anchor)
        places = [start]
        for part in path.relative_to(start).parts:
            if part.isascii():
                places = [place / part for place in places]
            else:
                name = normalize('NFC', part)
                places = [place / n for place in places for n in self._names(place) if normalize('NFC', n) == name]
        return [place for place in places if _is_file(place)] or ([path] if _is_file(path) else [])

    def _other_case(self, path: Path) -> str:
        """A hint where the folder has the name in another case (`A.PNG` for `a.png`)."""
        known = {_lower(name): name for name in self._names(path.parent)}
        name = known.get(_lower(path.name))
        return f', did you mean {name!r}?' if name else ''

    def _names(self, folder: Path) -> list[str]:
        if folder not in self._names_in:
            try:
                self._names_in[folder] = sorted(path.name for path in folder.iterdir())
            except (OSError, ValueError):
                self._names_in[folder] = []
        return self._names_in[folder]


def _lower(name: str) -> str:
    return normalize('NFC', name).lower()


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name that the system cannot have, as one too long, is of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _may_be_dicom(suffix: str) -> bool:
    """DICOM files often have no suffix, or the last number of their UID as one."""
    return not suffix or suffix[1:].isdigit()
