"""A form with files, written to the spool while it comes in, with every limit enforced on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from unicodedata import category

from usmm.server.decode.sniff import CLIP, NEEDED, STILL, TABLE, FileType, refused, sniff, sniff_table
from usmm.server.http.http_errors import RequestError
from usmm.server.http.multipart import PartParser
from usmm.server.names import plain_place
from usmm.server.server_limits import MIB, Limits
from usmm.server.spool import Folder, SpoolFile

USES: dict[str, tuple[frozenset[str], str]] = {
    'image': (frozenset({STILL}), 'an image: PNG, JPEG, BMP, TIFF, GIF or DICOM'),
    'mask': (frozenset({STILL}), 'a mask: PNG, JPEG, BMP, TIFF, GIF or DICOM'),
    'clip': (frozenset({CLIP}), 'a clip: MP4, MOV, AVI, MPEG, GIF or DICOM'),
    'any': (frozenset({STILL, CLIP}), 'an image or a clip: PNG, JPEG, BMP, TIFF, GIF, DICOM, MP4, MOV, AVI or MPEG'),
    'table': (frozenset({TABLE}), 'a table: CSV or XLSX'),
}
ONCE = frozenset({'mask', 'table'})


@dataclass(frozen=True)
class Form:
    """What a request may hold.

    Args:
        files: Field -> `'image'`, `'clip'`, `'mask'`, `'table'` or `'any'` (an image or a clip).
        values: Fields that are text.
        once: Fields of files that come at most once; masks and tables always do.
    """

    files: Mapping[str, str]
    values: frozenset[str]
    once: frozenset[str] = frozenset()

    @property
    def known(self) -> str:
        """All fields, in words."""
        return ', '.join([*sorted(self.files), *sorted(self.values)])


@dataclass
class Uploads:
    """What came.

    Args:
        files: Field -> files in the spool, in the order in which they came.
        values: Field -> text.
        named: Name that the client gives, with its relative folders -> file; of fields of the kind `'any'`. For a table
            that names its files; never written, never logged.
    """

    files: dict[str, list[Path]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    named: dict[str, Path] = field(default_factory=dict)


async def receive(
    stream: AsyncIterator[bytes],
    content_type: str,
    content_length: str | None,
    form: Form,
    folder: Folder,
    limits: Limits,
    whole_names: bool = False,
) -> Uploads:
    """Read a form from a request.

    Args:
        stream: Pieces of the body as they come.
        content_type: Of the request.
        content_length: As it states it; None where it comes in chunks.
        form: What it may hold.
        folder: Where files are written.
        limits: What is allowed.
        whole_names: Files of the kind `'any'` are named by their client, and each name comes once.

    Raises:
        RequestError: `too_large`, `bad_type`, `bad_request`, `unreadable` (an empty file), `timeout` or `busy`.
    """
    if content_length is not None and content_length.isdecimal() and int(content_length) > limits.request_bytes:
        raise too_large_request(limits)
    reader = _Reader(form, folder, limits, whole_names)
    parser = PartParser(content_type, reader)
    try:
        await asyncio.wait_for(_feed(stream, parser, limits), limits.upload_seconds)
    except (asyncio.TimeoutError, TimeoutError):  # two classes before Python 3.11
        words = f'The request took longer than {limits.upload_seconds:g} seconds to arrive.'
        raise RequestError('timeout', words) from None
    finally:
        reader.close()
    folder.renew()
    return reader.uploads


def too_large_request(limits: Limits) -> RequestError:
    """The error of a request that is too large."""
    return RequestError('too_large', f'The request is larger than {_size(limits.request_bytes)}.')


async def _feed(stream: AsyncIterator[bytes], parser: PartParser, limits: Limits) -> None:
    taken = 0
    async for data in stream:
        taken += len(data)
        if taken > limits.request_bytes:
            raise too_large_request(limits)
        parser.write(data)
    parser.close()


class _Reader:
    """Takes the parts: files to the spool, text to memory."""

    def __init__(self, form: Form, folder: Folder, limits: Limits, whole_names: bool) -> None:
        self.form, self.folder, self.limits, self.whole_names = form, folder, limits, whole_names
        self.uploads = Uploads()
        self._files = self._values = self._size = 0
        self._name, self._filename = '', ''
        self._text: bytearray | None = None
        self._head: bytearray | None = None
        self._file: SpoolFile | None = None

    def begin(self, name: str, filename: str | None) -> None:
        if name not in self.form.files and name not in self.form.values:
            raise RequestError('bad_request', f'The form has an unknown field. Its fields are: {self.form.known}.')
        self._name, self._size = name, 0
        self._text = self._head = self._file = None
        if name in self.form.values:
            self._begin_value(name, filename)
        else:
            self._begin_file(name, filename)

    def data(self, data: bytes) -> None:
        self._size += len(data)
        if self._text is not None:
            if self._size > self.limits.field_bytes:
                words = f'{self._name} is longer than {self.limits.field_bytes} bytes.'
                raise RequestError('too_large', words, self._name)
            self._text += data
            return
        if self._size > self.limits.file_bytes:
            words = f'{self._name} is larger than {_size(self.limits.file_bytes)}.'
            raise RequestError('too_large', words, self._name)
        if self._head is not None:
            self._head += data
            if len(self._head) >= NEEDED:
                self._open()
        elif self._file is not None:
            self._file.write(data)

    def end(self) -> None:
        if self._text is not None:
            self.uploads.values[self._name] = self._decoded(bytes(self._text))
            return
        if self._size == 0:
            if self._filename:
                raise RequestError('unreadable', f'{self._name}: the file is empty.', self._name)
            return  # a browser's form sends an empty part for a field without a file
        if self._head is not None:
            self._open()
        self.close()

    def close(self) -> None:
        """Close the file that is being written, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_value(self, name: str, filename: str | None) -> None:
        if filename is not None:
            raise RequestError('bad_request', f'{name} is a text field and takes no file.', name)
        if name in self.uploads.values:
            raise RequestError('bad_request', f'{name} is given twice.', name)
        self._values += 1
        if self._values > self.limits.fields:
            raise RequestError('too_large', f'The form has more than {self.limits.fields} text fields.')
        self._text = bytearray()

    def _begin_file(self, name: str, filename: str | None) -> None:
        if filename is None:
            raise RequestError('bad_request', f'{name} is a file; send it with a file name.', name)
        if name in self.uploads.files and (name in self.form.once or self.form.files[name] in ONCE):
            raise RequestError('bad_request', f'{name} is given twice.', name)
        self._files += 1
        if self._files > self.limits.files:
            raise RequestError('too_large', f'The request has more than {self.limits.files} files.')
        self._filename, self._head = filename, bytearray()

    def _open(self) -> None:
        """The first bytes are here: find the type, or refuse the file before the rest of it comes."""
        head, self._head = bytes(self._head or b''), None
        kind = self._type(head)
        self._file = self.folder.new_file(kind.suffix)
        self.uploads.files.setdefault(self._name, []).append(self._file.path)
        if self.whole_names and self.form.files[self._name] == 'any':
            self.uploads.named[self._client_name()] = self._file.path
        self._file.write(head)

    def _type(self, head: bytes) -> FileType:
        uses, words = USES[self.form.files[self._name]]
        kind = sniff_table(head) if TABLE in uses else sniff(head)
        if kind is not None and kind.uses & uses:
            return kind
        other = kind or sniff(head)
        came = f'a file of the type {other.name}' if other else refused(head) or 'of no type that is read'
        raise RequestError('bad_type', f'{self._name} takes {words}. This file is {came}.', self._name)

    def _client_name(self) -> str:
        name = plain_place(self._filename) or plain_place(PureWindowsPath(self._filename).name)
        if name is None:
            raise RequestError('bad_request', f'A file of {self._name} has no name to find it by.', self._name)
        if name in self.uploads.named:
            raise RequestError('bad_request', f'Two files of {self._name} have the same name.', self._name)
        return name

    def _decoded(self, text: bytes) -> str:
        try:
            found = text.decode('utf-8')
        except UnicodeDecodeError:
            raise RequestError('bad_request', f'{self._name} is not text in UTF-8.', self._name) from None
        if any(category(letter)[0] == 'C' and letter not in '\t\r\n' for letter in found):
            raise RequestError('bad_request', f'{self._name} holds characters that cannot be printed.', self._name)
        return found.strip()


def _size(count: int) -> str:
    return f'{count // MIB} MiB' if count % MIB == 0 else f'{count} bytes'
