"""What a client is told when a request cannot be answered: a status, a code that programs read, and words."""

from __future__ import annotations

STATUS = {
    'bad_request': 400,
    'unauthorized': 401,
    'forbidden': 403,
    'not_found': 404,
    'timeout': 408,
    'too_large': 413,
    'bad_type': 415,
    'unreadable': 422,
    'missing_input': 422,
    'bad_value': 422,
    'busy': 429,
    'failed': 500,
    'stopping': 503,
    'unavailable': 503,
    'no_room': 507,
}


class RequestError(Exception):
    """A request that gets no answer.

    Args:
        code: One of `STATUS`.
        message: For the person who sent it. It never holds a name, an id, a date or a file name of a patient.
        input: The field that it is about, or None.

    Raises:
        ValueError: An unknown code.
    """

    def __init__(self, code: str, message: str, input: str | None = None) -> None:
        if code not in STATUS:
            raise ValueError(f'unknown code {code!r}; known are {sorted(STATUS)}')
        super().__init__(code, message, input)
        self.code, self.message, self.input = code, message, input

    def __str__(self) -> str:
        return self.message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.code]

    def body(self) -> dict[str, dict[str, str | None]]:
        """The JSON body."""
        return {'error': {'code': self.code, 'message': self.message, 'input': self.input}}
