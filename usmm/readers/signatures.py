"""What a file that should be a table is, by its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile, is_zipfile

from usmm.readers.errors import DataError
from usmm.utils.unpacking import open_archive

COMPOUND = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'  # the container of old Office files, and of encrypted new ones
ENCRYPTED = 'EncryptedPackage'.encode('utf-16-le')  # the name of a stream in it
OTHERS = {
    b'%PDF': 'a PDF',
    b'\x89PNG': 'a PNG image',
    b'\xff\xd8\xff': 'a JPEG image',
    b'{\\rtf': 'an RTF document',
    b'\x1f\x8b': 'compressed with gzip: unpack it',
    b'SQLite format 3': 'an SQLite database',
    b'PAR1': 'a Parquet file: save it as CSV',
}
START, COMPOUND_BYTES = 512, 2**22  # bytes; names of streams stand near the beginning of all but the largest


def check_kind(path: Path) -> str:
    """`'workbook'` or `'text'`.

    Args:
        path: The file.

    Raises:
        DataError: It is something else; the message states what, and what to do.
    """
    with path.open('rb') as file:
        start = file.read(START)
        if start.startswith(COMPOUND):
            if ENCRYPTED in start + file.read(COMPOUND_BYTES):
                raise DataError('is a workbook with a password: save it without one', file=path)
            raise DataError(
                'is in the old format of Excel (.xls), or has a password: save it as .xlsx without one',
                file=path,
            )
    if start.startswith(b'PK\x03\x04'):
        return _of_archive(path)
    for magic, name in OTHERS.items():
        if start.startswith(magic):
            raise DataError(f'is not a table but {name}', file=path)
    if path.name.startswith('~$') and not start.startswith(b'PK'):
        raise DataError('is the lock file of an open workbook, not the workbook itself', file=path)
    text = start.removeprefix(b'\xef\xbb\xbf').lstrip()
    if b'urn:schemas-microsoft-com:office:spreadsheet' in start or b'progid="Excel.Sheet"' in start:
        raise DataError('is an XML spreadsheet of Excel 2003: save it as .xlsx or CSV', file=path)
    if text.startswith((b'[{', b'{"', b'[\r', b'[\n', b'{\r', b'{\n')):
        raise DataError('is not a table but JSON: save it as .xlsx or CSV', file=path)
    if start.lstrip()[:1] == b'<' and b'<html' in start.lower():
        raise DataError(
            'is a web page, as some programs export in place of a table: save it as .xlsx or CSV', file=path
        )
    return 'text'


def _of_archive(path: Path) -> str:
    if not is_zipfile(path):
        raise DataError('is a workbook that was cut off: copy or save it anew', file=path)
    with workbook_archive(path) as archive:
        names = set(archive.namelist())
        if 'mimetype' in names and b'opendocument' in _start(archive, 'mimetype'):
            raise DataError('is an OpenDocument file (.ods): save it as .xlsx or CSV', file=path)
        if 'xl/workbook.bin' in names:
            raise DataError('is a binary workbook (.xlsb): save it as .xlsx or CSV', file=path)
        if 'word/document.xml' in names:
            raise DataError('is a Word document: save its table as .xlsx or CSV', file=path)
    return 'workbook'


@contextmanager
def workbook_archive(path: Path) -> Iterator[ZipFile]:
    """The archive that a workbook is, see `usmm.utils.unpacking`.

    Args:
        path: The workbook.

    Raises:
        DataError: It is damaged, or packed in a way that is not read; or the block finds such damage.
    """
    try:
        with open_archive(path) as archive:
            yield archive
    except ValueError as error:
        raise DataError(f'is no workbook that can be read: {error}', file=path) from error


def _start(archive: ZipFile, part: str) -> bytes:
    with archive.open(part) as file:
        return file.read(START)
