"""File cells of a table: paths that start from its folder, with the problem that a path has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

IMAGE_SUFFIXES = frozenset({'.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.dcm', '.dicom'})
CLIP_SUFFIXES = frozenset({'.mp4', '.avi', '.mov', '.mpeg', '.mpg', '.m4v', '.gif', '.dcm', '.dicom'})
Report = Callable[[str, str, str, Path], None]
"""Takes a problem: its kind, the message, the modality and the file."""


class FileCells:
    """Resolves the file cells of a table.

    Args:
        folder: Folder that relative paths start from.
        report: Takes the problems.
    """

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder, self.report = folder, report
        self._names_in: dict[Path, dict[str, str]] = {}

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
        suffix = path.suffix.lower()
        if suffix not in suffixes and not _may_be_dicom(suffix):
            self.report('suffix', f'{suffix!r} is not one of {sorted(suffixes)}', modality, path)
        elif not _is_file(path):
            self.report('no_file', f'there is no such file{self._other_case(path)}', modality, path)
        return path

    def _other_case(self, path: Path) -> str:
        """A hint where the folder has the name in another case (`A.PNG` for `a.png`)."""
        if path.parent not in self._names_in:
            try:
                entries = list(path.parent.iterdir())
            except (OSError, ValueError):
                entries = []
            self._names_in[path.parent] = {entry.name.lower(): entry.name for entry in entries}
        name = self._names_in[path.parent].get(path.name.lower())
        return f', did you mean {name!r}?' if name else ''


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name that the system cannot have, as one too long, is of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _may_be_dicom(suffix: str) -> bool:
    """DICOM files often have no suffix, or the last number of their UID as one."""
    return not suffix or suffix[1:].isdigit()
