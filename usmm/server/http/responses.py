"""Answers as HTTP: JSON, and errors in their one form."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from usmm.server.http.http_errors import RequestError

JSON = 'application/json'
RETRY_SECONDS = 5
EXTRA: dict[str, dict[str, str]] = {
    'busy': {'Retry-After': str(RETRY_SECONDS)},
    'stopping': {'Retry-After': str(RETRY_SECONDS)},
    'unavailable': {'Retry-After': str(RETRY_SECONDS)},
    'no_room': {'Retry-After': str(RETRY_SECONDS)},
    'unauthorized': {'WWW-Authenticate': 'Bearer'},
}
FAILED = RequestError('failed', 'The server made a mistake. Nothing of the request was kept.')


def to_json(content: object) -> bytes:
    """Content as JSON; a number that JSON does not know (NaN, infinity) is a defect and raises.

    Args:
        content: What `json` can write.

    Raises:
        ValueError: A number that is not finite.

    Example:
        >>> to_json({'a': 1.5})
        b'{"a":1.5}'
    """
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(',', ':')).encode()


def json_reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Content, or JSON that is written already, as an answer.

    Args:
        content: What `to_json` writes, or its bytes.
        status: HTTP status.
        headers: More headers.
    """
    body = content if isinstance(content, bytes) else to_json(content)
    return Response(body, status, dict(headers or {}), JSON)


def error_reply(error: RequestError, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """An error as an answer.

    Args:
        error: What to tell.
        status: HTTP status, where it is not that of the code.
        headers: More headers.
    """
    return json_reply(error.body(), status or error.status, {**EXTRA.get(error.code, {}), **(headers or {})})
