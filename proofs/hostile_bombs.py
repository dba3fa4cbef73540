"""Small files that ask for much: what `prove_files.py` throws at the readers beside damaged ones."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from hostile_seeds import Seed, dataset, reopened, scene, with_fragments, written
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

CELLS = '<row>' + '<c t="s"><v>0</v></c>' * 3 + '</row>'


def make_bombs(seeds: list[Seed]) -> Iterator[Seed]:
    """Every bomb, made one at a time: some take tens of megabytes."""
    known = {seed.name: seed for seed in seeds}
    yield from _huge_images(known)
    yield from _claims(known)
    yield from _dicom_bombs(known)
    yield from _table_bombs(known['XLSX'].content)


def png(width: int, height: int, colour: int = 2, depth: int = 8, filled: bool = True) -> bytes:
    """A PNG of zeros of any size, whose rows need not be held in memory; colour 0 grey, 2 RGB, 6 RGBA."""
    packer = zlib.compressobj(1)
    row = b'\0' * (1 + width * {0: 1, 2: 3, 6: 4}[colour] * depth // 8)
    data = b''.join(packer.compress(row) for _ in range(height if filled else 1)) + packer.flush()
    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + b''.join(_chunk(*part) for part in ((b'IHDR', head), (b'IDAT', data), (b'IEND', b'')))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def _huge_images(known: dict[str, Seed]) -> Iterator[Seed]:
    yield Seed('PNG of 100 megapixels', 'image', '.png', png(10_000, 10_000))
    yield Seed('PNG of 100 megapixels, transparent', 'image', '.png', png(10_000, 10_000, 6))
    yield Seed('PNG of 100 megapixels, 16 bit', 'image', '.png', png(10_000, 10_000, 2, 16))
    yield Seed('PNG of 100 megapixels, 16 bit, transparent', 'image', '.png', png(10_000, 10_000, 6, 16))
    yield Seed('mask of 100 megapixels, transparent', 'mask', '.png', png(10_000, 10_000, 6))
    yield Seed('PNG that claims 2 billion columns', 'image', '.png', png(2**31 - 1, 1, 0, filled=False))
    yield Seed('PNG that claims 99 megapixels', 'image', '.png', png(99_000, 1000, filled=False))
    text = known['PNG'].content
    packed = zlib.compress(b'\0' * 200_000_000)
    yield Seed('PNG with a text of 200 MB', 'image', '.png', text[:33] + _chunk(b'zTXt', b'a\0\0' + packed) + text[33:])
    stream = io.BytesIO()
    Image.new('L', (9999, 9999)).save(stream, 'TIFF', compression='tiff_adobe_deflate')
    yield Seed('TIFF of 100 megapixels', 'image', '.tif', stream.getvalue())
    stream = io.BytesIO()
    Image.new('RGB', (9999, 9999)).save(stream, 'JPEG', progressive=True)
    yield Seed('JPG of 100 megapixels, progressive', 'image', '.jpg', stream.getvalue())
    stream = io.BytesIO()
    frames = [Image.new('P', (9999, 9999), i) for i in range(8)]
    frames[0].save(stream, 'GIF', save_all=True, append_images=frames[1:], duration=80)
    yield Seed('GIF of 8 frames of 100 megapixels', 'clip', '.gif', stream.getvalue())


def _claims(known: dict[str, Seed]) -> Iterator[Seed]:
    """Headers whose size is a lie."""
    bmp = bytearray(known['BMP'].content)
    bmp[18:26] = struct.pack('<ii', 10_000, 10_000)
    yield Seed('BMP that claims 100 megapixels', 'image', '.bmp', bytes(bmp))
    for role, name, suffix in (('image', 'JPG', '.jpg'), ('clip', 'AVI', '.avi')):
        jpg = known[name].content
        for width, height in ((65_500, 65_500), (9990, 9990)):
            lie = jpg_size(jpg, width, height)
            yield Seed(f'{name} whose picture claims {width} x {height}', role, suffix, lie)
    gif = bytearray(known['GIF'].content)
    gif[6:10] = struct.pack('<HH', 65_535, 1500)
    yield Seed('GIF that claims 98 megapixels', 'clip', '.gif', bytes(gif))
    mp4 = known['MP4'].content
    for box, offset in ((b'stsz', 12), (b'stts', 8), (b'stsc', 8)):  # counts of samples in the index
        at = mp4.index(box) + offset
        lie = mp4[:at] + struct.pack('>I', 1_000_000) + mp4[at + 4 :]
        yield Seed(f'MP4 whose {box.decode()} claims a million frames', 'clip', '.mp4', lie)
        lie = mp4[:at] + struct.pack('>I', 2**32 - 1) + mp4[at + 4 :]
        yield Seed(f'MP4 whose {box.decode()} claims 4 billion frames', 'clip', '.mp4', lie)
    at = mp4.index(b'stts') + 12  # one entry: count, duration
    lie = mp4[:at] + struct.pack('>I', 100_000_000) + mp4[at + 4 :]
    yield Seed('MP4 whose frame count is 100 million', 'clip', '.mp4', lie)
    avi = known['AVI'].content
    at = avi.index(b'avih') + 8 + 16
    yield Seed('AVI that claims 4 billion frames', 'clip', '.avi', avi[:at] + b'\xff' * 4 + avi[at + 4 :])


def jpg_size(content: bytes, width: int, height: int) -> bytes:
    """JPEG data whose first frame header states another size."""
    at = next(i for i in range(len(content)) if content[i : i + 2] in (b'\xff\xc0', b'\xff\xc2', b'\xff\xf7'))
    return content[: at + 5] + struct.pack('>HH', height, width) + content[at + 9 :]


def _dicom_bombs(known: dict[str, Seed]) -> Iterator[Seed]:
    cine = np.stack([scene(i) for i in range(3)])
    made = dataset(cine, 'RGB')
    for rows, columns, frames in ((48, 64, 1_000_000), (65_535, 65_535, 1), (9999, 9999, 1), (48, 64, 2**31 - 1)):
        made.Rows, made.Columns, made.NumberOfFrames = rows, columns, frames
        yield _dicom(f'that claims {frames} frames of {columns} x {rows}', written(made))
    yield _dicom('deflated to 400 MB', deflated(b'\0' * 400_000_000))
    yield _dicom('deflated from 10 million elements', deflated(many_elements(10_000_000)))
    yield _dicom('deflated from 10,000 nested sequences', deflated(_nested(10_000)))
    yield _dicom(
        'with 2 million frame times', deflated(_element(0x0018, 0x1065, b'UN', b'1\\' * 2_000_000, defined=True))
    )
    yield _dicom('with 4 million regions', deflated(_element(0x0018, 0x6011, b'SQ', _items(4_000_000), defined=True)))
    yield _dicom('with 4 million items of no length', deflated(_element(0x0018, 0x6011, b'SQ', _items(4_000_000))))
    for name, syntax, lie in (
        ('JPEG baseline', JPEGBaseline8Bit, jpg_size),
        ('JPEG 2000', JPEG2000Lossless, j2k_size),
        ('JPEG-LS', JPEGLSLossless, jpg_size),
    ):
        piece = next(generate_frames(reopened(known[f'DICOM {name}'].content).PixelData))
        for width, height in ((60_000, 60_000), (10_000, 9000)):
            lying = with_fragments(dataset(cine, 'RGB'), [lie(piece, width, height)] * 3, syntax)
            yield _dicom(f'{name} whose frames state {width} x {height}', written(lying))
            lying.Rows, lying.Columns = height, width
            yield _dicom(f'{name} that is stated to be {width} x {height}', written(lying))
    segments = b''.join(struct.pack('<I', n) for n in [3, *[64] * 15]) + b'\x81\0' * 500_000
    yield _dicom('RLE of 190 MB', written(with_fragments(dataset(cine, 'RGB'), [segments] * 3, RLELossless)))


def _dicom(name: str, content: bytes) -> Seed:
    return Seed(f'DICOM {name}', 'dicom', '.dcm', content)


def j2k_size(content: bytes, width: int, height: int) -> bytes:
    """A JPEG 2000 code stream whose image and tile are of another size."""
    at = content.index(b'\xff\x51') + 6
    size = struct.pack('>II', width, height)
    return content[:at] + size + content[at + 8 : at + 16] + size + content[at + 24 :]


def deflated(body: bytes) -> bytes:
    """A deflated DICOM file with these bytes as its dataset."""
    made = dataset(scene(0)[None], 'RGB')
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    whole = written(made)
    start = 132 + 12 + reopened(whole).file_meta.FileMetaInformationGroupLength
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return whole[:start] + packer.compress(body) + packer.flush()


def many_elements(count: int) -> bytes:
    """Empty private elements, each of another tag."""
    tags = np.arange(count, dtype=np.uint32)
    rows = np.zeros((count, 4), np.uint16)
    rows[:, 0], rows[:, 1] = 0x0009 + 2 * (tags >> 16), tags & 0xFFFF
    rows[:, 2] = int.from_bytes(b'LO', 'little')
    return rows.tobytes()


def _element(group: int, element: int, kind: bytes, content: bytes, defined: bool = False) -> bytes:
    """One element, its length in the long form, before a small grey picture."""
    end = b'' if defined else b'\xfe\xff\xdd\xe0\0\0\0\0'
    length = len(content) if defined else 0xFFFFFFFF
    return struct.pack('<HH2sHI', group, element, kind, 0, length) + content + end + _picture()


def _picture() -> bytes:
    shorts = ((0x0002, 1), (0x0010, 48), (0x0011, 64), (0x0100, 8), (0x0101, 8), (0x0102, 7), (0x0103, 0))
    values = {tag: b'US' + struct.pack('<HH', 2, value) for tag, value in shorts} | {0x0004: b'CS\x0c\0MONOCHROME2 '}
    content = b''.join(struct.pack('<HH', 0x0028, tag) + values[tag] for tag in sorted(values))
    pixels = struct.pack('<HH2sHI', 0x7FE0, 0x0010, b'OB', 0, 48 * 64) + bytes(48 * 64)
    return content + pixels


def _items(count: int) -> bytes:
    return b'\xfe\xff\x00\xe0\0\0\0\0' * count


def _nested(depth: int) -> bytes:
    start = b'\x18\x00\x11\x60SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff'
    return start * depth


def _table_bombs(book: bytes) -> Iterator[Seed]:
    yield _csv('of 1 million columns', b','.join(b'c%d' % i for i in range(1_000_000)))
    yield _csv('of 15 million rows', b'a,b\n' + b'1,2\n' * 15_000_000)
    yield _csv('of 60 million commas', b',' * 60_000_000)
    yield _csv('of 60 million line ends', b'\n' * 60_000_000)
    yield _csv('of one open quote', b'a,b\n"' + b'x' * 60_000_000)
    yield _csv('of 300 MB', b'x' * 300_000_000)
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
    strings = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</sst>'
    yield _xlsx('of 10 million empty rows', book, 'xl/worksheets/sheet1.xml', sheet.format('<row/>' * 10_000_000))
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="2000000000"><c r="A2000000000"><v>1</v></c></row>'
    yield _xlsx('with row 2 billion', book, 'xl/worksheets/sheet1.xml', sheet.format(far))
    wide = ''.join(f'<row r="{i}"><c r="ZZZ{i}"><v>1</v></c></row>' for i in range(1, 50_000))
    yield _xlsx('of 900 million cells', book, 'xl/worksheets/sheet1.xml', sheet.format(wide))
    yield _xlsx('of 3 million cells', book, 'xl/worksheets/sheet1.xml', sheet.format(CELLS * 1_000_000))
    yield _xlsx('of 10 million strings', book, 'xl/sharedStrings.xml', strings.format('<si/>' * 10_000_000))
    yield _xlsx('of 10 million styles', book, 'xl/styles.xml', _styles('<xf/>' * 10_000_000))
    yield _xlsx('of 500 MB', book, 'xl/worksheets/sheet1.xml', ' ' * 500_000_000)
    laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + ''.join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12)
    )
    for part in ('xl/worksheets/sheet1.xml', 'xl/workbook.xml', 'xl/styles.xml', '[Content_Types].xml'):
        yield _xlsx(f'with entities in {part}', book, part, laughs + ']><x>&m;</x>')
    for method, kind in ((zipfile.ZIP_DEFLATED, 'deflate'), (zipfile.ZIP_BZIP2, 'bzip2'), (zipfile.ZIP_LZMA, 'LZMA')):
        for part in ('mimetype', 'xl/workbook.xml', 'xl/media/image1.png'):
            yield _claiming(f'that states 1000 bytes of {part} ({kind})', part, method)
    yield _xlsx('nested a million deep', book, 'xl/worksheets/sheet1.xml', sheet.format('<row>' * 1_000_000))
    yield _xlsx('of a million nested styles', book, 'xl/styles.xml', _styles('<xf>' * 1_000_000))


def _styles(content: str) -> str:
    return f'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs>{content}</cellXfs></styleSheet>'


def _csv(name: str, content: bytes) -> Seed:
    return Seed(f'CSV {name}', 'table', '.csv', content)


def _claiming(name: str, part: str, method: int) -> Seed:
    """An archive whose one entry states 1000 bytes and unpacks to 500 MB."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', method) as archive, archive.open(part, 'w', force_zip64=True) as file:
        for _ in range(500):
            file.write(bytes(10**6))
    content = bytearray(stream.getvalue())
    place = content.rindex(b'PK\x01\x02') + 24  # the size in the list of entries
    content[place : place + 4] = (1000).to_bytes(4, 'little')
    return Seed(f'XLSX {name}', 'table', '.xlsx', bytes(content))


def _xlsx(name: str, book: bytes, part: str, content: str) -> Seed:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            new.writestr(item, content if item == part else old.read(item))
        if part not in old.namelist():
            new.writestr(part, content)
    return Seed(f'XLSX {name}', 'table', '.xlsx', stream.getvalue())
