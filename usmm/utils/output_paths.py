"""Paths that a command writes to, checked before it starts to work."""

from __future__ import annotations

from pathlib import Path


def check_folder_path(folder: Path) -> None:
    """Check that a folder can be there: neither it nor a folder above it is a file. Nothing is made.

    Raises:
        NotADirectoryError: One of them is a file, or a link to nothing.
    """
    for path in (folder, *folder.parents):
        if path.is_symlink() and not path.exists():
            what = 'it' if path == folder else str(path)
            text = f'{what} is a link to {path.readlink()}, which is not there'
            raise NotADirectoryError(f'cannot write into {folder}: {text}')
        if path.exists():
            if not path.is_dir():
                what = 'it' if path == folder else str(path)
                raise NotADirectoryError(f'cannot write into {folder}: {what} is a file, not a folder')
            return


def check_file_path(file: Path) -> None:
    """Check that a file can be written: it is not a folder, and no folder above it is a file. Nothing is made.

    Raises:
        IsADirectoryError: It is a folder.
        NotADirectoryError: A folder above it is a file.
    """
    if file.is_dir():
        raise IsADirectoryError(f'{file} is a folder; give it the name of a file')
    check_folder_path(file.parent)
