"""Files of formats that are not read: the message states what they are and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.readers import DataError, open_clip, read_image
from usmm.readers.foreign_formats import foreign_format

ASF = b'\x30\x26\xb2\x75\x8e\x66\xcf\x11' + bytes(40)
HEIC = b'\x00\x00\x00\x18ftypheic' + bytes(40)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'RIFF\x00\x00\x00\x00WEBPVP8 ' + bytes(40), 'it is a WebP image, which is not read: save it as PNG'),
        (HEIC, 'it is a HEIC or AVIF image, which is not read: save it as PNG'),
        (b'%PDF-1.7\n' + bytes(40), 'it is a PDF, which is not read: export its pictures as PNG'),
        (b'\n<html><body>Not found</body></html>', 'it is a web page, which is not read: download the file itself'),
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


def test_other_files_are_of_no_such_format(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(b'no picture')
    assert foreign_format(tmp_path / 'a.png') is foreign_format(tmp_path / 'absent.png') is None
    with pytest.raises(DataError, match='cannot be read as an image: it is not PNG, JPEG, BMP, TIFF, GIF, or'):
        read_image(tmp_path / 'a.png')
