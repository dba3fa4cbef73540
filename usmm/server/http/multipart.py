"""The parts of a multipart body, one event at a time, with nothing kept but the headers of one part."""

from __future__ import annotations

from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from usmm.server.http.http_errors import RequestError

HEADERS, HEADER_BYTES = 8, 2048  # of one part
PLAIN = frozenset({b'', b'7bit', b'8bit', b'binary'})
BROKEN = 'The body is not multipart/form-data as it says.'


class Sink(Protocol):
    """Takes the parts as they come."""

    def begin(self, name: str, filename: str | None) -> None:
        """A part begins; a filename, also an empty one, says that it is a file."""

    def data(self, data: bytes) -> None:
        """Bytes of it."""

    def end(self) -> None:
        """It is whole."""


class PartParser:
    """Split a multipart body.

    Args:
        content_type: Of the request.
        sink: Gets the parts; what it raises ends the reading.

    Raises:
        RequestError: `bad_type` where the request is of another type, `bad_request` where its boundary is none.
    """

    def __init__(self, content_type: str, sink: Sink) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b'multipart/form-data':
            raise RequestError('bad_type', 'Send the inputs as multipart/form-data.')
        boundary = options.get(b'boundary', b'')
        if not 0 < len(boundary) <= 70:  # RFC 2046, section 5.1.1
            raise RequestError('bad_request', 'The content type names no boundary of 1 to 70 characters.')
        self._sink, self.ended = sink, False
        self._headers: dict[bytes, bytes] = {}
        self._field = self._value = b''
        calls = {
            'on_part_begin': self._part_begin,
            'on_header_field': self._header_field,
            'on_header_value': self._header_value,
            'on_header_end': self._header_end,
            'on_headers_finished': self._headers_finished,
            'on_part_data': lambda data, start, end: sink.data(data[start:end]),
            'on_part_end': sink.end,
            'on_end': self._end,
        }
        self._parser = MultipartParser(boundary, calls, max_header_count=HEADERS, max_header_size=HEADER_BYTES)  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        """The next bytes of the body; what follows the last boundary is not looked at.

        Args:
            data: The bytes.

        Raises:
            RequestError: `bad_request` where they are no multipart body.
        """
        if self.ended:
            return
        try:
            self._parser.write(data)
        except FormParserError:
            raise RequestError('bad_request', BROKEN) from None

    def close(self) -> None:
        """The body has ended.

        Raises:
            RequestError: `bad_request` where its last boundary has not come.
        """
        if not self.ended:
            raise RequestError('bad_request', 'The body ends before its last part does.')

    def _part_begin(self) -> None:
        self._headers, self._field, self._value = {}, b'', b''

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        name = self._field.strip().lower()
        if name in self._headers:
            raise RequestError('bad_request', 'A part has the same header twice.')
        self._headers[name] = self._value
        self._field = self._value = b''

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b'content-disposition', b'').decode('latin-1'))
        if kind != b'form-data' or not options.get(b'name'):
            raise RequestError('bad_request', 'A part of the body has no name.')
        if self._headers.get(b'content-transfer-encoding', b'').strip().lower() not in PLAIN:
            raise RequestError('bad_request', 'A part is encoded; send its bytes as they are.')
        filename = options.get(b'filename')
        self._sink.begin(_text(options[b'name']), None if filename is None else _text(filename))

    def _end(self) -> None:
        self.ended = True


def _text(value: bytes) -> str:
    return value.decode('utf-8', 'replace')
