"""Attacks by files: what they pretend to be, what else they are, and how much they ask for."""

from __future__ import annotations

import base64
import io
import struct
import tempfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from attacks_forms import PNG
from hostile_bombs import _chunk, make_bombs, png
from hostile_seeds import Seed, dataset, make_seeds, scene, written
from PIL import Image
from server_attacks import Attack, Expect
from server_target import PREVIEW, Target, part

SCRIPT = b'<script>alert(document.domain)</script>'
PREAMBLES = {
    'a program': b'MZ\x90\0' + b'\0' * 56 + struct.pack('<I', 64) + b'PE\0\0',
    'a TIFF': b'II*\0\x08\0\0\0',
    'a web page': b'<html>' + SCRIPT,
    'a PDF': b'%PDF-1.7\n',
    'a ZIP': b'PK\x03\x04',
    'a script': b'#!/bin/sh\nid\n',
}
REFUSED = {
    'SVG': b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    'SVG behind a comment': b'<!-- --><svg onload="alert(1)"/>',
    'HTML': b'<!DOCTYPE html>' + SCRIPT,
    'HTML in UTF-16': ('\ufeff<html><script>1</script>').encode('utf-16-le'),
    'XML': b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    'PDF': b'%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>',
    'a Windows program': b'MZ\x90\0\x03\0\0\0',
    'a Linux program': b'\x7fELF\x02\x01\x01',
    'a shell script': b'#!/bin/sh\nid\n',
    'a ZIP': b'PK\x03\x04\x14\0\0\0\0\0',
    'a RAR': b'Rar!\x1a\x07\x01\0',
    'pickled Python': b'\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94',
    'an array of numpy': b"\x93NUMPY\x01\0v\0{'descr': '|O'}",
    'weights': b'PK\x03\x04archive/data.pkl',
    'PostScript': b'%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n',
    'commands of ImageMagick': b'push graphic-context\nimage over 0,0 0,0 "|id"\n',
    'a playlist': b'#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\nfile:///etc/passwd\n',
    'a list of FFmpeg': b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    'a link of Windows': b'[InternetShortcut]\nURL=http://127.0.0.1/',
    'WebP': b'RIFF\x10\0\0\0WEBPVP8 ',
    'HEIC': b'\0\0\0\x18ftypheic\0\0\0\0',
    'Matroska': b'\x1aE\xdf\xa3\x01\0\0\0',
    'nothing': b'\0' * 4096,
}
LIES = ('image/png', 'text/html', 'image/svg+xml', 'application/dicom', 'video/mp4', '../../etc/passwd')


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    for name, content in REFUSED.items():
        yield Attack('file type', name, partial(_type, content))
    for name, start in PREAMBLES.items():
        yield Attack('two in one', f'DICOM and {name}', partial(_preamble, start))
    for name in _POLYGLOTS:
        yield Attack('two in one', name, partial(_polyglot, name))
    yield Attack('file type', 'a type that lies', _lies)
    for name, role in (('MP4', 'clip'), ('XLSX', 'table'), ('CSV', 'table')):
        yield Attack('file type', f'{name} as an image', partial(_wrong_use, role, name))
    yield Attack('file', 'empty', lambda t: Expect((422,))(t.upload(b'')))
    yield Attack('file', 'one byte', lambda t: Expect((415,))(t.upload(b'\x89')))
    yield Attack('file', 'only the signature', lambda t: Expect((422,))(t.upload(PNG[:8])))
    yield Attack('file', 'a picture of no size', lambda t: Expect((422,))(t.upload(png(0, 0))))
    yield Attack('bomb', 'TIFF of 3,000 pages', _pages, check=True)
    yield Attack('bomb', 'PNG with a million parts', _many_chunks, check=True)
    yield Attack('bomb', 'GIF of 30,000 frames', _many_frames, check=True)
    for seed in sorted(BOMBS):
        yield Attack('bomb', seed, partial(_bomb, seed), slow=True)


def _type(content: bytes, target: Target) -> str | None:
    for filename, kind in (('a.png', 'image/png'), ('a.dcm', 'application/dicom')):
        problem = Expect((415,), ['alert(', 'root:x'])(target.upload(content, filename, kind))
        if problem:
            return problem
    return Expect((415,))(target.upload(content, 'a.mp4', 'video/mp4', 'clip'))


def _dicom(**tags: str) -> bytes:
    made = dataset(np.stack([scene(i) for i in range(3)]), 'RGB')
    for name, value in tags.items():
        setattr(made, name, value)
    return written(made)


def _preamble(start: bytes, target: Target) -> str | None:
    return Expect((415,), ['alert('])(target.upload(start.ljust(128, b'\0') + _dicom()[128:], 'a.dcm'))


def _picture(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(scene(0)).save(stream, kind, **options)
    return stream.getvalue()


_POLYGLOTS = {
    'GIF and JavaScript': lambda: b'GIF89a/*' + _picture('GIF')[8:] + b'*/=1;alert(document.domain)//',
    'PNG and HTML': lambda: _picture('PNG') + b'<html>' + SCRIPT,
    'JPEG and ZIP': lambda: _picture('JPEG') + b'PK\x03\x04' + b'PK\x05\x06' + b'\0' * 18,
    'JPEG with script in a comment': lambda: _picture('JPEG', comment=SCRIPT),
    'PNG with script in a text': lambda: PNG[:33] + _chunk(b'tEXt', b'Title\0' + SCRIPT) + PNG[33:],
    'BMP and a program': lambda: _picture('BMP') + b'MZ\x90\0' + SCRIPT,
    'TIFF with script': lambda: _picture('TIFF', description='<script>alert(1)</script>'),
    'PNG and pickled Python': lambda: _picture('PNG') + REFUSED['pickled Python'],
    'DICOM with script': lambda: _dicom(PatientName='<script>alert(1)', SeriesDescription='alert(1)'),
}


def _polyglot(name: str, target: Target) -> str | None:
    """It is refused, or drawn anew: no byte of the second meaning comes back, also not inside a picture."""
    reply = target.upload(_POLYGLOTS[name](), 'a.html', 'text/html')
    problem = Expect((200, 415, 422), ['alert(', '<script', 'posix'])(reply)
    if problem or reply.status != 200:
        return problem
    inside = b''.join(base64.b64decode(uri.partition(',')[2]) for uri in reply.json['pictures'])
    if any(word in inside for word in (b'alert(', b'<script', b'posix', b'MZ\x90')):
        return 'a picture of the answer holds what was hidden'
    return None if reply.headers['content-type'] == 'application/json' else 'the answer is no JSON'


def _lies(target: Target) -> str | None:
    for kind in LIES:
        reply = target.upload(PNG, 'a.svg', kind)
        if reply.status != 200 or reply.json['type'] != 'PNG':
            return f'{kind}: answered {reply.status}'
        if not all(uri.startswith(('data:image/png;', 'data:image/jpeg;')) for uri in reply.json['pictures']):
            return 'the stated type comes back'
    return None


def _wrong_use(role: str, name: str, target: Target) -> str | None:
    return Expect((415,))(target.upload(_seeds()[name].content))


@lru_cache(1)
def _seeds() -> dict[str, Seed]:
    with tempfile.TemporaryDirectory() as folder:
        return {seed.name: seed for seed in make_seeds(Path(folder))}


BOMBS = {
    'PNG of 100 megapixels, 16 bit, transparent', 'PNG that claims 2 billion columns', 'PNG that claims 99 megapixels',
    'PNG with a text of 200 MB', 'TIFF of 100 megapixels', 'JPG of 100 megapixels, progressive',
    'GIF of 8 frames of 100 megapixels', 'BMP that claims 100 megapixels',
    'JPG whose picture claims 65500 x 65500', 'AVI whose picture claims 65500 x 65500', 'GIF that claims 98 megapixels',
    'MP4 whose stsz claims 4 billion frames', 'MP4 whose frame count is 100 million',
    'AVI that claims 4 billion frames',
    'DICOM that claims 1000000 frames of 64 x 48', 'DICOM that claims 1 frames of 65535 x 65535',
    'DICOM that claims 2147483647 frames of 64 x 48', 'DICOM deflated to 400 MB',
    'DICOM deflated from 10 million elements', 'DICOM deflated from 10,000 nested sequences',
    'DICOM with 4 million regions', 'DICOM JPEG 2000 whose frames state 60000 x 60000', 'DICOM RLE of 190 MB',
    'XLSX of 10 million empty rows', 'XLSX with row 2 billion', 'XLSX of 3 million cells', 'XLSX of 500 MB',
    'XLSX with entities in xl/workbook.xml', 'XLSX with entities in [Content_Types].xml', 'XLSX nested a million deep',
}  # fmt: skip


@lru_cache(1)
def _bombs() -> dict[str, Seed]:
    return {bomb.name: bomb for bomb in make_bombs(list(_seeds().values())) if bomb.name in BOMBS}


def _bomb(name: str, target: Target) -> str | None:
    bomb = _bombs()[name]
    if bomb.role == 'table':
        parts, path = [part('table', bomb.content, 't.xlsx')], target.batch
    else:
        kinds = ['image', 'clip'] if bomb.role == 'dicom' else [bomb.role]
        parts, path = [part('file', bomb.content, 'a', ''), part('kind', kinds[-1])], PREVIEW
    return Expect((200, 413, 415, 422))(target.post(path, parts))


def _pages(target: Target) -> str | None:
    stream = io.BytesIO()
    pages = [Image.new('L', (8, 8))] * 3000
    pages[0].save(stream, 'TIFF', save_all=True, append_images=pages[1:])
    return Expect((200, 413, 422))(target.upload(stream.getvalue()))


def _many_chunks(target: Target) -> str | None:
    return Expect((200, 413, 422))(target.upload(PNG[:33] + _chunk(b'abCd', b'') * 500_000 + PNG[33:]))


def _many_frames(target: Target) -> str | None:
    gif = _picture('GIF')
    at = gif.index(b',', 800)
    return Expect((200, 413, 422))(target.upload(gif[:at] + gif[at:-1] * 500 + gif[-1:], 'a.gif', read='clip'))
