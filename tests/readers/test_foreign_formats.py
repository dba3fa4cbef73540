"""Files of formats that are not read: the message states what they are and what to do."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from usmm.readers import DataError, open_clip, read_image
from usmm.readers.foreign_formats import foreign_format

ASF = b'\x30\x26\xb2\x75\x8e\x66\xcf\x11' + bytes(40)
HEIC = b'\x00\x00\x00\x18ftypheic' + bytes(40)


def jpeg(marker: int, bits: int) -> bytes:
    """A comment of 300 bytes, then a frame header (ITU T.81, B.2.2) and nothing more."""
    frame = struct.pack('>BBHBHHBBBB', 0xFF, marker, 11, bits, 5, 7, 1, 1, 17, 0)
    return b'\xff\xd8' + struct.pack('>BBH', 0xFF, 0xFE, 302) + bytes(300) + frame


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'RIFF\x00\x00\x00\x00WEBPVP8 ' + bytes(40), 'it is a WebP image, which is not read: save it as PNG'),
        (HEIC, 'it is a HEIC or AVIF image, which is not read: save it as PNG'),
        (b'%PDF-1.7\n' + bytes(40), 'it is a PDF, which is not read: export its pictures as PNG'),
        (b'\n<html><body>Not found</body></html>', 'it is a web page, which is not read: download the file itself'),
        (b'\xff\x0a' + bytes(40), 'it is a JPEG XL code stream, which is not read: save it as PNG'),
        (b'\x00\x00\x00\x0cJXL \r\n\x87\n' + bytes(40), 'it is a JPEG XL image, which is not read: save it as PNG'),
        (b'II\xbc\x01' + bytes(40), 'it is a JPEG XR image, which is not read: save it as PNG'),
        (jpeg(0xF7, 8), 'it is a JPEG-LS image, which is not read: save it as PNG'),
        (jpeg(0xC1, 12), 'it is a JPEG of 12 bits, which is not read: save it as PNG'),
        (jpeg(0xC3, 16), 'it is a JPEG of 16 bits, which is not read: save it as PNG'),
        (b'\x00\x00\x00\x0cjP  \r\n\x87\n' + bytes(40), 'it is a JPEG 2000 image, which is not read: save it as PNG'),
    ],
)
def test_an_image_of_another_format(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(DataError, match=f'cannot be read as an image: {message}'):
        read_image(tmp_path / 'a.png')


def test_a_video_of_another_format(tmp_path: Path) -> None:
    (tmp_path / 'a.mp4').write_bytes(ASF)
    with pytest.raises(DataError, match=r'it is a Windows Media \(ASF\) video, which is not read: convert it to MP4'):
        open_clip(tmp_path / 'a.mp4')


@pytest.mark.parametrize('content', [jpeg(0xC0, 8), jpeg(0xC4, 12)[:320], jpeg(0xDA, 12), b'\xff\xd8\xff'])
def test_damaged_jpeg_is_of_no_other_format(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'a.jpg').write_bytes(content)
    assert foreign_format(tmp_path / 'a.jpg') is None


def test_other_files_are_of_no_such_format(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(b'no picture')
    assert foreign_format(tmp_path / 'a.png') is foreign_format(tmp_path / 'absent.png') is None
    with pytest.raises(DataError, match='cannot be read as an image: it is not PNG, JPEG, BMP, TIFF, GIF, or'):
        read_image(tmp_path / 'a.png')
