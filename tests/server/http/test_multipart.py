from __future__ import annotations

import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.http.multipart import PartParser

KIND = 'multipart/form-data; boundary=xx'
BODY = (
    b'--xx\r\nContent-Disposition: form-data; name="age"\r\n\r\n54\r\n'
    b'--xx\r\nContent-Disposition: form-data; name="bus"; filename="Doe; Jane.png"\r\nContent-Type: image/png\r\n\r\n'
    b'\r\n--x\r\n-\r\n--xx\r\n--xx--\r\n'
)


class Kept:
    """Keeps the parts."""

    def __init__(self) -> None:
        self.parts: list[list] = []

    def begin(self, name: str, filename: str | None) -> None:
        self.parts.append([name, filename, b'', False])

    def data(self, data: bytes) -> None:
        self.parts[-1][2] += data

    def end(self) -> None:
        self.parts[-1][3] = True


def parsed(body: bytes, step: int, kind: str = KIND) -> list[list]:
    kept = Kept()
    parser = PartParser(kind, kept)
    for at in range(0, len(body), step):
        parser.write(body[at : at + step])
    parser.close()
    return kept.parts


@pytest.mark.parametrize('step', [1, 2, 3, 7, 64, 10_000])
def test_parts_are_the_same_however_the_body_is_cut(step: int) -> None:
    body = BODY.replace(b'\r\n--xx\r\n--xx--', b'\r\n--xx--')
    assert parsed(body, step) == [
        ['age', None, b'54', True],
        ['bus', 'Doe; Jane.png', b'\r\n--x\r\n-', True],
    ]


def test_what_follows_the_end_is_not_looked_at() -> None:
    assert len(parsed(b'--xx\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--xx--\r\n' + b'?' * 5000, 100)) == 1


@pytest.mark.parametrize('kind', ['', 'application/json', 'multipart/mixed; boundary=xx', 'text/plain;boundary=xx'])
def test_other_types_are_refused(kind: str) -> None:
    with pytest.raises(RequestError, match=r'Send the inputs as multipart/form-data'):
        parsed(BODY, 100, kind)


@pytest.mark.parametrize('boundary', ['', '; boundary=', f'; boundary={"x" * 71}'])
def test_a_boundary_is_needed(boundary: str) -> None:
    with pytest.raises(RequestError, match='boundary of 1 to 70'):
        parsed(BODY, 100, 'multipart/form-data' + boundary)


@pytest.mark.parametrize(
    ('body', 'words'),
    [
        (b'hello', 'is not multipart/form-data'),
        (b'--xx\r\n' + b''.join(b'A%d: b\r\n' % i for i in range(9)), 'is not multipart/form-data'),
        (b'--xx\r\nA: ' + b'b' * 3000, 'is not multipart/form-data'),
        (b'--xx\r\nContent-Disposition: form-data; name=a\r\n\r\n1', 'ends before its last part'),
        (b'', 'ends before its last part'),
        (b'--xx\r\nA: b\r\n\r\n1\r\n--xx--', 'has no name'),
        (b'--xx\r\nContent-Disposition: form-data; name=""\r\n\r\n1\r\n--xx--', 'has no name'),
        (b'--xx\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--xx--', 'has no name'),
        (
            b'--xx\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n--xx--',
            'is encoded',
        ),
        (b'--xx\r\nA: b\r\na: c\r\n\r\n1\r\n--xx--', 'same header twice'),
    ],
)
def test_broken_bodies(body: bytes, words: str) -> None:
    with pytest.raises(RequestError, match=words) as error:
        parsed(body, 50)
    assert error.value.code == 'bad_request'
