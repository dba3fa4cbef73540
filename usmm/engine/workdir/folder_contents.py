"""What a work directory holds, so that one kind of work does not overwrite another."""

from __future__ import annotations

from pathlib import Path

from usmm.utils import work_files

RUN, CROSS_VALIDATION, STUDY = 'a run', 'a cross-validation', 'a study'
ACTIVE_LEARNING = 'an active-learning run'


def contents_of(folder: Path) -> list[str]:
    """Kinds of work whose files are in a folder; several where an earlier version has written one beside the other.

    Args:
        folder: A work directory, or a folder that does not exist yet.

    Example:
        >>> contents_of(Path('does_not_exist'))
        []
    """
    folds = any((f / work_files.CONFIG).is_file() for p in work_files.FOLD_PATTERNS for f in folder.glob(p))
    present = {
        RUN: (folder / work_files.WEIGHTS).is_file() or any(folder.glob(f'*/{work_files.SELECTED}')),
        CROSS_VALIDATION: (folder / work_files.SUMMARY).is_file() or folds,
        STUDY: (folder / work_files.ROWS).is_dir(),
        ACTIVE_LEARNING: (folder / work_files.SETTINGS).is_file(),
    }
    return [kind for kind, is_there in present.items() if is_there]


def check_contents(folder: Path, expected: str) -> None:
    """See that a folder is empty of other work before work of one kind starts in it.

    Args:
        folder: The work directory.
        expected: Kind of the work that is to start or to go on.

    Raises:
        ValueError: The folder holds another kind of work.
    """
    kinds = contents_of(folder)
    if kinds and expected not in kinds:
        raise ValueError(
            f'{folder} holds {" and ".join(kinds)}, and {expected} would write over its files: choose another work_dir'
        )
