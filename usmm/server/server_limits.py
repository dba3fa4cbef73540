"""How much one request may take. Every limit is enforced while the bytes come in, or in the process that decodes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Args:
        file_bytes: Of one file.
        request_bytes: Of a whole request.
        files: Number of files of a request.
        fields: Number of fields of a request that are no files.
        field_bytes: Of one such field.
        upload_seconds: From the first byte of a request to its last.
        header_seconds: From the start of a connection, or the end of the last answer, to the end of the headers.
        decode_seconds: Processor time of the process that reads a request's files; its wall time is twice that.
        decode_bytes: Memory of that process, beyond what it starts with.
        waiting: Requests that wait for the model; one more is answered 429.
        wait_seconds: How long one waits.
        keep_seconds: Uploads older than this are removed, whatever became of their request.

    Raises:
        ValueError: A limit that is not positive, or not finite.
    """

    file_bytes: int = 64 * MIB
    request_bytes: int = 256 * MIB
    files: int = 16
    fields: int = 200
    field_bytes: int = 4096
    upload_seconds: float = 60.0
    header_seconds: float = 10.0
    decode_seconds: float = 20.0
    decode_bytes: int = 2048 * MIB
    waiting: int = 32
    wait_seconds: float = 60.0
    keep_seconds: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f'limit {field.name} must be finite, got {value}')
            if value <= 0:
                raise ValueError(f'{field.name} must be positive, got {value}')
