"""How deep the pixels of a file are, for a comparison of the files of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from usmm.readers.deep_png import PngFacts
from usmm.readers.deep_tiff import needs_care
from usmm.readers.depth import real_depth
from usmm.readers.dicom.file import check_pixel_data, is_dicom, open_stream, pixel_facts, read_header
from usmm.readers.dicom.grey import scale_words
from usmm.readers.dicom.pixels import true_colour
from usmm.readers.errors import existing_file, reading
from usmm.readers.image import stored_pixels
from usmm.readers.tiff_directory import read_directory

PNG = b'\x89PNG'


@dataclass(frozen=True)
class DepthFacts:
    """The depth of a file's pixels.

    Args:
        bits: Bits a sample, as the file states them; 8 for a video.
        used: Bits that the largest value needs (8, 10, 12 or 16), for PNG and TIFF of more than 8 bits; else as `bits`.
        scale: What a DICOM file does to grey values before they are shown, such as `window 600/1001`; else empty.
        assumed: What was concluded from the pixels against the header, such as `YBR_FULL_422 taken for RGB`.
    """

    bits: int = 8
    used: int = 8
    scale: str = ''
    assumed: str = ''


def depth_facts(path: str | Path) -> DepthFacts:
    """The depth of the pixels of an image or a clip; only images of more than 8 bits are decoded for it.

    Args:
        path: The file.

    Raises:
        DataError: if the file is absent or damaged.
    """
    path = existing_file(path)
    with reading(path, 'an image'):
        if is_dicom(path):
            with open_stream(path) as stream:
                header = read_header(stream, path)
                facts = check_pixel_data(stream, header, pixel_facts(header, path), path)
                if facts.full_size:
                    return DepthFacts(assumed=f'YBR_FULL_422 taken for {true_colour(stream, facts, path)}')
            if facts.transformed and facts.colour.startswith('YBR_FULL'):
                return DepthFacts(assumed=f'{facts.colour} taken for RGB')
            grey = facts.colour.startswith('MONOCHROME')
            return DepthFacts(facts.stored, facts.stored, scale_words(header) if grey else '')
        with path.open('rb') as file:
            deep = file.read(4) == PNG and PngFacts.read(path).bits == 16
        tags = read_directory(path)
        if not deep and (tags is None or not needs_care(tags)):
            return DepthFacts()
        pixels, bits = stored_pixels(path)
        if bits <= 8 or pixels.dtype.kind != 'u' or bits > 16:
            return DepthFacts(bits, bits)
        colours = pixels if pixels.ndim == 2 or pixels.shape[2] == 3 else pixels[..., :-1]
        return DepthFacts(bits, min(bits, real_depth(int(colours.max()))))
