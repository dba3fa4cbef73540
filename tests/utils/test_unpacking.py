"""Archives that unpack to more than they state, or than is allowed."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from usmm.utils import unpacking
from usmm.utils.unpacking import entry_chunks, open_archive, read_entry

SIZE = 24  # offset of the size of the content in an entry of the list at the end
MUCH = 32 * 2**20


def archive(entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return file.getvalue()


def claiming(content: bytes, size: int) -> bytes:
    """An archive of one entry with another size stated."""
    place = content.rindex(b'PK\x01\x02') + SIZE
    return content[:place] + struct.pack('<I', size) + content[place + 4 :]


def unpack(content: bytes, name: str = 'a', most: int = 1000) -> bytes:
    with open_archive(io.BytesIO(content)) as opened:
        return read_entry(opened, opened.getinfo(name), most)


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_read(method: int, tmp_path: Path) -> None:
    content = archive({'a': b'x' * 1000, 'b': b''}, method)
    assert unpack(content) == b'x' * 1000 and unpack(content, 'b') == b''
    (tmp_path / 'a.zip').write_bytes(content)
    with open_archive(tmp_path / 'a.zip') as opened:
        assert b''.join(entry_chunks(opened, opened.getinfo('a'), 1000)) == b'x' * 1000


@pytest.mark.parametrize('claim', [None, 500, 999])
def test_a_bomb_is_left_before_it_takes_memory(claim: int | None) -> None:
    content = archive({'a': bytes(MUCH)})
    content = content if claim is None else claiming(content, claim)
    tracemalloc.start()
    try:
        with pytest.raises(
            ValueError, match=r"its entry 'a' has 33554432 bytes, over the limit|its archive is damaged"
        ):
            unpack(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (archive({'a': b'x' * 1001}), "its entry 'a' has 1001 bytes, over the limit of 1000"),
        (archive({'a': b'x'}, zipfile.ZIP_BZIP2), r"its entry 'a' is packed by method 12; 0 and 8 \(deflate\)"),
        (archive({'a': b'x'}, zipfile.ZIP_LZMA), "its entry 'a' is packed by method 14; 0 and 8"),
        (claiming(archive({'a': b'x' * 100}), 200), "its entry 'a' has 100 bytes, and 200 are stated|damaged"),
        (claiming(archive({'a': b'x' * 100}, zipfile.ZIP_STORED), 50), 'its archive is damaged: Bad CRC-32'),
        (b'PK\x03\x04 nothing', 'its archive is damaged: File is not a zip file'),
        (archive({'a': b'x' * 500})[:-40], 'its archive is damaged: '),
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unpack(content)


def test_more_than_is_stated_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    # of a reader that does not stop at what is stated, as Python's does
    content = archive({'a': b'x'})
    monkeypatch.setattr(zipfile.ZipFile, 'open', lambda *_: io.BytesIO(bytes(5000)))
    with pytest.raises(ValueError, match=r"its entry 'a' has over 1000 bytes"):
        unpack(content)


def test_encrypted_entries() -> None:
    content = bytearray(archive({'a': b'x'}))
    content[content.rindex(b'PK\x01\x02') + 8] |= 1
    with pytest.raises(ValueError, match="its entry 'a' is encrypted"):
        unpack(bytes(content))


def test_an_entry_before_the_start() -> None:
    content = bytearray(archive({'a': b'x'}))
    place = content.rindex(b'PK\x05\x06') + 16  # where the list of entries begins, by which all offsets are moved
    content[place : place + 4] = (5000).to_bytes(4, 'little')
    with pytest.raises(ValueError, match=r"its archive is damaged: (entry 'a' lies before its start|Bad offset)"):
        unpack(bytes(content))


def test_a_list_of_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive({f'{i:05d}': b'' for i in range(3000)})
    assert unpack(content, '00007') == b''
    monkeypatch.setattr(unpacking, 'MAX_DIRECTORY_BYTES', 100_000)
    with pytest.raises(ValueError, match='its list of entries has over 100000 bytes'):
        unpack(content, '00007')
