"""Types of command-line arguments: values that are checked while the command line is read.

Each takes the text of an argument and returns its value, or raises `argparse.ArgumentTypeError`, whose message argparse
puts behind the name of the argument.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from usmm.utils import work_files
from usmm.utils.locations import find_config
from usmm.utils.output_paths import check_file_path, check_folder_path


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A whole number in a range.

    Args:
        low: The smallest.
        high: The largest; None: any.

    Example:
        >>> whole(1)('3')
        3
        >>> whole(0, 16)('17')
        Traceback (most recent call last):
        argparse.ArgumentTypeError: expected a whole number from 0 to 16, got '17'
    """
    wanted = f'of {low} or more' if high is None else f'from {low} to {high}'

    def value(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f'expected a whole number {wanted}, got {text!r}')
        return number

    return value


def out_folder(text: str) -> str:
    """A folder for results, which may have to be made; a file in its place is an error, and so is no name."""
    if not text.strip():
        raise argparse.ArgumentTypeError('the name of the folder is empty')
    try:
        check_folder_path(Path(text))
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def out_file(text: str) -> str:
    """A file for results; a folder in its place is an error."""
    try:
        check_file_path(Path(text))
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def config_file(text: str) -> str:
    """A config by its path or name; a folder is an error that names the config inside it, if there is one."""
    folder = Path(text)
    if folder.is_dir():
        try:
            find_config(text)  # a work directory is often named like its config
        except FileNotFoundError:
            raise argparse.ArgumentTypeError(_instead_of_folder(folder)) from None
    return text


def _instead_of_folder(folder: Path) -> str:
    text = f'{folder} is a folder, expected the path or name of a config'
    if (folder / work_files.CONFIG).is_file():
        text += f'; give {folder / work_files.CONFIG}'
        weights = [folder / name for name in (work_files.WEIGHTS, work_files.PUBLISHED) if (folder / name).is_file()]
        text += f', whose weights are {weights[0]}' if weights else ''
    return text
