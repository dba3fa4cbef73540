"""DICOM palettes: stored value -> RGB, 8 bits (PS3.3, C.7.6.3.1.5 and C.7.9)."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom.pixels import apply_color_lut

from usmm.readers.dicom.header_values import name_of
from usmm.readers.dicom.lookup import Descriptor, entries_of
from usmm.readers.errors import DataError

COLOURS = ('Red', 'Green', 'Blue')


def palette_of(header: Dataset, values: np.ndarray) -> np.ndarray:
    """The colour of each value.

    Args:
        header: The dataset.
        values: All values that a pixel can have, in the order of their codes.

    Returns:
        (values, 3) uint8.

    Raises:
        DataError: if a table is absent, shorter than stated, or of another depth than 8 or 16 bits.
    """
    stated = [_descriptor(header, colour, values) for colour in COLOURS]
    if any(f'Segmented{colour}PaletteColorLookupTableData' in header for colour in COLOURS):
        tables = _segmented(header, stated)
    else:
        tables = [_table(header, colour, one) for colour, one in zip(COLOURS, stated)]
    # Tables of 16 bits use their full range by the standard; some scanners write 8-bit colours into them.
    shift = 8 if max(int(table.max()) for table in tables) > 255 else 0
    colours = [table[np.clip(values - one.first, 0, one.count - 1)] >> shift for table, one in zip(tables, stated)]
    return np.stack(colours, axis=-1).astype(np.uint8)


def _descriptor(header: Dataset, colour: str, values: np.ndarray) -> Descriptor:
    keyword = f'{colour}PaletteColorLookupTableDescriptor'
    stated = Descriptor.read(header, keyword, values, 'is a palette image, which')
    if stated.bits not in (8, 16):
        raise DataError(f'has {name_of(keyword)} with entries of {stated.bits} bits, expected 8 or 16: correct it')
    return stated


def _table(header: Dataset, colour: str, stated: Descriptor) -> np.ndarray:
    keyword = f'{colour}PaletteColorLookupTableData'
    data = header.get(keyword)
    if data is None:
        raise DataError(f'is a palette image, which needs {name_of(keyword)}: add the element, or save it as RGB')
    entries = entries_of(data, stated.count, packed=True, header=header)
    if len(entries) < stated.count:
        raise DataError(
            f'has {name_of(keyword)} of {len(entries)} entries, its descriptor states {stated.count}: correct the '
            'element, or save the image as RGB'
        )
    return entries[: stated.count]


def _segmented(header: Dataset, stated: list[Descriptor]) -> list[np.ndarray]:
    """Tables that are stored as curves (PS3.3, C.7.9.2), expanded by pydicom as if they began at 0."""
    part = Dataset()
    part.file_meta = header.file_meta
    count = stated[0].count
    for colour, one in zip(COLOURS, stated):
        keyword = f'Segmented{colour}PaletteColorLookupTableData'
        if keyword not in header:
            raise DataError(f'is a palette image, which needs {name_of(keyword)}: add the element, or save it as RGB')
        if one.count != count:
            raise DataError(
                f'has palettes of {count} and {one.count} entries '
                f'({name_of(f"{colour}PaletteColorLookupTableDescriptor")}), '
                'expected as many: correct the element, or save the image as RGB'
            )
        part[keyword] = header[keyword]
        setattr(part, f'{colour}PaletteColorLookupTableDescriptor', [count % 2**16, 0, one.bits])
    try:
        colours = apply_color_lut(np.arange(count, dtype=np.uint16), part)
    except Exception as error:  # curves that end early, or of unknown kinds: errors of every type
        raise DataError(
            f'has {name_of("SegmentedRedPaletteColorLookupTableData")} or one of the other colours that cannot be '
            f'expanded to {count} entries: save the image as RGB'
        ) from error
    return [colours[..., index].astype(np.int64) for index in range(3)]
