"""The one error of the readers: what is wrong with which file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from usmm.readers.foreign_formats import foreign_format


class DataError(Exception):
    """Data that cannot be used, with everything known about where they are.

    Args:
        cause: What is wrong: what was expected and what came.
        file: The file.
        case: Case id.
        modality: Name of the modality.

    Example:
        >>> str(DataError('is empty', file='a.png').at(case='c1', modality='bus'))
        'is empty (file a.png, case c1, modality bus)'
    """

    def __init__(
        self, cause: str, *, file: str | Path | None = None, case: str | None = None, modality: str | None = None
    ) -> None:
        super().__init__(cause)
        self.cause, self.file, self.case, self.modality = cause, file, case, modality

    def at(self, file: str | Path | None = None, case: str | None = None, modality: str | None = None) -> DataError:
        """A copy with what is given filled in; what is not given stays as it was."""
        return DataError(
            self.cause,
            file=self.file if file is None else file,
            case=self.case if case is None else case,
            modality=self.modality if modality is None else modality,
        )

    def __str__(self) -> str:
        known = [f'{k} {v}' for k in ('file', 'case', 'modality') if (v := getattr(self, k)) is not None]
        return f'{self.cause} ({", ".join(known)})' if known else self.cause

    def __reduce__(self) -> tuple[object, ...]:
        # The default rebuilds from `args` alone and would lose the keywords on the way out of a worker process.
        return _rebuild, (self.cause, self.file, self.case, self.modality)


def _rebuild(cause: str, file: str | Path | None, case: str | None, modality: str | None) -> DataError:
    return DataError(cause, file=file, case=case, modality=modality)


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a `DataError`: decoders meet hostile bytes with errors of every type.

    Args:
        path: The file being read.
        what: What the file was taken for, for the message.

    Raises:
        DataError: for any exception in the block.
    """
    try:
        yield
    except DataError as error:
        if error.file is None:
            raise error.at(file=path) from error.__cause__
        raise
    except MemoryError as error:
        raise DataError(f'{what} needs more memory than there is', file=path) from error
    except Exception as error:
        if (foreign := foreign_format(path)) is not None:
            raise DataError(f'cannot be read as {what}: it is {foreign}', file=path) from error
        raise DataError(f'cannot be read as {what}: {_reason(error)}', file=path) from error


def _reason(error: BaseException) -> str:
    """One line: the error and, where it was raised from another one, the first of them."""
    text = ' '.join(str(error).split())[:300] or 'no reason given'
    first = error
    while first.__cause__ is not None:
        first = first.__cause__
    return f'{type(error).__name__}: {text}' + ('' if first is error else f' ({_reason(first)})')


def existing_file(path: str | Path) -> Path:
    """The path, after a check that a file with content is there.

    Raises:
        DataError: if the file is absent, empty, or not a file.
    """
    path = Path(path)
    with reading(path, 'a file'):
        if not path.exists():
            raise DataError('does not exist', file=path)
        if not path.is_file():
            raise DataError('is not a file', file=path)
        if path.stat().st_size == 0:
            raise DataError('is empty', file=path)
    return path
